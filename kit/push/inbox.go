package push

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
	"github.com/offloadhq/offload/record"
)

//go:embed view
var views embed.FS

var pages = page.ParseFS(views, template.FuncMap{"hint": func(t Target) string { return t.hint() }})

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
	pages.Show(w, "list.html", struct {
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
	pages.Show(w, "push.html", struct {
		record.Record[kept]
		Payload string
		Seconds int
	}{push, payload.String(), push.Value.Message.seconds()})
}
