package httpcall_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/kit/httpcall"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/record"
)

func ask(h http.Handler, method, target string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// shows wants texts in the page, and others not.
func shows(t *testing.T, app *offloadtest.App, wants []string, nevers ...string) {
	t.Helper()
	w := ask(httpcall.Page(app.App), "GET", "/", nil)
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	for _, want := range wants {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, w.Body)
		}
	}
	for _, never := range nevers {
		if strings.Contains(w.Body.String(), never) {
			t.Errorf("the page has %q:\n%s", never, w.Body)
		}
	}
}

func closing(host string) url.Values { return url.Values{"do": {"close"}, "host": {host}} }

func TestPageShowsHostsAndTheirCircuits(t *testing.T) {
	app := newApp(t, breaker())
	shows(t, app, []string{"No request is there yet"}, "Rates")
	s, well := newSwitched(t), newSwitched(t)
	host, other := strings.TrimPrefix(s.URL, "http://"), strings.TrimPrefix(well.URL, "http://")
	get(t, app, "http://ada:t0psecret@"+other+"/?token=t0psecret")
	app.Drain()
	shows(t, app, []string{other, "closed", "completed", `<td class="n">1</td>`}, "t0psecret", "half open")

	s.status.Store(503)
	for range 4 {
		get(t, app, s.URL)
	}
	app.Drain()
	shows(t, app, []string{host, `>open</span> one tries it from`, "status 503", "Close", `<td class="n">3</td>`, `<td class="n">4</td>`}, "times</span>", "half open")
	if page := ask(httpcall.Page(app.App), "GET", "/", nil).Body.String(); strings.Index(page, host) > strings.Index(page, other) {
		t.Error("what is open does not come first")
	}
	app.Advance(31 * time.Second)
	shows(t, app, []string{"half open", "the next request tries it"})
	app.Advance(9 * time.Second)
	app.Drain()
	shows(t, app, []string{`>open</span> one tries it from`, "opened 2 times"})
}

// A program that only serves the dashboard closes the circuit of the workers.
func TestCircuitIsClosedByHandForAllProcesses(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "offload.db")
	quiet := offload.LogTo(slog.New(slog.DiscardHandler))
	worker := offloadtest.Open(t, address, httpcall.New(breaker()), quiet)
	defer worker.Close()
	server := offloadtest.Open(t, address, quiet)
	defer server.Close()
	s := newSwitched(t)
	host := strings.TrimPrefix(s.URL, "http://")
	page := httpcall.Page(server.App)
	if w := ask(page, "POST", "/", closing(host)); w.Code != http.StatusNotFound {
		t.Errorf("%d; want 404 for one that is closed", w.Code)
	}
	s.status.Store(503)
	for range 4 {
		get(t, worker, s.URL)
	}
	worker.Drain()
	if n := s.requests.Load(); n != 3 {
		t.Fatalf("%d requests; want 3", n)
	}
	shows(t, server, []string{host, `>open</span> one tries it from`})
	w := ask(page, "POST", "/", closing(host))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "./" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	shows(t, server, []string{host, "closed"}, `>open</span>`, "half open")
	s.status.Store(200)
	again := offloadtest.Open(t, address, httpcall.New(breaker()), quiet) // knows nothing yet, as one does after two seconds
	defer again.Close()
	late := get(t, again, s.URL)
	again.Drain()
	if job := stateOf(t, again, late); job.State != offload.Completed {
		t.Errorf("%+v; want it made", job)
	}
}

