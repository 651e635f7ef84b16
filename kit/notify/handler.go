package notify

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/live"
)

//go:embed piece
var piece embed.FS

// A Handler answers people who look at their list. It is safe for concurrent use.
type Handler struct {
	app    *offload.App
	path   string
	who    func(r *http.Request) string
	served http.Handler

	streams live.Streams

	mu    sync.Mutex
	looks map[string]*look
}

// NewHandler makes a handler that is mounted at a path, "/notices/". Who says which person a request is from, by what your program knows of its sessions, and "" if from none. It
// answers:
//
//	GET  /notices/      the list as JSON, or to Accept: text/event-stream as a stream of it, whenever it is another;
//	                    with ?older-than= and the id of a notice what is older than that
//	POST /notices/read  marks as read what the fields "id" of the form name; all if there is none
//	POST /notices/seen  marks the notice "id" as seen: for an app in which a push was opened
//
// A request that a page of another origin makes is refused.
func NewHandler(app *offload.App, path string, who func(r *http.Request) string) (*Handler, error) {
	switch {
	case app == nil:
		return nil, refuse("app", "nil", "an app")
	case who == nil:
		return nil, refuse("who", "nil", "a function")
	case !strings.HasPrefix(path, "/") || !strings.HasSuffix(path, "/") || strings.ContainsAny(path, "{} \t"):
		return nil, refuse("path", path, "a path such as /notices/")
	}
	files, err := fs.Sub(piece, "piece")
	if err != nil {
		return nil, err
	}
	h := &Handler{app: app, path: path, who: who, looks: map[string]*look{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"piece/{name}", live.Files(files))
	mux.HandleFunc("GET "+path+"{$}", h.of(h.list))
	mux.HandleFunc("POST "+path+"read", h.of(h.read))
	mux.HandleFunc("POST "+path+"seen", h.of(h.seen))
	h.served = http.NewCrossOriginProtection().Handler(mux)
	return h, nil
}

// ServeHTTP answers.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.served.ServeHTTP(w, r) }

// of finds out who asks.
func (h *Handler) of(f func(w http.ResponseWriter, r *http.Request, person string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Accept, Cookie, Authorization")
		person := h.who(r)
		if checkPerson("who", person) != nil {
			http.Error(w, "Please sign in.", http.StatusUnauthorized)
			return
		}
		f(w, r, person)
	}
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, person string) {
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		h.stream(w, r, person)
		return
	}
	var text string
	var err error
	if id := r.FormValue("older-than"); id != "" {
		than, wrong := offload.ParseID(id)
		if wrong != nil {
			http.Error(w, "older-than is no id of a notice.", http.StatusBadRequest)
			return
		}
		text, err = jsonOf(Older(r.Context(), h.app, person, than))
	} else {
		text, err = h.json(r.Context(), person)
	}
	if err != nil {
		http.Error(w, "The list can't be read just now.", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(text))
}

// mostForm is how much of a form is read: a hundred ids take a quarter of it.
const mostForm = 16 << 10

// ids are those that a form names.
func ids(w http.ResponseWriter, r *http.Request) (all []offload.ID, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	for _, text := range r.PostForm["id"] {
		id, err := offload.ParseID(text)
		if err != nil {
			return nil, err
		}
		all = append(all, id)
	}
	return all, nil
}

func (h *Handler) read(w http.ResponseWriter, r *http.Request, person string) {
	all, err := ids(w, r)
	if err != nil {
		http.Error(w, "That is no form with ids.", http.StatusBadRequest)
		return
	}
	h.answer(w, person, MarkRead(r.Context(), h.app, person, all...))
}

func (h *Handler) seen(w http.ResponseWriter, r *http.Request, person string) {
	all, err := ids(w, r)
	if err != nil || len(all) != 1 {
		http.Error(w, "That is no form with one id.", http.StatusBadRequest)
		return
	}
	job, err := h.app.Job(r.Context(), all[0])
	if err == nil {
		if n, wrong := Notify.Input(job); job.Task != Notify.Name() || wrong != nil || n.To != person {
			err = offload.ErrNotFound // so that nobody fills the database with marks
		}
	}
	if errors.Is(err, offload.ErrNotFound) { // the job is not kept any more, but the list may have it
		h.answer(w, person, MarkRead(r.Context(), h.app, person, all[0]))
		return
	}
	if err == nil {
		err = MarkSeen(r.Context(), h.app, person, all[0])
	}
	h.answer(w, person, err)
}

// answer ends a change, and lets the next look see it.
func (h *Handler) answer(w http.ResponseWriter, person string, err error) {
	if err != nil {
		http.Error(w, "That can't be noted just now.", http.StatusServiceUnavailable)
		return
	}
	h.mu.Lock()
	l := h.looks[person]
	h.mu.Unlock()
	if l != nil {
		l.mu.Lock()
		l.at = time.Time{}
		l.mu.Unlock()
	}
	w.WriteHeader(http.StatusNoContent)
}

const (
	streamEvery = time.Second
	freshFor    = 700 * time.Millisecond // what was read answers all windows of a person within that time
)

// stream sends the list whenever it is another.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, person string) {
	if !h.streams.Enter(w) {
		return
	}
	defer h.streams.Leave()
	l := h.enter(person)
	defer h.leave(person, l)
	live.Send(w, r, streamEvery, 3*time.Second, func(ctx context.Context) (text string, last bool, err error) {
		text, err = h.look(ctx, person, l)
		return text, false, err
	})
}

