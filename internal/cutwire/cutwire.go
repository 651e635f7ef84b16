// Package cutwire is a proxy in front of a PostgreSQL server that does to connections what
// networks do to them, when a test says so: it breaks them at a statement, after a statement
// whose answer is then lost, or after so many bytes; it is slow; it falls silent with every
// connection open, as a dead link does; it leads to another server.
//
// It follows the wire protocol, so that it knows which statement is asked for and when its
// answer is complete. It does not speak TLS.
package cutwire

import (
	"errors"
	"net"
	"sync"
	"testing"
)

// A Fault is what happens to a statement.
type Fault int

const (
	Fail       Fault = iota // the connection breaks before the statement has reached the server
	LoseAnswer              // the server has done it, and the connection breaks before its answer
)

// A Statement is one that a client asks for.
type Statement struct {
	Query     string
	Execution bool // of a statement sent earlier, within the extended protocol
}

// A Proxy stands between clients and a server.
type Proxy struct {
	listener net.Listener
	all      sync.WaitGroup // of its goroutines

	mu     sync.Mutex // of what follows
	target string
	links  map[*link]bool
	closed bool
	refuse bool
	shape  shape
	armed  func(Statement) bool
	each   bool // the fault is met again and again
	fault  Fault
	met    int
}

// Listen starts a proxy on loopback in front of a server, given as host:port. It must be closed.
func Listen(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, target: target, links: map[*link]bool{}}
	p.all.Go(p.accept)
	return p, nil
}

// New is Listen for a test, with which the proxy ends.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := Listen(target)
	if err != nil {
		t.Fatalf("cutwire: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

// Addr is where the proxy listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Target leads new connections to another server. Those that are open stay where they are.
func (p *Proxy) Target(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Arm makes the n-th statement from now, counted from 1, meet a fault, once.
func (p *Proxy) Arm(n int, f Fault) {
	p.ArmWhen(f, func(Statement) bool {
		n--
		return n == 0
	})
}

// ArmWhen makes the first statement that match takes meet a fault, once.
func (p *Proxy) ArmWhen(f Fault, match func(Statement) bool) { p.arm(f, match, false) }

// ArmEach makes each statement that match takes meet a fault, until Disarm. Calls of match
// come one after the other.
func (p *Proxy) ArmEach(f Fault, match func(Statement) bool) { p.arm(f, match, true) }

func (p *Proxy) arm(f Fault, match func(Statement) bool, each bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.each, p.fault, p.met = match, each, f, 0
}

// Disarm takes the fault, or the reset, back and reports whether it was met.
func (p *Proxy) Disarm() (met bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.shape.reset = nil, 0
	return p.met > 0
}

// Met returns how often what was armed last has been met.
func (p *Proxy) Met() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.met
}

// ResetAfter resets a connection after n more bytes, counted from 1 over all connections and
// in both directions: the one over which the n-th came, once. What came before it was
// delivered.
func (p *Proxy) ResetAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shape.reset, p.met = n, 0
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
	if p.met++; !p.each {
		p.armed = nil
	}
	return p.fault, true
}

// accept takes connections until the listener is closed.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.all.Go(func() { p.serve(client.(*net.TCPConn)) })
		}
	}
}

// serve joins a client with the server until one of them goes.
func (p *Proxy) serve(client *net.TCPConn) {
	l := &link{proxy: p, client: client, gone: make(chan struct{})}
	defer l.cut()
	if !p.add(l) {
		return
	}
	defer p.remove(l)
	l.run()
}

// add takes a link in, unless there shall be no more.
func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refuse {
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

func (p *Proxy) targetNow() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

// Close ends the proxy with its connections, and waits for its goroutines.
func (p *Proxy) Close() {
	_ = p.listener.Close() // a second time is no harm
	p.mu.Lock()
	p.closed = true
	for l := range p.links {
		l.cut()
	}
	p.mu.Unlock()
	p.all.Wait()
}
