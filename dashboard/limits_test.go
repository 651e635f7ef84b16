package dashboard

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/madeup"
	"github.com/offloadhq/offload/operate"
)

// shop returns an app with jobs in each state.
func shop(t *testing.T) *offload.App {
	t.Helper()
	s, err := madeup.Open(t.Context(), "memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.App
}

// post presses a button, and returns what the next page says of it.
func post(t *testing.T, h http.Handler, path string, fields ...string) string {
	t.Helper()
	form := url.Values{"back": {"/settings"}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	w := ask(h, "POST", path, form)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
	}
	next := ask(h, "GET", w.Header().Get("Location"), nil, "Cookie", strings.Join(cookies(w.Result()), "; "))
	_, text, _ := strings.Cut(next.Body.String(), `<div class="notice`)
	text, _, _ = strings.Cut(text, "</p>")
	return text[strings.LastIndexByte(text, '>')+1:]
}

func cookies(r *http.Response) (all []string) {
	for _, c := range r.Cookies() {
		all = append(all, c.Name+"="+c.Value)
	}
	return all
}

const anyKey = "*"

func limit(t *testing.T, app *offload.App, name, key string) operate.Limit {
	t.Helper()
	all, err := operate.As(app, "test").Limits(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if l.Key == key || key == anyKey {
			return l
		}
	}
	t.Fatalf("limit %s has no key %q", name, key)
	return operate.Limit{}
}

func TestLimitIsChangedAndReset(t *testing.T) {
	app := shop(t)
	h := New(app, as(Admin))
	if said := post(t, h, "/limits/set", "limit", "tenant-mails", "max", "7"); !strings.Contains(said, "allows 7 now") {
		t.Error(said)
	}
	if l := limit(t, app, "tenant-mails", anyKey); l.Max != 7 || !l.ByHand {
		t.Errorf("%+v", l)
	}
	for _, bad := range []string{"", "many", "0", "-1"} {
		if said := post(t, h, "/limits/set", "limit", "tenant-mails", "max", bad); !strings.Contains(said, "want") {
			t.Errorf("max %q: %q", bad, said)
		}
	}
	page := ask(h, "GET", "/limits", nil).Body.String()
	if !strings.Contains(page, "7 starts each minute") || !strings.Contains(page, "programs say 60") {
		t.Error(page)
	}
	post(t, h, "/limits/reset", "limit", "tenant-mails")
	if l := limit(t, app, "tenant-mails", anyKey); l.Max != 60 || l.ByHand {
		t.Errorf("%+v", l)
	}
}

func TestKeyOfALimitIsPaused(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	post(t, h, "/limits/pause", "limit", "tenant-mails", "key", nasty, "for", "15m")
	if l := limit(t, app, "tenant-mails", nasty); l.Paused.IsZero() {
		t.Errorf("%+v", l)
	}
	page := ask(h, "GET", "/limits", nil).Body.String()
	if strings.Contains(page, nasty) || !strings.Contains(page, "paused, <time") {
		t.Error(page)
	}
	post(t, h, "/limits/pause", "limit", "tenant-mails", "key", nasty, "for", "0s")
	if said := post(t, h, "/limits/pause", "limit", "tenant-mails", "key", "", "for", "soon"); !strings.Contains(said, "30s, 15m or 2h30m") {
		t.Error(said)
	}
	if page := ask(h, "GET", "/limits", nil).Body.String(); strings.Contains(page, "paused, <time") {
		t.Error(page)
	}
}
