package alert_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/kit/alert"
)

func ask(h http.Handler, method, target string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func has(t *testing.T, w *httptest.ResponseRecorder, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d: the page lacks %q: %s", w.Code, want, w.Body)
		}
	}
}

func (h *house) rule(name string) *alert.KnownRule {
	h.Helper()
	rules, err := h.alerts.Rules(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	for i := range rules {
		if rules[i].Name == name {
			return &rules[i]
		}
	}
	return nil
}

func TestPage(t *testing.T) {
	d := openDesk(t, status(http.StatusNotFound))
	h := build(t, []offload.Part{handled()}, alert.Slack("<i>ops", d.URL+"/t0ken"),
		alert.Rule{Name: "<b>code", When: alert.Discarding, Task: "sometimes", Within: time.Minute, To: []string{"<i>ops", "me"}})
	page := h.alerts.Page()
	has(t, ask(page, "GET", "/", nil), "Nobody has looked yet", "Nothing is wrong", "1 or more jobs of task sometimes are discarded within 1m", "<td>Slack</td>", "code</td>")
	run(h, 0, 1)
	h.look()
	w := ask(page, "GET", "/", nil)
	has(t, w, "Jobs of task sometimes were discarded", "Given up within 1m: 1.", `discarded</span>`, "status 404", "completed</span>", ">error</span>")
	for _, never := range []string{"t0ken", "<i>", "<b>code"} {
		if strings.Contains(w.Body.String(), never) {
			t.Errorf("the page shows %q", never)
		}
	}

	h.told = nil
	w = ask(page, "POST", "/", url.Values{"do": {"try"}, "channel": {"me"}})
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "../../jobs/") {
		t.Errorf("%d to %q; want the job that tries the channel", w.Code, to)
	}
	h.Drain()
	if len(h.told) != 2 || h.told[0].Do != alert.Alert || h.told[1].Do != alert.Clear || h.told[0].Incident != h.told[1].Incident {
		t.Errorf("told %+v; want a test, and that it is over", h.told)
	}
	h.told = nil

	// A rule of the page's own.
	has(t, ask(page, "GET", "/?rule=", nil), "New rule", `value="5m"`, "unworked</option>")
	form := url.Values{"do": {"set"}, "name": {"mine"}, "when": {"waiting"}, "queue": {"slow"}, "over": {"2m"}, "for": {"1m"}, "severity": {"critical"}, "to": {"me"}}
	if w := ask(page, "POST", "/", form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "./" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if r := h.rule("mine"); r == nil || r.InCode || r.Over != 2*time.Minute || r.For != time.Minute || r.Severity != "critical" || r.Queue != "slow" || len(r.To) != 1 {
		t.Errorf("%+v", r)
	}
	put(t, h.App, 1)
	h.Advance(5 * time.Minute)
	h.look()
	h.Advance(time.Minute)
	if got := h.look(); !strings.Contains(strings.Join(got, " "), "Jobs of queue slow wait longer than 2m") {
		t.Errorf("told %q; want the page's rule to work", got)
	}

	// What is wrong is said, beside what was typed.
	for field, wrong := range map[string]string{"over": "soon", "to": "nobody", "percent": "5", "when": "<u>", "least": "x", "name": "mine"} {
		f := url.Values{"do": {"set"}, "name": {"another"}, "when": {"waiting"}, "over": {"2m"}, "for": {"1m"}, "to": {"me"}}
		f.Set(field, wrong)
		w := ask(page, "POST", "/", f)
		has(t, w, `class="wrong"`, `value="1m"`)
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "<u>") {
			t.Errorf("%s: %d %s", field, w.Code, w.Body)
		}
	}

	// Changed, off, on, and back.
	has(t, ask(page, "GET", "/?rule=mine", nil), `value="2m"`, `name="known"`, "checked")
	form.Set("known", "1")
	form.Set("over", "3m")
	if ask(page, "POST", "/", form); h.rule("mine").Over != 3*time.Minute {
		t.Errorf("%+v; want it changed", h.rule("mine"))
	}
	h.look()
	run(h, 0, 1)
	h.look()
	if ask(page, "POST", "/", url.Values{"do": {"off"}, "rule": {"<b>code"}}); !h.rule("<b>code").Off {
		t.Error("it is not off")
	}
	if got := h.look(); strings.Join(got, " ") != "clear: Jobs of task sometimes were discarded" {
		t.Errorf("told %q; want what a rule has told to be over when it is switched off", got)
	}
	has(t, ask(page, "GET", "/", nil), `<span class="tag">off</span>`, "As in the code", "all-clear to")
	h.Advance(3 * time.Minute) // what was discarded is out of sight
	if ask(page, "POST", "/", url.Values{"do": {"on"}, "rule": {"<b>code"}}); h.rule("<b>code").Off {
		t.Error("it is off")
	}
	ask(page, "POST", "/", url.Values{"do": {"remove"}, "rule": {"<b>code"}})
	if r := h.rule("<b>code"); r == nil || !r.Changed.IsZero() {
		t.Errorf("%+v; want it as in the code", r)
	}
	ask(page, "POST", "/", url.Values{"do": {"remove"}, "rule": {"mine"}})
	if r := h.rule("mine"); r != nil {
		t.Errorf("%+v; want it removed", r)
	}
	// Those who watch may be of another program, for a while: what a rule told that is gone, ends later.
	if got := h.look(); len(got) != 0 {
		t.Errorf("told %q at once", got)
	}
	h.Advance(11 * time.Minute)
	if got := h.look(); strings.Join(got, " ") != "clear: Jobs of queue slow wait longer than 2m" {
		t.Errorf("told %q; want what a rule has told to be over when the rule is gone", got)
	}
}

