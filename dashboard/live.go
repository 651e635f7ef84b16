package dashboard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	liveEvery  = time.Second      // between two looks at one page
	liveFor    = 10 * time.Minute // then the browser asks again, and who asks is looked at anew
	liveSilent = 15 * time.Second // something is sent, so that dead connections are noticed
	liveMost   = 200              // pages at once
	liveShare  = 20               // all live pages together take 1/20 of a core at most
)

// stream sends a page's middle and its head whenever they have changed, as server-sent events, to
// the page that asks for its own address as text/event-stream.
func (d *dashboard) stream(w http.ResponseWriter, hr *http.Request, t *route) {
	if !d.pace.enter() {
		w.Header().Set("Retry-After", "60")
		http.Error(w, "Too many live pages.", http.StatusServiceUnavailable)
		return
	}
	defer d.pace.leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	h.Set("Vary", "Accept, Cookie")
	out := http.NewResponseController(w)
	ctx, cancel := context.WithTimeout(hr.Context(), liveFor)
	defer cancel()
	fmt.Fprintf(w, "retry: 2000\n\n")
	sent := map[string][sha256.Size]byte{}
	for last := time.Now(); ; {
		parts, err := d.renderLive(ctx, hr, t)
		if ctx.Err() != nil || err != nil {
			return
		}
		for _, p := range parts {
			sum := sha256.Sum256(p.html)
			if sent[p.name] == sum {
				continue
			}
			sent[p.name] = sum
			last = time.Now()
			fmt.Fprintf(w, "event: %s\n", p.name)
			for line := range bytes.Lines(p.html) {
				fmt.Fprintf(w, "data: %s\n", bytes.TrimRight(line, "\r\n"))
			}
			fmt.Fprint(w, "\n")
		}
		if time.Since(last) > liveSilent {
			last = time.Now()
			fmt.Fprint(w, ": here\n\n")
		}
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second)) // not every writer has one
		if out.Flush() != nil {
			return
		}
		select {
		case <-time.After(liveEvery):
		case <-ctx.Done():
			return
		}
	}
}

// A livePart is a piece of a page, and the name of its event.
type livePart struct {
	name string
	html []byte
}

// renderLive makes the pieces of a page that change.
func (d *dashboard) renderLive(ctx context.Context, hr *http.Request, t *route) ([]livePart, error) {
	if err := d.pace.wait(ctx); err != nil {
		return nil, err
	}
	defer d.pace.took(time.Now())
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	r := d.request(hr.WithContext(ctx))
	c := d.show(r, t)
	f := d.frame(r, c)
	parts := []livePart{{name: "head"}, {name: "main"}}
	for i := range parts {
		var b bytes.Buffer
		if err := views[c.view].ExecuteTemplate(&b, parts[i].name, f); err != nil {
			d.log(ctx, "render "+c.view, err)
			return nil, err
		}
		parts[i].html = b.Bytes()
	}
	return parts, nil
}

// A pace keeps live pages from taking more than their share of the machine, however many there are: after each
// look everybody waits for as long as makes it a small part of the time.
type pace struct {
	mu   sync.Mutex
	open int
	free time.Time // when the next look may begin
}

func (p *pace) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open >= liveMost {
		return false
	}
	p.open++
	return true
}

func (p *pace) leave() {
	p.mu.Lock()
	p.open--
	p.mu.Unlock()
}

// wait returns when a look may begin.
func (p *pace) wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		left := time.Until(p.free)
		if left <= 0 {
			p.free = time.Now().Add(time.Millisecond) // one at a time
			p.mu.Unlock()
			return nil
		}
		p.mu.Unlock()
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// took counts a look that began at a time.
func (p *pace) took(began time.Time) {
	cost := min(time.Since(began), 100*time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	if free := time.Now().Add(cost * (liveShare - 1)); free.After(p.free) {
		p.free = free
	}
}

// reads keeps what was read a moment ago for the pages that ask for the same now.
type reads struct {
	mu  sync.Mutex
	now map[string]*read
}

type read struct {
	done  chan struct{} // closed when it has been read
	at    time.Time
	value any
	err   error
}

func newReads() *reads { return &reads{now: map[string]*read{}} }

// shared returns what f reads, or what another page has read by the same name at most so long ago. What is read must be
// the same for everybody, and is not changed.
func shared[T any](r *request, name string, age time.Duration, f func(context.Context) (T, error)) (T, error) {
	for {
		k, mine := r.reads.take(name, age)
		if mine {
			k.value, k.err = f(r.Context())
			r.reads.put(name, k)
		}
		select {
		case <-k.done:
		case <-r.Context().Done():
			var none T
			return none, r.Context().Err()
		}
		// The one that read may have been called away: then somebody else reads.
		if !mine && (errors.Is(k.err, context.Canceled) || errors.Is(k.err, context.DeadlineExceeded)) && r.Context().Err() == nil {
			continue
		}
		value, _ := k.value.(T)
		return value, k.err
	}
}

// take returns a read that is young enough, or under way, or a new one to be done by the caller.
func (s *reads) take(name string, age time.Duration) (k *read, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.now[name]; k != nil && (k.at.IsZero() || time.Since(k.at) < age) {
		return k, false
	}
	if len(s.now) > 1000 {
		for name, k := range s.now {
			if !k.at.IsZero() {
				delete(s.now, name)
			}
		}
	}
	k = &read{done: make(chan struct{})}
	s.now[name] = k
	return k, true
}

// forget has everything read anew.
func (s *reads) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.now)
}

func (s *reads) put(name string, k *read) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.at = time.Now()
	if k.err != nil && s.now[name] == k {
		delete(s.now, name)
	}
	close(k.done)
}
