package status

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
	"github.com/offloadhq/offload/internal/ticket"
)

//go:embed piece
var piece embed.FS

// A Handler answers those who wait for a job. It is safe for concurrent use.
type Handler struct {
	app  *offload.App
	path string
	keys *ticket.Keys
	mux  *http.ServeMux

	streams live.Streams

	mu   sync.Mutex
	seen map[offload.ID]*look
}

// NewHandler makes a handler that is mounted at a path, "/status/". Tokens are signed with the first key, and taken with any: put a new one in front, and leave
// the old one behind it as long as tokens last. A key has at least 16 bytes, such as of crypto/rand.
func NewHandler(app *offload.App, path string, keys ...[]byte) (*Handler, error) {
	if app == nil {
		return nil, &offload.InputError{Field: "app", Got: "nil", Want: "an app"}
	}
	if !strings.HasPrefix(path, "/") || !strings.HasSuffix(path, "/") {
		return nil, &offload.InputError{Field: "path", Got: path, Want: "a path such as /status/"}
	}
	signed, err := ticket.New("offload status 1", keys)
	if err != nil {
		return nil, err
	}
	h := &Handler{app: app, path: path, keys: signed, mux: http.NewServeMux(), seen: map[offload.ID]*look{}}
	files, err := fs.Sub(piece, "piece")
	if err != nil {
		return nil, err
	}
	h.mux.HandleFunc("GET "+path+"piece/{name}", live.Files(files))
	h.mux.HandleFunc("GET "+path+"{token}", h.answer)
	return h, nil
}

// ServeHTTP answers.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Token lets whoever has it see the status of a job, and nothing else of it, for as long as lasts.
func (h *Handler) Token(job offload.ID, lasts time.Duration) string {
	return h.keys.Sign(job[:], time.Now().Add(lasts))
}

// job returns whom a token is for.
func (h *Handler) job(token string) (offload.ID, bool) {
	says, ok := h.keys.Open(token)
	if !ok || len(says) != len(offload.ID{}) {
		return offload.ID{}, false
	}
	return offload.ID(says), true
}

// URL is where the status of a job is answered, with a Token.
func (h *Handler) URL(job offload.ID, lasts time.Duration) string {
	return h.path + h.Token(job, lasts)
}

// Piece is HTML for the page of whoever waits: the status in words, and a bar. A script of the handler keeps it true; without scripts it says
// what it said when the page was made, and links to the status. Nothing in it is inline, so that it fits a strict Content-Security-Policy; its looks follow
// the page's font and light or dark, and the custom properties --status-bar and --status-track.
func (h *Handler) Piece(ctx context.Context, job offload.ID, lasts time.Duration) (template.HTML, error) {
	s, err := h.look(ctx, job)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = pieceHTML.Execute(&b, struct {
		Path, URL string
		Status
		Text string
	}{h.path, h.URL(job, lasts), s, s.String()})
	return template.HTML(b.String()), err
}

var pieceHTML = template.Must(template.New("piece").Parse(`<link rel="stylesheet" href="{{.Path}}piece/piece.css">
<div class="offload-status" data-url="{{.URL}}" data-state="{{.State}}">
<progress max="100" aria-label="Progress"{{if eq .State "running"}}{{if .Percent}} value="{{.Percent}}"{{end}}{{else if eq .State "done"}} value="100"{{else}} value="0"{{end}}></progress>
<span role="status">{{.Text}}</span>
<noscript><a href="{{.URL}}">the status now</a></noscript>
</div>
<script type="module" src="{{.Path}}piece/piece.js"></script>
`))

// answer is the status of a job, once or as it changes.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept")
	id, ok := h.job(r.PathValue("token"))
	if !ok {
		http.Error(w, "This link is none, or has expired.", http.StatusNotFound)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		h.stream(w, r, id)
		return
	}
	s, err := h.look(r.Context(), id)
	if err != nil {
		http.Error(w, "The status can't be read just now.", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.json())
}

// json is the status and its words.
func (s Status) json() []byte {
	b, err := json.Marshal(struct {
		Status
		Text  string `json:"text"`
		Ended bool   `json:"ended"`
	}{s, s.String(), s.State.Ended()})
	if err != nil {
		return []byte("{}") // texts and numbers always encode
	}
	return b
}

const (
	freshFor    = 400 * time.Millisecond // what was read answers all who ask within that time
	streamEvery = 600 * time.Millisecond
	mostLooks   = 2000
)

// stream sends the status whenever it is another, until the job has ended.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, id offload.ID) {
	if !h.streams.Enter(w) {
		return
	}
	defer h.streams.Leave()
	live.Send(w, r, streamEvery, 2*time.Second, func(ctx context.Context) (text string, last bool, err error) {
		s, err := h.look(ctx, id)
		return string(s.json()), s.State.Ended(), err
	})
}

// A look is what was last seen of a job, for all who wait for it.
type look struct {
	mu     sync.Mutex // held while the store is asked
	at     time.Time
	status Status
}

// look returns the status of a job, read not long ago.
func (h *Handler) look(ctx context.Context, id offload.ID) (Status, error) {
	h.mu.Lock()
	l := h.seen[id]
	if l == nil {
		if len(h.seen) > mostLooks { // forget; whoever still looks has what it holds
			clear(h.seen)
		}
		l = &look{}
		h.seen[id] = l
	}
	h.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) < freshFor {
		return l.status, nil
	}
	began := time.Now()
	job, err := h.app.Job(ctx, id)
	if err != nil && !errors.Is(err, offload.ErrNotFound) {
		return Status{}, err
	}
	l.at, l.status = began, Of(job)
	return l.status, nil
}
