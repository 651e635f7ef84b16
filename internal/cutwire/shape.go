package cutwire

import (
	"math/rand/v2"
	"net"
	"time"
)

// A shape is how bytes get through.
type shape struct {
	delay, jitter time.Duration
	rate          int           // bytes a second in each direction of a connection; 0 is no limit
	reset         int           // bytes until a connection is reset; 0 is never
	silent        chan struct{} // closed when it speaks again; nil while it speaks
}

// Latency delays what is sent in each direction by d, more or less by up to jitter. What was
// sent later never comes earlier.
func (p *Proxy) Latency(d, jitter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shape.delay, p.shape.jitter = d, min(jitter, d)
}

// Bandwidth lets so many bytes a second through each direction of each connection; 0 is no limit.
func (p *Proxy) Bandwidth(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shape.rate = bytes
}

// Silence says whether connections, and new ones, stay open and nothing more comes through
// them: nothing is read, nothing handed on. What was sent meanwhile comes through when it ends.
func (p *Proxy) Silence(silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case silent && p.shape.silent == nil:
		p.shape.silent = make(chan struct{})
	case !silent && p.shape.silent != nil:
		close(p.shape.silent)
		p.shape.silent = nil
	}
}

// Deafen makes the connections on which LISTEN was asked for silent for good, as when a
// firewall has forgotten them, and returns how many they are.
func (p *Proxy) Deafen() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if l.listens {
			l.deaf = make(chan struct{}) // which nobody closes
			n++
		}
	}
	return n
}

// hold waits while a link is silent, and reports whether it is still there.
func (l *link) hold() bool {
	for {
		l.proxy.mu.Lock()
		silent := l.proxy.shape.silent
		if l.deaf != nil {
			silent = l.deaf
		}
		l.proxy.mu.Unlock()
		if silent == nil {
			return true
		}
		select {
		case <-silent:
		case <-l.gone:
			return false
		}
	}
}

// due returns when bytes that have been sent now arrive, not before those sent last.
func (p *Proxy) due(last time.Time) time.Time {
	p.mu.Lock()
	delay, jitter := p.shape.delay, p.shape.jitter
	p.mu.Unlock()
	if delay == 0 {
		return last
	}
	at := time.Now().Add(delay)
	if jitter > 0 {
		at = at.Add(rand.N(2*jitter+1) - jitter)
	}
	if at.Before(last) {
		return last
	}
	return at
}

// admit returns how many of n bytes go through now, how long they take, and whether the
// connection is reset after them.
func (p *Proxy) admit(n int) (now int, takes time.Duration, reset bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rate := p.shape.rate; rate > 0 {
		n = min(n, max(1, rate/20))
		takes = time.Duration(n) * time.Second / time.Duration(rate)
	}
	if left := &p.shape.reset; *left > 0 {
		n = min(n, *left)
		if *left -= n; *left == 0 {
			p.met++
			return n, takes, true
		}
	}
	return n, takes, false
}

// A wire is one direction of a link. What is sent waits in it until it is due.
type wire struct {
	link   *link
	to     net.Conn
	chunks chan chunk
	last   time.Time // when the last chunk is due
}

// A chunk is what came at once.
type chunk struct {
	bytes []byte
	due   time.Time
}

func newWire(l *link, to net.Conn) *wire {
	return &wire{link: l, to: to, chunks: make(chan chunk, 256)}
}

// send sends bytes, which are the wire's from now on. It reports whether the link is still there.
func (w *wire) send(bytes []byte) bool {
	if !w.link.hold() {
		return false
	}
	w.last = w.link.proxy.due(w.last)
	select {
	case w.chunks <- chunk{bytes, w.last}:
		return true
	case <-w.link.gone:
		return false
	}
}

// end says that nothing more is sent.
func (w *wire) end() { close(w.chunks) }

// run delivers what is sent until it has ended, and then cuts the link.
func (w *wire) run() {
	defer w.link.cut()
	for c := range w.chunks {
		if !w.link.wait(time.Until(c.due)) || !w.deliver(c.bytes) {
			return
		}
	}
}

func (w *wire) deliver(bytes []byte) bool {
	for len(bytes) > 0 {
		if !w.link.hold() {
			return false
		}
		n, takes, reset := w.link.proxy.admit(len(bytes))
		if _, err := w.to.Write(bytes[:n]); err != nil {
			return false
		}
		if reset {
			w.link.reset()
			return false
		}
		if !w.link.wait(takes) {
			return false
		}
		bytes = bytes[n:]
	}
	return true
}

// wait waits a while, and reports whether the link is still there.
func (l *link) wait(while time.Duration) bool {
	if while <= 0 {
		return true
	}
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.gone:
		return false
	}
}
