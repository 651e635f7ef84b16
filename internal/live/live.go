// Package live serves pieces of pages that stay true by themselves: their scripts and styles, and streams of what they show.
package live

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"
)

const (
	streamFor   = 10 * time.Minute // then the browser asks again
	streamAlive = 15 * time.Second // something is sent, so that dead connections are noticed
	mostStreams = 2000
)

// Files serves the files of a piece by the name in a path that ends with {name}.
func Files(files fs.FS) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "max-age=3600")
		http.ServeFileFS(w, r, files, r.PathValue("name"))
	}
}

// Streams are those of one handler, up to 2,000 at once. It is safe for concurrent use.
type Streams struct {
	mu   sync.Mutex
	open int
}

// Enter makes room for a stream, which Leave gives back, or answers 503 and returns false.
func (s *Streams) Enter(w http.ResponseWriter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= mostStreams {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many wait here.", http.StatusServiceUnavailable)
		return false
	}
	s.open++
	return true
}

// Leave gives the room back.
func (s *Streams) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// Send sends server-sent events: what read returns, whenever it is another, looked at so often, until it is the last or whoever asked has gone. A failed
// read sends nothing. A browser whose connection was lost comes again after retry.
func Send(w http.ResponseWriter, r *http.Request, every, retry time.Duration, read func(ctx context.Context) (text string, last bool, err error)) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	ctx, cancel := context.WithTimeout(r.Context(), streamFor)
	defer cancel()
	_, _ = fmt.Fprintf(w, "retry: %d\n\n", retry.Milliseconds())
	sent, at := "", time.Now()
	for {
		text, last, err := read(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && text != sent:
			sent, at = text, time.Now()
			_, _ = fmt.Fprintf(w, "data: %s\n\n", text)
		case time.Since(at) > streamAlive:
			at = time.Now()
			_, _ = fmt.Fprint(w, ": here\n\n")
		}
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second)) // not every writer has one
		if out.Flush() != nil || err == nil && last {
			return
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return
		}
	}
}