func TestPageRefuses(t *testing.T) {
	h := build(t, nil, alert.Rule{Name: "r", When: alert.Lost, To: []string{"me"}})
	page := h.alerts.Page()
	for name, test := range map[string]struct {
		method, target string
		form           url.Values
		want           int
	}{
		"no rule":     {"GET", "/?rule=x", nil, 404},
		"off":         {"POST", "/", url.Values{"do": {"off"}, "rule": {"x"}}, 404},
		"remove":      {"POST", "/", url.Values{"do": {"remove"}, "rule": {"a/b"}}, 409},
		"try":         {"POST", "/", url.Values{"do": {"try"}, "channel": {"x"}}, 409},
		"what":        {"POST", "/", url.Values{"do": {"<b>"}}, 409},
		"elsewhere":   {"GET", "/x", nil, 404},
		"too much":    {"POST", "/", url.Values{"do": {strings.Repeat("x", 1<<17)}}, 400},
		"by deleting": {"DELETE", "/", nil, 405},
	} {
		if w := ask(page, test.method, test.target, test.form); w.Code != test.want {
			t.Errorf("%s: %d %s; want %d", name, w.Code, w.Body, test.want)
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("do=off&rule=r"))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if page.ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("%d from another site; want 403", w.Code)
	}
}

// In the dashboard only operators see and change it.
func TestPageIsForOperators(t *testing.T) {
	h := build(t, nil, alert.Rule{Name: "r", When: alert.Lost, To: []string{"me"}})
	off := url.Values{"do": {"off"}, "rule": {"r"}}
	as := func(role dashboard.Role, opts ...dashboard.Option) http.Handler {
		return dashboard.New(h.App.App, append(opts, dashboard.Page("Alerts", h.alerts.Page()),
			dashboard.Auth(func(*http.Request) (string, dashboard.Role) { return "ada", role }))...)
	}
	if w := ask(as(dashboard.Viewer), "GET", "/x/alerts/", nil); w.Code != http.StatusForbidden {
		t.Errorf("a viewer: %d", w.Code)
	}
	for name, handler := range map[string]http.Handler{
		"a viewer": as(dashboard.Viewer), "read-only": as(dashboard.Operator, dashboard.ReadOnly()),
	} {
		if w := ask(handler, "POST", "/x/alerts/", off); w.Code != http.StatusForbidden || h.rule("r").Off {
			t.Errorf("%s: %d, and off: %v", name, w.Code, h.rule("r").Off)
		}
	}
	has(t, ask(as(dashboard.Operator), "GET", "/x/alerts/", nil), "<h1>Alerts</h1>", "</html>")
	if w := ask(as(dashboard.Operator), "POST", "/x/alerts/", off); w.Code != http.StatusSeeOther || !h.rule("r").Off {
		t.Errorf("an operator: %d %s", w.Code, w.Body)
	}
}

func TestRefused(t *testing.T) {
	good := func(f func(r *alert.Rule)) alert.Rule {
		r := alert.Rule{Name: "r", When: alert.Waiting, Over: time.Minute, To: []string{"me"}}
		f(&r)
		return r
	}
	for field, r := range map[string]alert.Rule{
		"Name":                  good(func(r *alert.Rule) { r.Name = "a/b" }),
		`Rule "r" When`:         good(func(r *alert.Rule) { r.When = "sometimes" }),
		`Rule "r" Over`:         good(func(r *alert.Rule) { r.Over = 0 }),
		`Rule "r" Task`:         good(func(r *alert.Rule) { r.Task = "t" }),
		`Rule "r" Percent`:      {Name: "r", When: alert.Failing, Percent: 101, To: []string{"me"}},
		`Rule "r" Within`:       {Name: "r", When: alert.Lost, Within: time.Second, To: []string{"me"}},
		`Rule "r" Least`:        {Name: "r", When: alert.Discarding, Least: -1, To: []string{"me"}},
		`Rule "r" For`:          good(func(r *alert.Rule) { r.For = -1 }),
		`Rule "r" Clear`:        good(func(r *alert.Rule) { r.Clear = 1 << 62 }),
		`Rule "r" Severity`:     good(func(r *alert.Rule) { r.Severity = "bad" }),
		`Rule "r" To`:           good(func(r *alert.Rule) { r.To = []string{"me", "me"} }),
		`Rule "r" Queue`:        good(func(r *alert.Rule) { r.Queue = "\xff" }),
		`Rule "unknown" To`:     {Name: "unknown", When: alert.Lost, To: []string{"you"}},
		`Rule "no channels" To`: {Name: "no channels", When: alert.Lost},
	} {
		_, err := alert.New(r, alert.Mail("me", "ada@example.com"))
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%v; want %s refused", err, field)
		}
	}
	ok := alert.Rule{Name: "r", When: alert.Lost, To: []string{"me"}}
	for name, opts := range map[string][]alert.Option{
		"two rules":    {ok, ok, alert.Mail("me", "ada@example.com")},
		"two channels": {alert.Mail("me", "ada@example.com"), alert.Slack("me", "https://example.com")},
		"no address":   {alert.Mail("me")},
		"no function":  {alert.Func("me", nil)},
		"no key":       {alert.PagerDuty("me", "", "")},
		"no mail":      {alert.Mail("me", "ada")},
		"too often":    {alert.Every(time.Millisecond)},
		"no link":      {alert.Link("x")},
		"no heart":     {alert.Heartbeat("")},
		"bad name":     {alert.Slack("a/b", "https://example.com")},
	} {
		if _, err := alert.New(opts...); err == nil {
			t.Errorf("%s: want it refused", name)
		}
	}
	if _, err := alert.New(nil, alert.Every(time.Minute), ok, alert.Mail("me", "ada@example.com")); err != nil {
		t.Error(err)
	}
}
