package cutwire

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
)

// A link is one connection of a client, and the one to the server behind it.
type link struct {
	proxy  *Proxy
	client *net.TCPConn
	gone   chan struct{} // closed when it is cut
	once   sync.Once

	listens bool          // LISTEN was asked for; guarded by Proxy.mu
	deaf    chan struct{} // not nil if nothing comes through any more; guarded by Proxy.mu

	said said // statements that were sent

	mu      sync.Mutex // of what follows
	server  *net.TCPConn
	pending int  // answers that the server has not completed
	losing  bool // what comes from the server is dropped
	asked   bool // the statement whose answer is lost has been asked for completely
}

// Codes of a first message that does not start a session.
const (
	codeCancel = 80877102
	codeTLS    = 80877103
	codeGSS    = 80877104
)

// maxChunk is from how many bytes a chunk is sent on though more has come with it.
const maxChunk = 64 << 10

// run carries messages both ways until one side is closed.
func (l *link) run() {
	if !l.hold() {
		return
	}
	server, err := net.Dial("tcp", l.proxy.targetNow())
	if err != nil || !l.join(server.(*net.TCPConn)) {
		return
	}
	from := bufio.NewReader(l.client)
	up, down := newWire(l, server), newWire(l, l.client)
	first, session := l.greet(from)
	if first == nil {
		return
	}
	if !session {
		if up.deliver(first) {
			_, _ = io.Copy(io.Discard, server) // until it has been taken
		}
		return
	}
	l.pending = 1 // the server says when it is ready
	up.send(first)
	var all sync.WaitGroup
	all.Go(up.run)
	all.Go(down.run)
	all.Go(func() {
		defer down.end()
		l.readAnswers(bufio.NewReader(server), down)
	})
	l.readStatements(from, up)
	up.end()
	all.Wait()
}

// join adds the connection to the server, unless the link has been cut meanwhile.
func (l *link) join(server *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = server
	select {
	case <-l.gone:
		server.Close()
		return false
	default:
		return true
	}
}

// cut closes both connections.
func (l *link) cut() {
	l.once.Do(func() {
		close(l.gone)
		l.client.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.server != nil {
			l.server.Close()
		}
	})
}

// reset cuts the link so that both sides learn of it by a reset, not by an end.
func (l *link) reset() {
	l.mu.Lock()
	_ = l.client.SetLinger(0) // which fails where it is closed already
	_ = l.server.SetLinger(0)
	l.mu.Unlock()
	l.cut()
}

// greet reads the first message, refusing encryption, and reports whether a session begins with
// it. It returns nil if none came.
func (l *link) greet(from *bufio.Reader) (first []byte, session bool) {
	for {
		var head [8]byte
		if _, err := io.ReadFull(from, head[:]); err != nil || !l.hold() {
			return nil, false
		}
		size, code := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
		if code == codeTLS || code == codeGSS {
			if _, err := l.client.Write([]byte{'N'}); err != nil {
				return nil, false
			}
			continue
		}
		if size < 8 || size > 1<<16 {
			return nil, false
		}
		first = make([]byte, size)
		copy(first, head[:])
		if _, err := io.ReadFull(from, first[8:]); err != nil {
			return nil, false
		}
		return first, code != codeCancel
	}
}

// readStatements reads what the client sends.
func (l *link) readStatements(from *bufio.Reader, to *wire) {
	var out []byte
	for {
		m, err := readMessage(from)
		if err != nil {
			return
		}
		if s, is := l.said.statement(m); is {
			l.listen(s)
			if f, met := l.proxy.meet(s); met {
				if f == Fail {
					return
				}
				l.lose()
			}
		}
		if kind := m.kind(); kind == 'Q' || kind == 'S' {
			l.ask()
		}
		if out = append(out, m...); from.Buffered() == 0 || len(out) > maxChunk {
			if !to.send(out) {
				return
			}
			out = nil
		}
	}
}

// listen takes note of a LISTEN.
func (l *link) listen(s Statement) {
	if strings.HasPrefix(s.Query, "LISTEN ") {
		l.proxy.mu.Lock()
		defer l.proxy.mu.Unlock()
		l.listens = true
	}
}

// readAnswers reads what the server sends, and hands it on or drops it.
func (l *link) readAnswers(from *bufio.Reader, to *wire) {
	var out []byte
	for {
		m, err := readMessage(from)
		if err != nil {
			return
		}
		losing, done := l.answered(m.kind())
		if done {
			return
		}
		if losing {
			continue
		}
		if out = append(out, m...); from.Buffered() == 0 || len(out) > maxChunk {
			if !to.send(out) {
				return
			}
			out = nil
		}
	}
}

func (l *link) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losing = true
}

// ask notes that the server will answer to what it has been asked so far.
func (l *link) ask() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending++
	l.asked = l.losing
}

// answered notes a message of the server. It reports whether the message is to be lost, and
// whether the answer to be lost is complete. A server that waits for rows to copy will not
// complete it.
func (l *link) answered(kind byte) (losing, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind == 'Z' {
		l.pending--
	}
	return l.losing, l.losing && l.asked && (l.pending == 0 || kind == 'G')
}
