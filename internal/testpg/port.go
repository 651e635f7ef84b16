package testpg

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports of servers are below those that systems give to who asks for any: what somebody is given
// while a server is stopped is not the server's.
const (
	firstPort = 16_000
	manyPorts = 16_000
)

// A port is one at which nobody listens but who has taken it. A socket of UDP, at the same number,
// keeps other processes from taking it, too.
type port struct {
	number int
	kept   net.PacketConn
}

// takePort takes a port until it is given back.
func takePort() (p port, err error) {
	for range 100 {
		if p, err = tryPort(firstPort + rand.IntN(manyPorts)); err == nil {
			return p, nil
		}
	}
	return port{}, fmt.Errorf("no port is free: %w", err)
}

func tryPort(number int) (port, error) {
	addr := fmt.Sprint("127.0.0.1:", number)
	kept, err := net.ListenPacket("udp", addr)
	if err != nil {
		return port{}, err
	}
	l, err := net.Listen("tcp", addr)
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		return port{}, errors.Join(err, kept.Close())
	}
	return port{number, kept}, nil
}

// giveBack lets others take the port.
func (p port) giveBack() {
	if p.kept != nil {
		p.kept.Close()
	}
}

// FreeAddr returns an address of this machine at which nobody listens, as long as the test lasts,
// but who is told it.
func FreeAddr(t testing.TB) string {
	t.Helper()
	p, err := takePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.giveBack)
	return fmt.Sprint("127.0.0.1:", p.number)
}
