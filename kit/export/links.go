package export

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

// Links makes links to files, and is the http.Handler that answers them. It is safe for concurrent use.
type Links struct {
	store blob.Store
	base  string
	keys  [][]byte
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
	case len(keys) == 0:
		return nil, &offload.InputError{Field: "keys", Got: "none", Want: "one or more"}
	}
	for _, key := range keys {
		if len(key) < 16 {
			return nil, &offload.InputError{Field: "keys", Got: fmt.Sprintf("one of %d bytes", len(key)), Want: "16 bytes or more"}
		}
	}
	return &Links{store, base, keys, allow}, nil
}

// A ticket is what a link says.
type ticket struct {
	Key  string `json:"k"`
	Name string `json:"n"`
	Ends int64  `json:"e"` // seconds since 1970
}

// URL is a link to a file that lasts a while.
func (l *Links) URL(key, name string, lasts time.Duration) string {
	text, err := json.Marshal(ticket{key, name, time.Now().Add(lasts).Unix()})
	if err != nil {
		return "" // texts and numbers always encode
	}
	return l.base + base64.RawURLEncoding.EncodeToString(append(sign(l.keys[0], text), text...))
}

func sign(key, text []byte) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte("offload export 1\x00"))
	_, _ = m.Write(text)
	return m.Sum(nil)
}

// open returns what a link says, if it is one of ours that lasts.
func (l *Links) open(token string) (t ticket, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) <= sha256.Size {
		return t, false
	}
	for _, key := range l.keys {
		if hmac.Equal(sign(key, b[sha256.Size:]), b[:sha256.Size]) {
			return t, json.Unmarshal(b[sha256.Size:], &t) == nil && time.Now().Unix() < t.Ends
		}
	}
	return t, false
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
