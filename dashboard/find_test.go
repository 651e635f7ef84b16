package dashboard

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
)

// Whatever has a name is found by a part of it, and a job by its id.
func TestFindLeadsAnywhere(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator), Page("Mail outbox", http.NotFoundHandler()))
	id := found(t, app, offload.Filter{Tasks: []string{"pay"}})[0]
	for text, want := range map[string][]string{
		"":           {`href="/jobs"`, `href="/schedules/of/nightly"`},
		"OUT mail":   {`href="/x/mail-outbox/"`},
		"retr":       {`href="/retries"`},
		"media":      {`href="/jobs?queue=media"`},
		"thumbn":     {`href="/jobs?task=thumbnail"`},
		"night":      {`href="/schedules/of/nightly"`},
		"smtp":       {`href="/limits#l-smtp"`},
		id:           {`href="/jobs/` + id + `"`},
		`"><script>`: {`href="/jobs?q=%22%3E%3Cscript%3E"`},
	} {
		page := ask(h, "GET", "/find?q="+url.QueryEscape(text), nil).Body.String()
		_, list, _ := strings.Cut(page, `id="found"`)
		for _, w := range want {
			if !strings.Contains(list, w) {
				t.Errorf("%q does not lead to %s:\n%s", text, w, list)
			}
		}
		if strings.Contains(list, "<script>") {
			t.Errorf("%q is not shown as text", text)
		}
	}
}

// A list keeps its name for all who look, until somebody takes it away, and that can be taken back.
func TestViewIsSavedAndRemoved(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	save := func(form url.Values) string {
		t.Helper()
		w := ask(h, "POST", "/views/save", form)
		if w.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return w.Header().Get("Location")
	}
	view := url.Values{"name": {"Broken <b>pictures"}, "path": {"/discarded"}, "query": {"after=&q=&task=thumbnail&col=queue"}}
	const want = "/discarded?col=queue&task=thumbnail"
	if to := save(view); to != want {
		t.Errorf("leads to %s", to)
	}
	const link = `<a href="/discarded?col=queue&amp;task=thumbnail" aria-current="page"><span dir="auto">Broken &lt;b&gt;pictures</span></a>`
	if page := ask(New(app, as(Viewer)), "GET", want, nil).Body.String(); !strings.Contains(page, link) || strings.Contains(page, "/views/remove") {
		t.Errorf("a viewer does not see the view, or may remove it:\n%s", page)
	}
	if page := ask(h, "GET", "/find?q=broken", nil).Body.String(); !strings.Contains(page, `<bdi>Broken &lt;b&gt;pictures</bdi>`) {
		t.Error("the view is not found")
	}
	for _, wrong := range []url.Values{
		{"name": {""}, "path": {"/jobs"}},
		{"name": {"two\nlines"}, "path": {"/jobs"}},
		{"name": {strings.Repeat("x", 61)}, "path": {"/jobs"}},
		{"name": {"away"}, "path": {"//example.com"}},
		{"name": {"odd"}, "path": {"/jobs"}, "query": {"state=odd"}},
		{"name": {"odd"}, "path": {"/jobs"}, "query": {"a;b"}},
	} {
		if w := ask(h, "POST", "/views/save", wrong); !strings.Contains(w.Header().Get("Set-Cookie"), "want") {
			t.Errorf("%v: %d %s", wrong, w.Code, w.Header().Get("Set-Cookie"))
		}
	}
	w := ask(h, "POST", "/views/remove", url.Values{"name": {"Broken <b>pictures"}, "back": {"/jobs"}})
	if page := ask(h, "GET", "/jobs", nil).Body.String(); w.Code != http.StatusSeeOther || strings.Contains(page, "pictures</span>") {
		t.Errorf("%d; the view is still there", w.Code)
	}
	if notice, _ := url.QueryUnescape(w.Header().Get("Set-Cookie")); !strings.Contains(notice, "/views/save") || !strings.Contains(notice, "task=thumbnail") {
		t.Errorf("it can't be taken back: %s", notice)
	}
	if w := ask(h, "POST", "/views/remove", url.Values{"name": {"none"}}); w.Code != http.StatusNotFound && !strings.Contains(w.Header().Get("Set-Cookie"), "not") {
		t.Errorf("none is removed: %d", w.Code)
	}
}
