package cutwire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
)

// A link is one connection of a client, and the one to the server behind it.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	mu      sync.Mutex // of what follows
	pending int        // answers that the server has not completed
	losing  bool       // what comes from the server is dropped
	asked   bool       // the statement whose answer is lost has been asked for completely
}

// Codes of a first message that does not start a session.
const (
	codeCancel = 80877102
	codeTLS    = 80877103
	codeGSS    = 80877104
)

// run carries messages both ways until one side is closed.
func (l *link) run() {
	from := bufio.NewReader(l.client)
	if !l.greet(from) {
		return
	}
	var answers sync.WaitGroup
	answers.Go(l.carryAnswers)
	l.carryStatements(from)
	l.cut()
	answers.Wait()
}

func (l *link) cut() {
	l.client.Close()
	l.server.Close()
}

// greet carries the first message. It refuses encryption, and reports whether a session begins.
func (l *link) greet(from *bufio.Reader) bool {
	for {
		var head [8]byte
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return false
		}
		size, code := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
		if code == codeTLS || code == codeGSS {
			if _, err := l.client.Write([]byte{'N'}); err != nil {
				return false
			}
			continue
		}
		if size < 8 || size > 1<<16 {
			return false
		}
		l.proxy.pass()
		rest := make([]byte, size-8)
		if _, err := io.ReadFull(from, rest); err != nil {
			return false
		}
		if _, err := l.server.Write(append(head[:], rest...)); err != nil {
			return false
		}
		l.pending = 1 // the server says when it is ready
		if code == codeCancel {
			_, _ = io.Copy(io.Discard, l.server) // until it has been taken
			return false
		}
		return true
	}
}

// carryStatements carries what the client sends.
func (l *link) carryStatements(from *bufio.Reader) {
	to := bufio.NewWriter(l.server)
	for {
		kind, message, err := readMessage(from)
		if err != nil {
			return
		}
		l.proxy.pass()
		if kind == 'Q' || kind == 'E' {
			if f, met := l.proxy.meet(statement(kind, message)); met {
				if f == Fail {
					return
				}
				l.lose()
			}
		}
		if kind == 'Q' || kind == 'S' {
			l.ask()
		}
		if _, err := to.Write(message); err != nil {
			return
		}
		if from.Buffered() == 0 {
			if err := to.Flush(); err != nil {
				return
			}
		}
	}
}

func statement(kind byte, message []byte) (s Statement) {
	if kind == 'Q' {
		s.Query = string(bytes.TrimRight(message[5:], "\x00"))
	}
	return s
}

// carryAnswers carries what the server sends, or drops it.
func (l *link) carryAnswers() {
	defer l.cut()
	from, to := bufio.NewReader(l.server), bufio.NewWriter(l.client)
	for {
		kind, message, err := readMessage(from)
		if err != nil {
			return
		}
		l.proxy.pass()
		losing, done := l.answered(kind)
		if done {
			return
		}
		if losing {
			continue
		}
		if _, err := to.Write(message); err != nil {
			return
		}
		if from.Buffered() == 0 {
			if err := to.Flush(); err != nil {
				return
			}
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

// readMessage reads a message: its kind, its length, and what is in it.
func readMessage(from *bufio.Reader) (kind byte, message []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > 1<<30 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	message = make([]byte, 1+size)
	copy(message, head[:])
	_, err = io.ReadFull(from, message[5:])
	return head[0], message, err
}
