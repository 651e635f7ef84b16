package derive

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
)

//go:embed page.html
var pageHTML string

var pages = page.Parse(pageHTML, nil)

const pageHeld = 200

// A heldRow is a held entity in the page.
type heldRow struct {
	Handler, Entity, Job string
	Seq                  int64
	Since                time.Time
	Mine                 bool // this process can skip it
}

// Page is a page for dashboard.Page("Events", …): how far each handler has come, what is held, with a button that gives up an event, and what nobody handles. The dashboard says who may see it and who may
// press the button; served elsewhere, the program has to.
func (e *Events) Page(app *offload.App) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", e.page)
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) { e.act(app, w, r) })
	return http.NewCrossOriginProtection().Handler(mux)
}

func (e *Events) page(w http.ResponseWriter, r *http.Request) {
	var data struct {
		Handlers  []Progress
		Held      []heldRow
		Unhandled []Unhandled
	}
	var err error
	if data.Handlers, err = e.Handlers(r.Context()); err == nil {
		data.Held, err = e.heldRows(r.Context())
	}
	if err == nil {
		data.Unhandled, err = e.unhandled(r.Context())
	}
	if err != nil {
		pages.Fail(w, page.Status(err), err)
		return
	}
	pages.Show(w, "list", data)
}

// heldRows are the entities that are held, the oldest first.
func (e *Events) heldRows(ctx context.Context) (all []heldRow, err error) {
	rows, err := e.db.QueryContext(ctx, "SELECT handler, entity, seq, job, since FROM offload_events_held ORDER BY since LIMIT $1", pageHeld)
	if err != nil {
		return nil, fmt.Errorf("look at what is held: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var h heldRow
		var since string
		if err := rows.Scan(&h.Handler, &h.Entity, &h.Seq, &h.Job, &since); err != nil {
			return nil, err
		}
		h.Since, _ = time.Parse(stampLayout, since) // it is ours
		h.Mine = e.handlers[h.Handler] != nil
		all = append(all, h)
	}
	return all, rows.Err()
}

// act skips an event, and shows the page again.
func (e *Events) act(app *offload.App, w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	err := r.ParseForm()
	if err == nil {
		err = e.Skip(r.Context(), app, r.PostForm.Get("skip"), r.PostForm.Get("entity"))
	}
	if err != nil {
		pages.Fail(w, page.Status(err), err)
		return
	}
	page.Back(w, "./")
}
