package export

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/ticket"
	"github.com/offloadhq/offload/kit/blob"
)

// Links makes links to files, and is the http.Handler that answers them. It is safe for concurrent use.
type Links struct {
	store blob.Store
	base  string
	keys  *ticket.Keys
	allow func(*http.Request, File) bool
}

// NewLinks makes links to files of a store that begin with base, "https://shop.example/exports/", under whose path the handler is mounted. They are signed with
// the first key, and taken with any: put a new one in front, and leave the old one behind it as long as links last. A key has at least 16
// bytes. Allow may say, by the request, who may open which file (its Key and Name); nil is whoever has the link.
func NewLinks(store blob.Store, base string, allow func(r *http.Request, f File) bool, keys ...[]byte) (*Links, error) {
	switch {
	case store == nil:
		return nil, &offload.InputError{Field: "store", Got: "nil", Want: "that of the exports"}
	case !strings.HasSuffix(base, "/"):
		return nil, &offload.InputError{Field: "base", Got: base, Want: "an address that ends with /, such as https://shop.example/exports/"}
	}
	signed, err := ticket.New("offload export 1", keys)
	if err != nil {
		return nil, err
	}
	return &Links{store, base, signed, allow}, nil
}

// said is what a link says.
type said struct {
	Key  string `json:"k"`
	Name string `json:"n"`
}

// URL is a link to a file that lasts a while.
func (l *Links) URL(key, name string, lasts time.Duration) string {
	text, err := json.Marshal(said{key, name})
	if err != nil {
		return "" // texts always encode
	}
	return l.base + l.keys.Sign(text, time.Now().Add(lasts))
}

// open returns what a link says, if it is one of ours that lasts.
func (l *Links) open(token string) (s said, ok bool) {
	text, ok := l.keys.Open(token)
	return s, ok && json.Unmarshal(text, &s) == nil
}

// ServeHTTP sends a file, as something to be saved. Parts of it are sent where the store can.
func (l *Links) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET only", http.StatusMethodNotAllowed)
		return
	}
	t, ok := l.open(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	if !ok {
		http.Error(w, "This link is none, or has expired.", http.StatusNotFound)
		return
	}
	if l.allow != nil && !l.allow(r, File{Key: t.Key, Name: t.Name}) {
		http.Error(w, "This file is not for you.", http.StatusForbidden)
		return
	}
	file, info, err := l.store.Get(r.Context(), t.Key)
	switch {
	case errors.Is(err, offload.ErrNotFound):
		http.Error(w, "The file has gone.", http.StatusGone)
		return
	case err != nil:
		http.Error(w, "The file can't be read just now.", http.StatusServiceUnavailable)
		return
	}
	defer file.Close()
	h := w.Header()
	h.Set("Content-Type", info.Type)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": t.Name}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, no-store")
	h.Set("Referrer-Policy", "no-referrer")
	if seeker, ok := file.(io.ReadSeeker); ok {
		http.ServeContent(w, r, "", info.Modified, seeker)
		return
	}
	h.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	if r.Method == http.MethodGet {
		_, _ = io.Copy(w, file) // whoever has gone does not want it
	}
}
