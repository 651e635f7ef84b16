package httpcall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/reply"
	"github.com/offloadhq/offload/internal/safedial"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// do makes one request, as an attempt does.
func do(t *testing.T, ctx context.Context, in Input, opts ...Option) (Output, error) {
	t.Helper()
	k := newCaller(configOf(opts))
	defer k.close()
	return k.call(ctx, in)
}

func serve(t *testing.T, f http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server
}

// echo answers with the request as it came.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Request-Id", "7")
	w.Header().Set("Set-Cookie", "secret=1")
	fmt.Fprintf(w, "%s %s host=%s type=%s agent=%s length=%d body=%s",
		r.Method, r.URL, r.Host, r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), r.ContentLength, body)
}

func TestRequest(t *testing.T) {
	server := serve(t, echo)
	host := strings.TrimPrefix(server.URL, "http://")
	for _, test := range []struct {
		name string
		in   Input
		want string
	}{
		{"GET by default", Input{URL: "/a?b=c#d"}, "GET /a?b=c host=" + host + " type= agent=" + userAgent + " length=0 body="},
		{
			"body",
			Input{Method: "post", URL: "/", Body: "hello", Headers: map[string]string{"content-type": "text/plain"}},
			"POST / host=" + host + " type=text/plain agent=" + userAgent + " length=5 body=hello",
		},
		{
			"json",
			Input{Method: "PUT", URL: "/", JSON: json.RawMessage(`{"a":1}`)},
			"PUT / host=" + host + " type=application/json agent=" + userAgent + ` length=7 body={"a":1}`,
		},
		{
			"json of a type of its own",
			Input{Method: "PATCH", URL: "/", JSON: json.RawMessage(`[]`), Headers: map[string]string{"Content-Type": "application/patch+json"}},
			"PATCH / host=" + host + " type=application/patch+json agent=" + userAgent + ` length=2 body=[]`,
		},
		{"json null is none", Input{URL: "/", JSON: json.RawMessage(`null`)}, "GET / host=" + host + " type= agent=" + userAgent + " length=0 body="},
		{
			"host and agent",
			Input{URL: "/", Headers: map[string]string{"host": "shop.example", "User-Agent": "me"}},
			"GET / host=shop.example type= agent=me length=0 body=",
		},
		{"POST of nothing", Input{Method: "POST", URL: "/"}, "POST / host=" + host + " type= agent=" + userAgent + " length=0 body="},
	} {
		test.in.URL = server.URL + test.in.URL
		out, err := do(t, t.Context(), test.in)
		if err != nil || out.Status != 200 || out.Body != test.want {
			t.Errorf("%s: %+v, %v; want %q", test.name, out, err, test.want)
		}
		if out.Headers["X-Request-Id"] != "7" || out.Headers["Set-Cookie"] != "" {
			t.Errorf("%s: headers %v; want the request's id and no cookie", test.name, out.Headers)
		}
	}
}

