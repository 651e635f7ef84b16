package cutwire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
)

// A message is one of a session, with its kind and length in front.
type message []byte

func readMessage(from *bufio.Reader) (message, error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > 1<<30 {
		return nil, io.ErrUnexpectedEOF
	}
	m := make(message, 1+size)
	copy(m, head[:])
	_, err := io.ReadFull(from, m[5:])
	return m, err
}

func (m message) kind() byte { return m[0] }

// texts returns the first texts in a message, each ended by a zero, from a place in it.
func (m message) texts(from, n int) []string {
	texts := make([]string, n)
	rest := []byte(m[min(from, len(m)):])
	for i := range texts {
		text, after, _ := bytes.Cut(rest, []byte{0})
		texts[i], rest = string(text), after
	}
	return texts
}

// said are the statements that a client has sent to be executed later, by name, and the
// portals made of them.
type said struct{ prepared, portals map[string]string }

// statement takes note of a message of the client, and returns the statement that it asks for,
// if it does.
func (s *said) statement(m message) (st Statement, is bool) {
	if s.prepared == nil {
		s.prepared, s.portals = map[string]string{}, map[string]string{}
	}
	switch m.kind() {
	case 'Q':
		return Statement{Query: m.texts(5, 1)[0]}, true
	case 'P':
		texts := m.texts(5, 2)
		s.prepared[texts[0]] = texts[1]
	case 'B':
		texts := m.texts(5, 2)
		s.portals[texts[0]] = s.prepared[texts[1]]
	case 'C':
		if what, name := m.texts(5, 1)[0], m.texts(6, 1)[0]; what != "" && what[0] == 'S' {
			delete(s.prepared, name)
		} else {
			delete(s.portals, name)
		}
	case 'E':
		return Statement{Query: s.portals[m.texts(5, 1)[0]], Execution: true}, true
	}
	return st, false
}
