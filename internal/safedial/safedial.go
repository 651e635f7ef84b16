// Package safedial keeps connections that a stranger's input asks for away from private
// networks: the machine itself, its neighbours, and the metadata services of clouds.
//
// The one idea: what is checked is the address that is about to be dialled, after every name
// has been resolved, every redirect followed, and every spelling of a number read. Names are
// never checked, so a name that answers differently the second time (rebinding) gains nothing.
//
//	dialer := &net.Dialer{ControlContext: safedial.Guard{}.Control}
//
// A proxy would do the dialling itself, out of reach: a transport with this dialer must have
// no proxy.
package safedial

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"
)

// A Guard says which addresses may be dialled: those of the public internet, and Allow. The
// zero Guard is the strictest.
type Guard struct {
	Allow []netip.Prefix // beside the public internet: "10.1.0.0/16"
}

// Control refuses a connection to an address that the guard does not let through, with an
// *AddrError. It is made for net.Dialer.ControlContext, which calls it for each address that
// a name stands for, before the connection is made.
func (g Guard) Control(_ context.Context, network, address string, _ syscall.RawConn) error {
	switch network {
	case "tcp4", "tcp6", "udp4", "udp6":
	default:
		return &AddrError{Addr: address, Is: "of the network " + network}
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &AddrError{Addr: address, Is: "no IP address with a port"}
	}
	return g.Check(to.Addr())
}

// Check returns an *AddrError if the guard does not let connections to the address through.
// It serves to refuse an address early, where it was typed; only Control keeps it so.
func (g Guard) Check(addr netip.Addr) error {
	addr = addr.Unmap()
	for _, allowed := range g.Allow {
		if allowed.Contains(addr) {
			return nil
		}
	}
	if is := privateUse(addr); is != "" {
		return &AddrError{Addr: addr.String(), Is: is}
	}
	return nil
}

// An AddrError says which address was refused, and what it is.
type AddrError struct {
	Addr string
	Is   string // "loopback", "private"
}

// Error says it in one line.
func (e *AddrError) Error() string {
	return fmt.Sprintf("address %s is %s; want one of the public internet", e.Addr, e.Is)
}