func TestRefusesNamingTheField(t *testing.T) {
	good := "http://127.0.0.1:9/"
	for _, test := range []struct {
		want string
		in   Input
	}{
		{"url", Input{}},
		{"url", Input{URL: "example.com"}},
		{"url", Input{URL: "/path"}},
		{"url", Input{URL: "ftp://user:secret@example.com/"}},
		{"url", Input{URL: "file:///etc/passwd"}},
		{"url", Input{URL: "http://"}},
		{"url", Input{URL: "http://:80/"}},
		{"url", Input{URL: "http://user:sec/secret@host/"}},
		{"url", Input{URL: "http://user:%zzsecret@host/"}},
		{"url", Input{URL: "http://host:secret/"}},
		{"url", Input{URL: "http://host:65536/"}},
		{"url", Input{URL: "http://host:0/"}},
		{"url", Input{URL: "http://host/\x00?key=secret"}},
		{"url", Input{URL: "http://[::1/secret"}},
		{"url", Input{URL: "unix:///run/docker.sock"}},
		{"url", Input{URL: "http://" + strings.Repeat("a", 254) + "/secret"}}, // no record could have its name
		{"url", Input{URL: "http://%ff/secret"}},
		{"url", Input{URL: "http://a%00b/secret"}},
		{"method", Input{URL: good, Method: "GET /"}},
		{"method", Input{URL: good, Method: "GET\r\nHost: a"}},
		{"method", Input{URL: good, Method: "ÄÖ"}},
		{"method", Input{URL: good, Method: "CONNECT"}},
		{"headers", Input{URL: good, Headers: map[string]string{"": "a"}}},
		{"headers", Input{URL: good, Headers: map[string]string{"A B": "a"}}},
		{"headers", Input{URL: good, Headers: map[string]string{"A:": "a"}}},
		{"headers", Input{URL: good, Headers: map[string]string{"A\r\nB": "a"}}},
		{"headers", Input{URL: good, Headers: map[string]string{"X-A": "a", "x-a": "b"}}},
		{"headers", Input{URL: good, Headers: map[string]string{"content-length": "5"}}},
		{"headers", Input{URL: good, Headers: map[string]string{"Transfer-Encoding": "chunked"}}},
		{"headers.X-A", Input{URL: good, Headers: map[string]string{"X-A": "secret\r\nX-B: b"}}},
		{"headers.X-A", Input{URL: good, Headers: map[string]string{"X-A": "secret\x00"}}},
		{"headers.Host", Input{URL: good, Headers: map[string]string{"Host": "a/b"}}},
		{"body", Input{URL: good, Body: "a", JSON: json.RawMessage(`1`)}},
		{"json", Input{URL: good, JSON: json.RawMessage(`{`)}},
		{"expect[1]", Input{URL: good, Expect: []int{200, 99}}},
		{"expect[0]", Input{URL: good, Expect: []int{600}}},
	} {
		out, err := do(t, t.Context(), test.in)
		var refused *offload.InputError
		if !errors.As(err, &refused) || refused.Field != test.want || out.Status != 0 {
			t.Errorf("%+v: %+v, %v; want %s refused", test.in, out, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v shows a secret", err)
		}
	}
}

func TestStatusError(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		fmt.Fprint(w, "  no such order\n")
	})
	host := strings.TrimPrefix(server.URL, "http://")
	_, err := do(t, t.Context(), Input{Method: "DELETE", URL: "http://user:secret@" + host + "/orders/7?token=secret#secret"})
	var status *StatusError
	want := StatusError{Method: "DELETE", URL: server.URL + "/orders/7", Status: 404, Body: "no such order"}
	if !errors.As(err, &status) || *status != want {
		t.Fatalf("%v; want %+v", err, want)
	}
	if want := "DELETE " + server.URL + "/orders/7: status 404 Not Found: no such order"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

// TestBodies reads what servers send that mean well or ill.
func TestBodies(t *testing.T) {
	long := strings.Repeat("€", 30_000) // 90,000 bytes, cut within a character
	for _, test := range []struct {
		name, body string
		want       Output
	}{
		{"none", "", Output{}},
		{"text", "hällo", Output{Body: "hällo"}},
		{"no text", "\xff\x00", Output{BodyBase64: []byte("\xff\x00")}},
		{"long text", long, Output{Body: long[:65535], BodyCut: true}},
		{"long and no text", strings.Repeat("\xff", 70_000), Output{BodyBase64: []byte(strings.Repeat("\xff", 65536)), BodyCut: true}},
	} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, test.body) })
		out, err := do(t, t.Context(), Input{URL: server.URL})
		out.Status, out.Headers, out.Seconds = 0, nil, 0
		if err != nil || !reflect.DeepEqual(out, test.want) {
			t.Errorf("%s: %.200v, %v; want %.200v", test.name, out, err, test.want)
		}
	}
}

func TestEndlessBodyIsCut(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 10_000)); err != nil {
				return
			}
		}
	})
	out, err := do(t, t.Context(), Input{URL: server.URL})
	if err != nil || len(out.Body) != mostBody || !out.BodyCut {
		t.Errorf("%d bytes, cut: %v, %v; want %d, cut", len(out.Body), out.BodyCut, err, mostBody)
	}
}

