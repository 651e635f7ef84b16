package dashboard

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store/memory"
)

const (
	slashed = "mail/bulk:eu" // a queue whose name would break a path
	nasty   = `<script>alert(1)</script>"/'`
)

// How long a page takes is no question here: a machine that is busy still shows all of it.
func TestMain(m *testing.M) {
	pageTime, searchTime = time.Minute, time.Minute
	m.Run()
}

// seeded returns an app with a job in two queues, one of an odd name.
func seeded(t *testing.T) *offload.App {
	t.Helper()
	task := offload.Declare[struct{}]("mail")
	app, err := offload.New(t.Context(), memory.New(), task.Handle(func(context.Context, struct{}) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	for _, queue := range []string{"mail", slashed} {
		if _, err := task.Enqueue(t.Context(), app, struct{}{}, offload.Queue(queue)); err != nil {
			t.Fatal(err)
		}
	}
	return app
}

func as(role Role) Option {
	return Auth(func(*http.Request) (string, Role) { return "ada", role })
}

// ask asks a handler, by a form if one is given.
func ask(h http.Handler, method, target string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func paused(t *testing.T, app *offload.App, name string) bool {
	t.Helper()
	queues, err := operate.As(app, "test").Queues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queues {
		if q.Name == name {
			return q.Paused
		}
	}
	return false
}

func TestClosedUntilItKnowsWhoAsks(t *testing.T) {
	app := seeded(t)
	for _, path := range []string{"/", "/queues", "/settings", "/assets/app.js", "/nowhere"} {
		if w := ask(New(app), "GET", path, nil); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "dashboard.Auth") {
			t.Errorf("GET %s without Auth: %d %q", path, w.Code, w.Body)
		}
		for _, role := range []Role{"", "root"} {
			if w := ask(New(app, as(role)), "GET", path, nil); w.Code != http.StatusForbidden {
				t.Errorf("GET %s with role %q: %d", path, role, w.Code)
			}
		}
	}
}

// Who has less than the role of a route gets 403 there, and nobody else does.
func TestEachRouteNeedsItsRole(t *testing.T) {
	app := seeded(t)
	for _, need := range (&dashboard{}).table() {
		for _, role := range roles {
			w := ask(New(app, as(role)), need.method, strings.TrimSuffix(need.path, "{$}"), url.Values{"queue": {"mail"}, "back": {"/queues"}})
			if refused := w.Code == http.StatusForbidden; refused == role.may(need.role) {
				t.Errorf("%s %s as %s: %d", need.method, need.path, role, w.Code)
			}
			w = ask(New(app, as(role), ReadOnly()), need.method, strings.TrimSuffix(need.path, "{$}"), url.Values{"queue": {"mail"}})
			if need.method == "POST" && need.path != "/settings" && w.Code != http.StatusForbidden {
				t.Errorf("%s %s as %s, read only: %d", need.method, need.path, role, w.Code)
			}
		}
	}
}

func TestPageElsewhereDoesNothing(t *testing.T) {
	app := seeded(t)
	h := New(app, as(Admin), Hosts("jobs.example.com"))
	form := url.Values{"queue": {"mail"}}
	for _, site := range []string{"cross-site", "same-site"} {
		w := ask(h, "POST", "http://jobs.example.com/queues/pause", form, "Sec-Fetch-Site", site)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", site, w.Code)
		}
	}
	for _, host := range []string{"evil.test", "127.0.0.1", "jobs.example.com.evil.test"} {
		if w := ask(h, "GET", "http://"+host+"/queues", nil); w.Code != http.StatusMisdirectedRequest {
			t.Errorf("under %s: %d", host, w.Code)
		}
	}
	if paused(t, app, "mail") {
		t.Error("mail was paused")
	}
	if w := ask(h, "GET", "http://JOBS.example.com:8080/queues", nil); w.Code != http.StatusOK {
		t.Errorf("under its name with a port: %d", w.Code)
	}
}

func TestQueueIsPausedAndResumed(t *testing.T) {
	app := seeded(t)
	mux := http.NewServeMux()
	mux.Handle("/jobs/", New(app, as(Operator), Title(nasty)))
	for _, back := range []string{"/queues?a=b", "//evil.test/", `/\evil.test`, "https://evil.test/", "queues"} {
		w := ask(mux, "POST", "/jobs/queues/pause", url.Values{"queue": {slashed}, "back": {back}})
		want := "/jobs/"
		if back == "/queues?a=b" {
			want = "/jobs" + back
		}
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("back to %q: %d %q, want %q", back, w.Code, w.Header().Get("Location"), want)
		}
	}
	if !paused(t, app, slashed) {
		t.Fatal("the queue is not paused")
	}
	page := ask(mux, "GET", "/jobs/queues", nil).Body.String()
	if strings.Contains(page, "<script>alert") || !strings.Contains(page, "&lt;script&gt;alert") {
		t.Errorf("the title is not shown as text:\n%s", page)
	}
	if !strings.Contains(page, `action="/jobs/queues/resume"`) || !strings.Contains(page, `href="/jobs/assets/style.css?v=`) {
		t.Errorf("links don't begin with the path it is mounted under:\n%s", page)
	}
	ask(mux, "POST", "/jobs/queues/resume", url.Values{"queue": {slashed}})
	if paused(t, app, slashed) {
		t.Error("the queue is still paused")
	}
}

