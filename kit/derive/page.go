package derive

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
)

//go:embed page.html
var pageHTML string

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"time":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") },
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).Parse(pageHTML))

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
		fail(w, err)
		return
	}
	show(w, http.StatusOK, "list", data)
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
		fail(w, err)
		return
	}
	w.Header().Set("Location", "./") // http.Redirect would make it absolute, without what the page is under
	w.WriteHeader(http.StatusSeeOther)
}

func show(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// fail shows an error in the frame.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	var wrong *offload.InputError
	switch {
	case errors.Is(err, offload.ErrNotFound):
		status = http.StatusNotFound
	case errors.As(err, &wrong):
		status = http.StatusConflict
	}
	show(w, status, "error", err.Error())
}
