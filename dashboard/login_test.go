package dashboard

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// people are users with the password "right".
type people map[string]Role

func (p people) Check(name, password string) bool { return p[name] != "" && password == "right" }
func (p people) Role(name string) Role            { return p[name] }

// closed is a dashboard for people who sign in, under /jobs/, with a clock of its own.
func closed(t *testing.T, users people, now *time.Time) http.Handler {
	t.Helper()
	d := &dashboard{app: seeded(t), now: func() time.Time { return *now }, reads: newReads()}
	Login(users).apply(&d.config)
	d.routes()
	mux := http.NewServeMux()
	mux.Handle("/jobs/", d.gate(http.HandlerFunc(d.serve)))
	return mux
}

// signIn returns the cookie of who has signed in, "" if they may not.
func signIn(h http.Handler, name, password string, header ...string) (cookie string, status int) {
	w := ask(h, "POST", "/jobs/login", url.Values{"name": {name}, "password": {password}}, header...)
	for _, c := range w.Result().Cookies() {
		if c.Name == sessionCookie {
			cookie = c.Name + "=" + c.Value
		}
	}
	return cookie, w.Code
}

func TestPeopleSignIn(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	users := people{"ada": Operator, "vi": Viewer}
	h := closed(t, users, &now)
	w := ask(h, "GET", "/jobs/queues?a=b", nil, "Accept", "text/html")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/jobs/login?next=%2Fqueues%3Fa%3Db" {
		t.Errorf("%d %q", w.Code, w.Header().Get("Location"))
	}
	if w := ask(h, "POST", "/jobs/queues/pause", url.Values{"queue": {"mail"}}); w.Code != http.StatusUnauthorized {
		t.Errorf("an act of nobody: %d", w.Code)
	}
	if page := ask(h, "GET", "/jobs/login?next=//evil.test", nil).Body.String(); !strings.Contains(page, `name="next" value="/"`) {
		t.Errorf("it leads elsewhere: %s", page)
	}
	if w := ask(h, "GET", "/jobs/assets/style.css", nil); w.Code != http.StatusOK {
		t.Errorf("the style: %d", w.Code)
	}
	for name, password := range map[string]string{"ada": "wrong", "eve": "right", "": ""} {
		if cookie, status := signIn(h, name, password); cookie != "" || status != http.StatusUnauthorized {
			t.Errorf("%s: %d %q", name, status, cookie)
		}
	}
	// A cookie that somebody brought along is not taken over.
	cookie, _ := signIn(h, "ada", "right", "Cookie", sessionCookie+"=known")
	if cookie == "" || cookie == sessionCookie+"=known" {
		t.Fatalf("the cookie is %q", cookie)
	}
	if w := ask(h, "GET", "/jobs/queues", nil, "Cookie", sessionCookie+"=known"); w.Code == http.StatusOK {
		t.Error("a known cookie is somebody's")
	}
	page := ask(h, "GET", "/jobs/queues", nil, "Cookie", cookie)
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), `action="/jobs/logout"`) {
		t.Errorf("%d", page.Code)
	}
	vi, _ := signIn(h, "vi", "right")
	if w := ask(h, "POST", "/jobs/queues/pause", url.Values{"queue": {"mail"}}, "Cookie", vi); w.Code != http.StatusForbidden {
		t.Errorf("a viewer acts: %d", w.Code)
	}
	delete(users, "vi")
	if w := ask(h, "GET", "/jobs/queues", nil, "Cookie", vi); w.Code != http.StatusUnauthorized {
		t.Errorf("who is no user any more: %d", w.Code)
	}
	ask(h, "POST", "/jobs/logout", url.Values{}, "Cookie", cookie)
	if w := ask(h, "GET", "/jobs/queues", nil, "Cookie", cookie); w.Code != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", w.Code)
	}
	cookie, _ = signIn(h, "ada", "right")
	now = now.Add(sessionTime)
	if w := ask(h, "GET", "/jobs/queues", nil, "Cookie", cookie); w.Code != http.StatusUnauthorized {
		t.Errorf("after twelve hours: %d", w.Code)
	}
}

func TestManyWrongPasswordsHaveToWait(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	h := closed(t, people{"ada": Admin, "bob": Admin}, &now)
	for range freeTries[0] {
		if _, status := signIn(h, "ada", "wrong"); status != http.StatusUnauthorized {
			t.Fatalf("%d", status)
		}
	}
	if cookie, status := signIn(h, "ada", "right"); status != http.StatusTooManyRequests || cookie != "" {
		t.Errorf("the sixth: %d %q", status, cookie)
	}
	if cookie, _ := signIn(h, "bob", "right"); cookie == "" {
		t.Error("another name at the same address has to wait")
	}
	now = now.Add(tryTime)
	if cookie, status := signIn(h, "ada", "right"); cookie == "" {
		t.Errorf("later: %d", status)
	}
	s := &sessions{users: people{}, failed: map[string]tries{}}
	for i := range 2 * mostFailed {
		s.fail(now, tried(string(rune(i)), "here"))
	}
	if len(s.failed) > mostFailed {
		t.Errorf("%d are remembered", len(s.failed))
	}
}
