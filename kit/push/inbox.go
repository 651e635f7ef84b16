package push

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/record"
)

//go:embed view
var views embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"time":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") },
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"hint":  func(t Target) string { return t.hint() },
}).ParseFS(views, "view/*.html"))

// listed is how many pushes the list shows.
const listed = 200

// Inbox shows the pushes that Keep has kept, of all processes, for dashboard.Page("Pushes", push.Inbox(app)): a list, and of each push what
// a device would show and what its service would get. It writes pieces of HTML, and is to be mounted where a path with a slash at its
// end leads to "/". Pushes are shown to whoever may come to the handler.
func Inbox(app *offload.App) http.Handler {
	all := keptOf(app)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { showList(w, r, all) })
	mux.HandleFunc("GET /p/{id}/{$}", func(w http.ResponseWriter, r *http.Request) { showOne(w, r, all) })
	return mux
}

func showList(w http.ResponseWriter, r *http.Request, all *record.Kind[kept]) {
	found, err := newest(r.Context(), all)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	render(w, "list.html", struct {
		All    int
		Pushes []record.Record[kept]
	}{len(found), found[:min(len(found), listed)]})
}

func showOne(w http.ResponseWriter, r *http.Request, all *record.Kind[kept]) {
	id, err := offload.ParseID(r.PathValue("id"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	push, err := all.Get(r.Context(), id.String())
	switch {
	case errors.Is(err, offload.ErrNotFound):
		http.NotFound(w, r)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var payload bytes.Buffer
	if json.Indent(&payload, push.Value.Payload, "", "  ") != nil {
		payload.Reset()
		payload.Write(push.Value.Payload)
	}
	render(w, "push.html", struct {
		record.Record[kept]
		Payload string
		Seconds int
	}{push, payload.String(), push.Value.Message.seconds()})
}

// render writes a piece of HTML.
func render(w http.ResponseWriter, view string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, view, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(w) // whoever has gone does not want it
}
