// Package access says who may come in to a dashboard: whoever sits at this machine, whoever a proxy in front has
// signed in, or the people of a file.
package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/offloadhq/offload/dashboard"
)

// Local lets in whoever asks from this machine itself, as an admin by the name who: by a loopback address, under a
// name of it such as localhost, and not by way of a proxy. Give it to dashboard.Auth where the server listens on a
// loopback address alone.
func Local(who string) func(*http.Request) (string, dashboard.Role) {
	return func(r *http.Request) (string, dashboard.Role) {
		for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"} {
			if len(r.Header.Values(name)) > 0 {
				return "", ""
			}
		}
		if addr, ok := peer(r); !ok || !addr.IsLoopback() || !LocalHost(r.Host) {
			return "", ""
		}
		return who, dashboard.Admin
	}
}

// LocalHost reports whether a host, with a port or without, is a name of the machine itself: a page elsewhere can
// let a name of its own lead here, but not these.
func LocalHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// peer is the address that a request came from.
func peer(r *http.Request) (netip.Addr, bool) {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	return addr.Addr().Unmap(), err == nil
}

// A Proxy is a reverse proxy in front that signs people in, such as oauth2-proxy.
type Proxy struct {
	Header  string         // in which it gives the name: "X-Forwarded-User"
	From    []netip.Prefix // its addresses: a header from elsewhere is not believed
	Roles   map[string]dashboard.Role
	Default dashboard.Role // of names that are not in Roles; "" refuses them
}

// Auth returns what dashboard.Auth needs, or an error that says what is missing.
func (p Proxy) Auth() (func(*http.Request) (string, dashboard.Role), error) {
	if p.Header == "" {
		return nil, fmt.Errorf("access: Proxy needs the Header in which names come")
	}
	if len(p.From) == 0 {
		return nil, fmt.Errorf("access: Proxy needs the addresses From which the header is believed: anybody else could send it too")
	}
	return func(r *http.Request) (string, dashboard.Role) {
		addr, ok := peer(r)
		if !ok || !slices.ContainsFunc(p.From, func(from netip.Prefix) bool { return from.Contains(addr) }) {
			return "", ""
		}
		names := r.Header.Values(p.Header)
		if len(names) != 1 || strings.TrimSpace(names[0]) == "" {
			return "", "" // two may be one of the proxy's and one of whoever asks
		}
		name := strings.TrimSpace(names[0])
		if role, known := p.Roles[name]; known {
			return name, role
		}
		return name, p.Default
	}, nil
}