// One who tried while the circuit was closed by hand fails as others do: it does not open it again.
func TestClosedByHandWhileOneTries(t *testing.T) {
	var app *offloadtest.App
	var server *httptest.Server
	requests := 0
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests++; requests == 4 {
			host := strings.TrimPrefix(server.URL, "http://")
			shows(t, app, []string{"half open", "one tries it since"})
			if w := ask(httpcall.Page(app.App), "POST", "/", closing(host)); w.Code != http.StatusSeeOther {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer server.Close()
	app = newApp(t, breaker())
	for range 3 {
		get(t, app, server.URL)
	}
	app.Drain()
	app.Advance(40 * time.Second) // one of them tries
	app.Drain()
	if requests < 4 {
		t.Fatalf("%d requests; want one that tries", requests)
	}
	shows(t, app, []string{"closed"}, "half open", `>open</span>`)
}

func TestPageShowsRates(t *testing.T) {
	app := newApp(t, httpcall.Rate("crm.example", 60, time.Minute))
	_, err := httpcall.Call.EnqueueMany(t.Context(), app, []httpcall.Input{
		{URL: "http://crm.example/1"},
		{URL: "http://crm.example/2"},
		{URL: "http://crm.example/3"},
		{URL: "http://crm.example/4"},
		{URL: "http://crm.example/5"},
		{URL: "http://crm.example/6"},
		{URL: "http://crm.example/7"},
		{URL: "http://crm.example/8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	shows(t, app, []string{"Rates", `href="../../limits#l-http%2fcrm.example"`, `<bdi class="clip">crm.example</bdi>`, `<td class="n">60</td>`, "1m0s", `<td class="n">2</td>`})
}

// What strangers send is shown as text, and what can't be read is said to be.
func TestPageShowsHostileNamesAsText(t *testing.T) {
	app := newApp(t, breaker())
	kind := record.Of[map[string]any](app.App, "http.circuit")
	if _, err := kind.Put(t.Context(), `"><script>alert(1)</script>:80`, map[string]any{"times": 1, "error": "<img src=x onerror=alert(1)>"}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Enqueue(t.Context(), httpcall.Call.Call(httpcall.Input{URL: "http://%3Cb%3Ehost/<i>"})); err == nil {
		t.Log("a host with < is taken, and shown below")
	}
	shows(t, app, []string{"&lt;script&gt;", "&lt;img"}, "<script", "<img", "<b>", "<i>")
	if w := ask(httpcall.Page(app.App), "POST", "/", closing(`"><script>alert(1)</script>:80`)); w.Code != http.StatusSeeOther {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPageRefuses(t *testing.T) {
	page := httpcall.Page(newApp(t, breaker()).App)
	for name, test := range map[string]struct {
		method, target string
		form           url.Values
		want           int
	}{
		"no host":   {"POST", "/", closing(""), 409},
		"long host": {"POST", "/", closing(strings.Repeat("x", 1000)), 409},
		"not open":  {"POST", "/", closing("crm.example:80"), 404},
		"no act":    {"POST", "/", url.Values{"do": {"<b>"}}, 409},
		"too much":  {"POST", "/", url.Values{"do": {strings.Repeat("x", 1<<17)}}, 400},
		"elsewhere": {"GET", "/x", nil, 404},
		"deleted":   {"DELETE", "/", nil, 405},
	} {
		w := ask(page, test.method, test.target, test.form)
		if w.Code != test.want || strings.Contains(w.Body.String(), "<b>") {
			t.Errorf("%s: %d %s; want %d", name, w.Code, w.Body, test.want)
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader(closing("x").Encode()))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if page.ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("%d from another site; want 403", w.Code)
	}
}

// In the dashboard only operators see it and close circuits, in the frame that all pages have.
func TestPageIsForOperators(t *testing.T) {
	app := newApp(t, breaker())
	put := func() {
		kind := record.Of[json.RawMessage](app.App, "http.circuit")
		if _, err := kind.Put(t.Context(), "crm.example:443", json.RawMessage(`{"times":1,"error":"away"}`)); err != nil {
			t.Fatal(err)
		}
	}
	put()
	as := func(role dashboard.Role, opts ...dashboard.Option) http.Handler {
		return dashboard.New(app.App, append(opts, dashboard.Page("Requests", httpcall.Page(app.App)),
			dashboard.Auth(func(*http.Request) (string, dashboard.Role) { return "ada", role }))...)
	}
	if w := ask(as(dashboard.Viewer), "GET", "/x/requests/", nil); w.Code != http.StatusForbidden {
		t.Errorf("a viewer: %d", w.Code)
	}
	for name, h := range map[string]http.Handler{"a viewer": as(dashboard.Viewer), "read-only": as(dashboard.Operator, dashboard.ReadOnly())} {
		if w := ask(h, "POST", "/x/requests/", closing("crm.example:443")); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	page := ask(as(dashboard.Operator), "GET", "/x/requests/", nil).Body.String()
	for _, want := range []string{"<h1>Requests</h1>", "crm.example:443", "away", "</html>", `<form method="post" action="./">`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if w := ask(as(dashboard.Operator), "POST", "/x/requests/", closing("crm.example:443")); w.Code != http.StatusSeeOther {
		t.Errorf("an operator: %d %s", w.Code, w.Body)
	}
	if w := ask(as(dashboard.Operator), "POST", "/x/requests/", closing("crm.example:443")); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "</html>") {
		t.Errorf("one that is closed: %d, want 404 in the frame:\n%s", w.Code, w.Body)
	}
}