// TestNetworkErrorsAreRetried meets servers that don't keep to the protocol.
func TestNetworkErrorsAreRetried(t *testing.T) {
	for name, answer := range map[string]string{
		"says nothing":     "",
		"says nonsense":    "hello\r\n\r\n",
		"ends within":      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"wrong chunks":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"no gzip":          "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
		"too long headers": "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 200_000) + "\r\n\r\n",
	} {
		address := serveRaw(t, answer)
		_, err := do(t, t.Context(), Input{URL: "http://user:secret@" + address + "/path?token=secret"})
		if err == nil || strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), "GET http://"+address+"/path: ") {
			t.Errorf("%s: %v; want a failure without secrets", name, err)
		}
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	if _, err := do(t, t.Context(), Input{URL: closed.URL + "?secret"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody listens: %v; want a failure without secrets", err)
	}
}

// serveRaw answers the first request of each connection with these bytes, and closes it.
func serveRaw(t *testing.T, answer string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	return listener.Addr().String()
}

func TestEndedContextEndsTheRequest(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		cancel(offload.ErrStopping)
		<-r.Context().Done()
	})
	for _, path := range []string{"/", "/body"} {
		if _, err := do(t, ctx, Input{URL: server.URL + path}); !errors.Is(err, offload.ErrStopping) {
			t.Errorf("%s: %v; want ErrStopping", path, err)
		}
		ctx, cancel = context.WithCancelCause(t.Context())
	}
	cancel(nil)
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, test := range []struct {
		name, said, date string
		want, most       time.Duration
	}{
		{"nothing", "", "", 0, 0},
		{"seconds", "120", "", 120 * time.Second, 132 * time.Second},
		{"a moment", " 1 ", "", time.Second, 2 * time.Second},
		{"no time", "0", "", 0, 0},
		{"before now", "-5", "", 0, 0},
		{"nonsense", "soon", "", 0, 0},
		{"a date", in(time.Hour), "", time.Hour, 66 * time.Minute},
		{"a date by the server's clock", in(24*time.Hour + time.Minute), in(24 * time.Hour), time.Minute, 66 * time.Second},
		{"a date that has passed", in(-time.Hour), "", 0, 0},
		{"at most a day", "100000", "", reply.MostWait, reply.MostWait},
		{"at most a day, by date", in(1000 * time.Hour), "", reply.MostWait, reply.MostWait},
		{"far too long", "9000000000000000000", "", reply.MostWait, reply.MostWait},
	} {
		h := http.Header{"Retry-After": {test.said}, "Date": {test.date}}
		for range 20 {
			if got := retryAfter(h, now); got < test.want || got > test.most {
				t.Errorf("%s: %v, want %v to %v", test.name, got, test.want, test.most)
			}
		}
	}
}

func TestPublicOnly(t *testing.T) {
	private := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("%s %s arrived", r.Method, r.URL) })
	var refused *safedial.AddrError
	if _, err := do(t, t.Context(), Input{URL: private.URL}, PublicOnly()); !errors.As(err, &refused) {
		t.Errorf("%v; want the address refused", err)
	}

	listener, err := net.Listen("tcp", "127.0.0.3:0")
	if err != nil {
		t.Skipf("no second address of loopback: %v", err)
	}
	public := httptest.NewUnstartedServer(http.RedirectHandler(private.URL, http.StatusFound))
	public.Listener.Close()
	public.Listener = listener
	public.Start()
	defer public.Close()
	except := PublicOnly(netip.MustParsePrefix("127.0.0.3/32"))
	if _, err := do(t, t.Context(), Input{URL: public.URL}, except); !errors.As(err, &refused) {
		t.Errorf("redirected: %v; want the address refused", err)
	}
	if out, err := do(t, t.Context(), Input{URL: public.URL, Expect: []int{302}}, except); err != nil || out.Headers["Location"] != private.URL {
		t.Errorf("an exception: %+v, %v; want it answered", out, err)
	}
}

func TestNoProxyIsUsed(t *testing.T) {
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the proxy was asked") })
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	if _, err := do(t, t.Context(), Input{URL: "http://name.invalid/"}); err == nil {
		t.Error("a name that does not exist was answered")
	}
}
