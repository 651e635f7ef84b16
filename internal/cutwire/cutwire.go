// Package cutwire is a proxy in front of a PostgreSQL server that breaks connections when a
// test says so: at a statement, after a statement whose answer is then lost, or by falling
// silent with every connection open, as a dead link does.
//
// It follows the wire protocol, so that it knows where a statement begins and when its answer
// is complete. It does not speak TLS.
package cutwire

import (
	"net"
	"sync"
	"testing"
	"time"
)

// A Fault is what happens to a statement.
type Fault int

const (
	Fail       Fault = iota // the connection breaks before the statement has reached the server
	LoseAnswer              // the server has done it, and the connection breaks before its answer
)

// A Statement is one that a client sends: the text of a plain query, or an execution within
// the extended protocol, whose text was sent earlier.
type Statement struct {
	Query string // "" for an execution
}

// A Proxy stands between clients and a server.
type Proxy struct {
	listener net.Listener
	target   string
	all      sync.WaitGroup // of its goroutines

	mu     sync.Mutex // of what follows
	links  map[*link]bool
	closed bool
	refuse bool
	delay  time.Duration
	silent chan struct{} // closed when it speaks again; nil while it speaks
	armed  func(Statement) bool
	fault  Fault
	met    bool
}

// New starts a proxy on loopback in front of a server, given as host:port. It ends with the test.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("cutwire: %v", err)
	}
	p := &Proxy{listener: l, target: target, links: map[*link]bool{}}
	p.all.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where the proxy listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Arm makes the n-th statement from now, counted from 1, meet a fault, once.
func (p *Proxy) Arm(n int, f Fault) {
	p.ArmWhen(f, func(Statement) bool {
		n--
		return n == 0
	})
}

// ArmWhen makes the first statement that match takes meet a fault, once.
func (p *Proxy) ArmWhen(f Fault, match func(Statement) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.fault, p.met = match, f, false
}

// Disarm takes the fault back and reports whether it was met.
func (p *Proxy) Disarm() (met bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = nil
	return p.met
}

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
}

// Refuse says whether new connections are closed at once.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

// Delay delays each message by d.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Silence says whether connections stay open and nothing more comes through them. What was
// sent meanwhile comes through when it ends.
func (p *Proxy) Silence(silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silence(silent)
}

func (p *Proxy) silence(silent bool) {
	switch {
	case silent && p.silent == nil:
		p.silent = make(chan struct{})
	case !silent && p.silent != nil:
		close(p.silent)
		p.silent = nil
	}
}

// Links returns how many connections are open.
func (p *Proxy) Links() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// meet reports whether a statement meets the fault that is armed.
func (p *Proxy) meet(s Statement) (f Fault, met bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.armed == nil || !p.armed(s) {
		return 0, false
	}
	p.armed, p.met = nil, true
	return p.fault, true
}

// pass waits as long as a message has to.
func (p *Proxy) pass() {
	p.mu.Lock()
	silent, delay := p.silent, p.delay
	p.mu.Unlock()
	if silent != nil {
		<-silent
	}
	if delay > 0 {
		<-time.After(delay)
	}
}

// accept takes connections until the listener is closed.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.serve(client) })
	}
}

// serve joins a client with the server until one of them goes.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	if p.refuses() {
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	l := &link{proxy: p, client: client, server: server}
	if !p.add(l) {
		return
	}
	defer p.remove(l)
	l.run()
}

func (p *Proxy) refuses() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refuse
}

func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.links[l] = true
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// close ends the proxy and waits for its goroutines.
func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.silence(false)
	for l := range p.links {
		l.cut()
	}
	p.mu.Unlock()
	p.all.Wait()
}
