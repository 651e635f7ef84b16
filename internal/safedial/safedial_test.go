package safedial_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offloadhq/offload/internal/safedial"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// refused are addresses that a stranger must not make this program dial, each in a form that
// beat some guard before.
var refused = []string{
	// this host and loopback
	"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254",
	"::", "::1", "0:0:0:0:0:0:0:1",
	// private
	"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255",
	"fc00::1", "fd00::1", "fd00:ec2::254", "fdff:ffff::1", "fec0::1",
	// the link, and the metadata services of clouds
	"169.254.0.1", "169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%lo", "febf::1",
	"100.100.100.200", "168.63.129.16",
	// carriers, protocols, benchmarks, documentation
	"100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
	"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1",
	"2001:2::1", "2001:20::1", "5f00::1", "100::1",
	// multicast, reserved, broadcast
	"224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "ff02::1", "ff05::2",
	// IPv4 in IPv6: mapped, compatible, NAT64, 6to4, Teredo, ISATAP
	"::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
	"::127.0.0.1", "::7f00:1", "::8.8.8.8",
	"64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::7f00:1", "64:ff9b:1::8.8.8.8",
	"2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "2001:0:7f00:1::1", "2001::1",
	"2a00:1450::5efe:127.0.0.1", "2a00:1450::200:5efe:10.0.0.1",
}

func TestRefusesWhatIsNotPublic(t *testing.T) {
	for _, form := range refused {
		addr := netip.MustParseAddr(form)
		var refusal *safedial.AddrError
		if err := (safedial.Guard{}).Check(addr); !errors.As(err, &refusal) {
			t.Errorf("Check(%s) = %v; want an *AddrError", form, err)
		}
		for _, network := range []string{"tcp4", "tcp6"} {
			to := netip.AddrPortFrom(addr, 443).String()
			if err := (safedial.Guard{}).Control(t.Context(), network, to, nil); !errors.As(err, &refusal) {
				t.Errorf("Control(%s) = %v; want an *AddrError", to, err)
			}
		}
	}
}

func TestLetsThePublicInternetThrough(t *testing.T) {
	for _, form := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "2001:200::1", "2003::1",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2a00:1450::5efe:8.8.8.8",
	} {
		if err := (safedial.Guard{}).Check(netip.MustParseAddr(form)); err != nil {
			t.Errorf("Check(%s) = %v; want nil", form, err)
		}
	}
}

func TestRefusesWhatIsNoAddress(t *testing.T) {
	for _, test := range []struct{ network, address string }{
		{"unix", "/run/docker.sock"}, {"tcp", "8.8.8.8:80"}, {"tcp4", "localhost:80"}, {"tcp4", ""}, {"tcp4", "8.8.8.8"},
	} {
		if err := (safedial.Guard{}).Control(t.Context(), test.network, test.address, nil); err == nil {
			t.Errorf("Control(%s, %q) = nil; want it refused", test.network, test.address)
		}
	}
	if err := (safedial.Guard{}).Check(netip.Addr{}); err == nil {
		t.Error("Check(no address) = nil; want it refused")
	}
}

func TestAllowOpensOneNetworkOnly(t *testing.T) {
	guard := safedial.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for form, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "8.8.8.8": true} {
		if got := guard.Check(netip.MustParseAddr(form)) == nil; got != want {
			t.Errorf("Check(%s) let through: %v, want %v", form, got, want)
		}
	}
}

// TestNoFormReachesLoopback makes requests to a listener on loopback by every spelling that a
// URL allows: as a literal, by a name, and after a redirect from a server that is allowed.
func TestNoFormReachesLoopback(t *testing.T) {
	var reached atomic.Int32
	target := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { reached.Add(1) })
	_, port, _ := net.SplitHostPort(target)
	open := serve(t, "127.0.0.3", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.URL.Query().Get("to"), http.StatusFound)
	})
	answers := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	client := guarded(t, &answers)

	for _, host := range []string{
		"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
		"0.0.0.0", "0", "localhost", "LOCALHOST", "localhost.", "sub.localhost", "evil.example", "127.0.0.1.nip.example",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[::127.0.0.1]", "[2002:7f00:1::]",
		"127.0.0.1.", "①②⑦.⓪.⓪.①", "127。0。0。1", "%31%32%37.0.0.1",
	} {
		for _, url := range []string{"http://" + host + ":" + port + "/", "http://" + open + "/?to=" + host + ":" + port} {
			resp, err := client.Get(url)
			if err == nil {
				resp.Body.Close()
			}
			if reached.Swap(0) > 0 {
				t.Errorf("GET %s reached the listener on loopback", url)
			}
		}
	}
}

func TestRebindingIsRefused(t *testing.T) {
	var reached atomic.Int32
	target := serve(t, "127.0.0.1", func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	_, port, _ := net.SplitHostPort(target)
	// The first answer stands for a public address, the second is the one the attacker wants.
	answers := []netip.Addr{netip.MustParseAddr("127.0.0.3"), netip.MustParseAddr("127.0.0.1")}
	client := guarded(t, &answers)

	for range 2 {
		resp, err := client.Get("http://rebinding.example:" + port + "/")
		if err == nil {
			resp.Body.Close()
		}
	}
	_, err := client.Get("http://rebinding.example:" + port + "/")

	var refusal *safedial.AddrError
	if !errors.As(err, &refusal) || refusal.Addr != "127.0.0.1" || reached.Load() > 0 {
		t.Errorf("the last GET = %v, %d requests arrived; want 127.0.0.1 refused and none", err, reached.Load())
	}
}

// guarded is a client that may dial public addresses and 127.0.0.3, and whose names resolve
// to the answers, one after the other, the last one for ever.
func guarded(t *testing.T, answers *[]netip.Addr) *http.Client {
	guard := safedial.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.3/32")}}
	dns := serveDNS(t, answers)
	dialer := &net.Dialer{ControlContext: guard.Control, Resolver: &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", dns)
		},
	}}
	transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func serve(t *testing.T, ip string, f http.HandlerFunc) string {
	listener, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("no loopback address %s here: %v", ip, err)
	}
	server := httptest.NewUnstartedServer(f)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return listener.Addr().String()
}

// serveDNS answers questions for IPv4 addresses, and has no others.
func serveDNS(t *testing.T, answers *[]netip.Addr) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			conn.WriteTo(answer(packet[:n], answers), from)
		}
	})
	t.Cleanup(func() { conn.Close(); all.Wait() })
	return conn.LocalAddr().String()
}

// answer makes the reply to a question: its header and question, and for type A one record.
func answer(question []byte, answers *[]netip.Addr) []byte {
	end := 12
	for end < len(question) && question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the root label, type and class
	if end > len(question) {
		return nil
	}
	reply := append([]byte(nil), question[:end]...)
	reply[2], reply[3] = 0x85, 0x80                                      // a reply, authoritative, no error
	copy(reply[6:12], make([]byte, 6))                                   // no records so far
	if kind := binary.BigEndian.Uint16(question[end-4:]); kind != 0x01 { // A
		return reply
	}
	ip := (*answers)[0].As4()
	if len(*answers) > 1 {
		*answers = (*answers)[1:]
	}
	reply[7] = 1
	reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // the name at 12, A, IN, ttl 0, 4 bytes
	return append(reply, ip[:]...)
}