// enter returns what a window shares with the others of a person.
func (h *Handler) enter(person string) *look {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.looks[person]
	if l == nil {
		l = &look{}
		h.looks[person] = l
	}
	l.windows++
	return l
}

func (h *Handler) leave(person string, l *look) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l.windows--; l.windows == 0 {
		delete(h.looks, person)
	}
}

// A look is what was last seen of a person's list, for all windows in which they have it open.
type look struct {
	windows int // the handler's lock is held for it

	mu   sync.Mutex // held while the store is asked
	at   time.Time
	text string
}

// look returns a person's list as JSON, read not long ago.
func (h *Handler) look(ctx context.Context, person string, l *look) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) < freshFor {
		return l.text, nil
	}
	began := time.Now()
	text, err := h.json(ctx, person)
	if err != nil {
		return "", err
	}
	if text != l.text { // windows go on to share the same
		l.text = text
	}
	l.at = began
	return l.text, nil
}

// json is a person's list.
func (h *Handler) json(ctx context.Context, person string) (string, error) {
	return jsonOf(Inbox(ctx, h.app, person))
}

func jsonOf(list List, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if list.Items == nil {
		list.Items = []Item{}
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// Piece is HTML for the pages of a person: a bell with the number of what is unread, and the list behind it. A script of the handler keeps it true; without scripts it says
// what it said when the page was made. Nothing in it is inline, so that it fits a strict Content-Security-Policy; its looks follow the page's font and light or dark, and
// the custom properties --bell-mark and --bell-paper.
func (h *Handler) Piece(ctx context.Context, person string) (template.HTML, error) {
	list, err := Inbox(ctx, h.app, person)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = pieceHTML.Execute(&b, struct {
		Path string
		List
	}{h.path, list})
	return template.HTML(b.String()), err
}

var pieceHTML = template.Must(template.New("piece").Parse(`<link rel="stylesheet" href="{{.Path}}piece/bell.css">
<details class="offload-bell" data-url="{{.Path}}" data-unread="{{.Unread}}">
<summary><svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path fill="none" stroke="currentColor" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round" d="M6 10a6 6 0 0 1 12 0c0 5 2 6 2 7H4c0-1 2-2 2-7m4 10a2 2 0 0 0 4 0"/></svg><span role="status"><span class="offload-bell-count"{{if not .Unread}} hidden{{end}}>{{.Unread}}</span><span class="offload-bell-words"> unread notices</span></span></summary>
<div class="offload-bell-list">
<form method="post" action="{{.Path}}read"><button{{if not .Unread}} disabled{{end}}>Mark all as read</button></form>
<ol>
{{range .Items}}<li data-id="{{.ID}}"{{if .Read}} class="read"{{end}}>{{if .URL}}<a href="{{.URL}}">{{.Title}}</a>{{else}}<b>{{.Title}}</b>{{end}}{{if .Text}}<p>{{.Text}}</p>{{end}}<time datetime="{{.At.Format "2006-01-02T15:04:05Z07:00"}}">{{.At.Format "2006-01-02 15:04"}}</time></li>
{{end}}</ol>
<p class="offload-bell-none"{{if .Items}} hidden{{end}}>Nothing yet.</p>
</div>
</details>
<script type="module" src="{{.Path}}piece/bell.js"></script>
`))
