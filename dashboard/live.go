package dashboard

import (
	"bytes"
	"context"
	"crypto/sha256"
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
	liveShare  = 40               // all live pages together take 1/40 of a core at most
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
	l := d.livePage(hr, t)
	d.reads.keep(l.main, l.head)
	defer d.reads.drop(l.main, l.head)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	h.Set("Vary", "Accept, Cookie")
	out := http.NewResponseController(w)
	ctx, cancel := context.WithTimeout(hr.Context(), liveFor)
	defer cancel()
	fmt.Fprintf(w, "retry: 2000\n\n")
	_ = out.Flush() // who asked knows now that it is on its way
	var sent [2][sha256.Size]byte
	for last := time.Now(); ; {
		parts, err := l.parts(ctx)
		if ctx.Err() != nil || err != nil {
			return
		}
		for i, p := range parts {
			if sent[i] == p.sum {
				continue
			}
			sent[i] = p.sum
			last = time.Now()
			_, _ = w.Write(p.event)
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

// A livePage is a page that stays true, for whoever it looks alike to: it is read and made once for all of them.
type livePage struct {
	*dashboard
	asked      *http.Request
	route      *route
	main, head string // what its pieces are called among the reads: the head names who looks
}

func (d *dashboard) livePage(hr *http.Request, t *route) *livePage {
	r := d.request(hr)
	main := fmt.Sprintf("live %s %v %q %q", r.role, r.prefs, r.base, r.URL.RequestURI())
	return &livePage{d, hr, t, main, main + " for " + r.who}
}

// A livePart is a piece of a page as it is sent.
type livePart struct {
	event []byte
	sum   [sha256.Size]byte // of what it says, which is not how long ago something was: browsers count that themselves
}

// liveMain is the middle of a page, and what its head needs to know of it.
type liveMain struct {
	livePart
	content *content
}

// parts returns the pieces of the page as they are, or were a moment ago for somebody else.
func (l *livePage) parts(ctx context.Context) (parts [2]livePart, err error) {
	r := l.request(l.asked.WithContext(ctx))
	main, err := shared(r, l.main, stripAge, func(context.Context) (m liveMain, err error) {
		err = l.make(ctx, func(r *request) error {
			r.who = "" // it is shown to others too
			if m.content = l.show(r, l.route); ctx.Err() != nil {
				return ctx.Err() // of the one who was to read it, not of the others
			}
			m.livePart, err = l.part("main", r, m.content)
			return err
		})
		return m, err
	})
	if err != nil {
		return parts, err
	}
	head, err := shared(r, l.head, stripAge, func(context.Context) (p livePart, err error) {
		err = l.make(ctx, func(r *request) error {
			p, err = l.part("head", r, main.content)
			return err
		})
		return p, err
	})
	return [2]livePart{head, main.livePart}, err
}

// make has a piece made in the time that a page may take, when it is its turn.
func (l *livePage) make(ctx context.Context, f func(*request) error) error {
	if err := l.pace.wait(ctx); err != nil {
		return err
	}
	defer l.pace.took(time.Now())
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	return f(l.request(l.asked.WithContext(ctx)))
}

// part makes one piece of a page.
func (l *livePage) part(name string, r *request, c *content) (p livePart, err error) {
	var html, event bytes.Buffer
	if err := views[c.view].ExecuteTemplate(&html, name, l.frame(r, c)); err != nil {
		l.log(r.Context(), "render "+c.view, err)
		return p, err
	}
	fmt.Fprintf(&event, "event: %s\n", name)
	for line := range bytes.Lines(html.Bytes()) {
		event.WriteString("data: ")
		event.Write(bytes.TrimRight(line, "\r\n"))
		event.WriteByte('\n')
	}
	event.WriteByte('\n')
	return livePart{event.Bytes(), sumOf(html.Bytes())}, nil
}

// sumOf is the sum of a piece of a page without the texts of its times, of which what they say follows from when they are.
func sumOf(html []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	for {
		before, rest, found := bytes.Cut(html, []byte("<time datetime="))
		h.Write(before)
		if !found {
			break
		}
		at, rest, _ := bytes.Cut(rest, []byte(" "))
		h.Write(at)
		_, html, _ = bytes.Cut(rest, []byte("</time>"))
	}
	h.Sum(sum[:0])
	return sum
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
