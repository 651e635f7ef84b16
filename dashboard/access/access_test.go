package access_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/dashboard/access"
)

func request(peer, host string, header ...string) *http.Request {
	r := httptest.NewRequest("GET", "http://"+host+"/", nil)
	r.RemoteAddr = peer
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestLocal(t *testing.T) {
	auth := access.Local("ada")
	for _, in := range []*http.Request{
		request("127.0.0.1:9", "localhost:8080"), request("127.9.9.9:9", "127.0.0.1"), request("[::1]:9", "[::1]:80"), request("[::ffff:127.0.0.1]:9", "LOCALHOST"),
	} {
		if who, role := auth(in); who != "ada" || role != dashboard.Admin {
			t.Errorf("%s at %s: %q %q", in.RemoteAddr, in.Host, who, role)
		}
	}
	for _, out := range []*http.Request{
		request("10.0.0.1:9", "localhost"), request("127.0.0.1:9", "evil.test"), request("127.0.0.1:9", "localhost.evil.test"), request("", "localhost"),
		request("127.0.0.1:9", "localhost", "X-Forwarded-For", "1.2.3.4"), request("127.0.0.1:9", "localhost", "Forwarded", ""), request("127.0.0.1:9", "localhost", "Via", "1.1 x"),
	} {
		if who, role := auth(out); role != "" {
			t.Errorf("%s at %s with %v: %q %q", out.RemoteAddr, out.Host, out.Header, who, role)
		}
	}
}

func TestProxy(t *testing.T) {
	p := access.Proxy{Header: "X-User", From: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Roles: map[string]dashboard.Role{"ada": dashboard.Admin}, Default: dashboard.Viewer}
	auth, err := p.Auth()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		r    *http.Request
		role dashboard.Role
	}{
		{request("10.1.1.1:9", "x", "X-User", "ada"), dashboard.Admin},
		{request("10.1.1.1:9", "x", "X-User", "vi"), dashboard.Viewer},
		{request("[::ffff:10.1.1.1]:9", "x", "X-User", "vi"), dashboard.Viewer},
		{request("11.1.1.1:9", "x", "X-User", "ada"), ""},
		{request("10.1.1.1:9", "x"), ""},
		{request("10.1.1.1:9", "x", "X-User", " "), ""},
		{request("10.1.1.1:9", "x", "X-User", "vi", "X-User", "ada"), ""},
	} {
		if _, role := auth(c.r); role != c.role {
			t.Errorf("%s with %v: %q, want %q", c.r.RemoteAddr, c.r.Header, role, c.role)
		}
	}
	for _, bad := range []access.Proxy{{From: p.From}, {Header: "X-User"}} {
		if _, err := bad.Auth(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestUsers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	line, err := access.Line("ada", dashboard.Operator, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	then := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	write("# people\n\n"+line+"\n", then)
	var told []string
	u, err := access.Open(file, func(err error) { told = append(told, err.Error()) })
	if err != nil {
		t.Fatal(err)
	}
	if !u.Check("ada", "correct horse") || u.Check("ada", "wrong horse") || u.Check("eve", "correct horse") || u.Role("ada") != dashboard.Operator || u.Role("eve") != "" {
		t.Error("who is who?")
	}
	write("ada operator\n", then.Add(time.Second))
	if first, again := u.Role("ada"), u.Role("ada"); first != dashboard.Operator || again != dashboard.Operator || len(told) != 1 || !strings.Contains(told[0], "line 1 has 2 words") {
		t.Errorf("a file that can't be read: %q, told %q", u.Role("ada"), told)
	}
	write(strings.Replace(line, "ada operator", "bob admin", 1), then.Add(2*time.Second))
	if u.Role("ada") != "" || !u.Check("bob", "correct horse") {
		t.Error("the file is not read again")
	}
	for text, want := range map[string]string{
		"": "nobody is in it",
		"ada boss " + line[len("ada operator "):]: "viewer, operator or admin",
		"ada admin secret":                        "no bcrypt hash",
		line + "\n" + line:                        "there twice",
	} {
		write(text, then.Add(time.Hour))
		if _, err := access.Open(file, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
	if _, err := access.Open(file+"s", nil); err == nil {
		t.Error("a file that is not there is taken")
	}
	for _, bad := range [][3]string{{"", "admin", "long enough!"}, {"a b", "admin", "long enough!"}, {"ada", "boss", "long enough!"}, {"ada", "admin", "short"}, {"#a", "admin", "long enough!"}} {
		if _, err := access.Line(bad[0], dashboard.Role(bad[1]), bad[2]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