func TestPageStaysTrue(t *testing.T) {
	app := seeded(t)
	server := httptest.NewServer(New(app, as(Viewer)))
	defer server.Close()
	r, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/queues", nil)
	r.Header.Set("Accept", "text/event-stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	until := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", text, lines.Err())
	}
	until("event: main")
	until("mail")
	if err := operate.As(app, "eve").PauseQueue(t.Context(), "mail"); err != nil {
		t.Fatal(err)
	}
	until("paused")
}

func TestAddedPageStandsInTheFrame(t *testing.T) {
	outbox := Page("Mail outbox", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/source" {
			w.Header().Set("Content-Type", "text/plain")
		}
		if r.URL.Path == "/none" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusNotFound)
		}
		io.WriteString(w, "<h1>Outbox "+r.URL.Path+"</h1>")
	}))
	app := seeded(t)
	h := New(app, as(Operator), outbox)
	if page := ask(h, "GET", "/x/mail-outbox/", nil).Body.String(); !strings.Contains(page, "<h1>Outbox /</h1>") || !strings.Contains(page, "</html>") {
		t.Errorf("page:\n%s", page)
	}
	if page := ask(h, "GET", "/x/mail-outbox/source", nil).Body.String(); page != "<h1>Outbox /source</h1>" {
		t.Errorf("plain text: %q", page)
	}
	if w := ask(h, "GET", "/x/mail-outbox/none", nil); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "<h1>Outbox /none</h1>") || !strings.Contains(w.Body.String(), "</html>") {
		t.Errorf("what is not there: %d, and not in the frame:\n%s", w.Code, w.Body)
	}
	if w := ask(h, "POST", "/x/mail-outbox/", url.Values{}); w.Code != http.StatusOK {
		t.Errorf("an operator posts: %d", w.Code)
	}
	for _, method := range []string{"GET", "POST"} {
		if w := ask(New(app, as(Viewer), outbox), method, "/x/mail-outbox/", url.Values{}); w.Code != http.StatusForbidden {
			t.Errorf("%s by a viewer: %d", method, w.Code)
		}
	}
	if w := ask(New(app, as(Admin), outbox, ReadOnly()), "POST", "/x/mail-outbox/", url.Values{}); w.Code != http.StatusForbidden {
		t.Errorf("a post where nothing may be done: %d", w.Code)
	}
	if page := ask(New(app, as(Viewer), outbox), "GET", "/", nil).Body.String(); strings.Contains(page, "/x/mail-outbox/") {
		t.Error("a viewer is led to a page that is not for viewers")
	}
}

func TestSettingsAreKept(t *testing.T) {
	h := New(seeded(t), as(Viewer))
	w := ask(h, "POST", "/settings", url.Values{"theme": {"dark"}, "zone": {"Europe/Berlin"}})
	var cookies []string
	for _, c := range w.Result().Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	page := ask(h, "GET", "/settings", nil, "Cookie", strings.Join(cookies, "; ")).Body.String()
	for _, want := range []string{`data-theme="dark"`, `value="Europe/Berlin"`, "Saved for this browser."} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing:\n%s", want, page)
		}
	}
	w = ask(h, "POST", "/settings", url.Values{"zone": {"Mars/Base"}, "back": {"/settings"}})
	if text, _ := url.QueryUnescape(w.Header().Get("Set-Cookie")); !strings.Contains(text, "time zone") {
		t.Errorf("a wrong zone: %d %q", w.Code, text)
	}
}
