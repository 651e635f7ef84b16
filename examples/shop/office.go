package shop

import (
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/export"
)

// manyOrders is how many orders of former years the office can bring in.
const manyOrders = 1_000_000

// A wait is a job that somebody in the office has asked for.
type wait struct {
	What string
	At   time.Time
	Bar  template.HTML
	File *export.File // when it is there
}

// showOffice shows what the owner sees: exports and their bars, and what was sold on each day.
func (s *site) showOffice(w http.ResponseWriter, r *http.Request) {
	page, err := s.office(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, "office.html", page)
}

func (s *site) office(ctx context.Context) (map[string]any, error) {
	waits, err := s.waits(ctx)
	if err != nil {
		return nil, err
	}
	reports, err := s.reports(ctx)
	if err != nil {
		return nil, err
	}
	var past int64
	if err := s.DB.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM past_orders`).Scan(&past); err != nil {
		return nil, err
	}
	var earned, earnedOf int64
	if err := s.DB.QueryRowContext(ctx, `SELECT coalesce(sum(cents), 0), count(*) FROM earnings`).Scan(&earned, &earnedOf); err != nil {
		return nil, err
	}
	return map[string]any{
		"Earned": earned, "EarnedOf": earnedOf, "Waits": waits, "Reports": reports, "Past": past, "Many": int64(manyOrders),
	}, nil
}

// waits are the newest exports and imports.
func (s *site) waits(ctx context.Context) (waits []wait, err error) {
	jobs, err := s.App.Jobs(ctx, offload.Filter{Tasks: []string{exportTask, ImportPast.Name()}, Max: 8})
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		w := wait{What: "Orders of former years brought in", At: job.CreatedAt}
		if job.Task == exportTask {
			if w, err = s.exportWait(ctx, job); err != nil {
				return nil, err
			}
		}
		if w.Bar, err = s.waiting.Piece(ctx, job.ID, time.Hour); err != nil {
			return nil, err
		}
		waits = append(waits, w)
	}
	return waits, nil
}

func (s *site) exportWait(ctx context.Context, job *offload.Job) (wait, error) {
	var wish ExportWish
	if err := json.Unmarshal(job.Input, &wish); err != nil {
		return wait{}, err
	}
	w := wait{What: "Export of " + wish.name(), At: job.CreatedAt}
	if job.State == offload.Completed {
		file, err := s.Orders.Wait(ctx, s.App, job.ID)
		if err != nil {
			return wait{}, err
		}
		w.File = &file
	}
	return w, nil
}

// A dayReport is what was sold on a day.
type dayReport struct {
	Day    string
	Orders int64
	Cents  int64
}

func (s *site) reports(ctx context.Context) (reports []dayReport, err error) {
	rows, err := s.DB.QueryContext(ctx, `SELECT day, orders, cents FROM reports ORDER BY day DESC LIMIT 7`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d dayReport
		if err := rows.Scan(&d.Day, &d.Orders, &d.Cents); err != nil {
			return nil, err
		}
		reports = append(reports, d)
	}
	return reports, rows.Err()
}

func (s *site) requestExport(w http.ResponseWriter, r *http.Request) {
	_, err := s.RequestExport(r.Context(), r.PostFormValue("orders") == "past", r.PostFormValue("format"))
	s.backToOffice(w, r, err)
}

func (s *site) requestPast(w http.ResponseWriter, r *http.Request) {
	_, err := ImportPast.Enqueue(r.Context(), s.App, Past{manyOrders}, offload.Unique{Key: "past"}) // one at a time is enough
	s.backToOffice(w, r, err)
}

func (s *site) requestReport(w http.ResponseWriter, r *http.Request) {
	_, err := Report.Enqueue(r.Context(), s.App, Day{time.Now().UTC().Format(time.DateOnly)})
	s.backToOffice(w, r, err)
}

func (s *site) backToOffice(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/office", http.StatusSeeOther)
}
