package webhook_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/webhook"
)

func ask(h http.Handler, method, target string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPage(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local())
		page := h.Deliveries()
		if w := ask(page, "GET", "/", nil); w.Code != 200 || !strings.Contains(w.Body.String(), "No endpoint") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		s := subscribe(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			w.Write([]byte("<script>alert(1)</script>"))
		})
		e := add(t, h, webhook.Endpoint{URL: s.URL + "/<b>?token=t0psecret", Owner: "<i>acme"})
		job := publish(t, h, app, webhook.Event{ID: "evt_1", Owner: "<i>acme", Data: json.RawMessage(`{"name":"<u>Ada"}`)})[0]
		app.Drain()
		detail := "/?delivery=" + job.ID.String()
		for target, wants := range map[string][]string{
			"/":    {"failing", "evt_1", e.ID[strings.Index(e.ID, "/"):], "Disable", `">` + s.URL + "/%3Cb%3E</bdi></td>"}, // of the delivery
			detail: {"evt_1", "status 500", "Request", "Ada", "Failed attempts"},
		} {
			w := ask(page, "GET", target, nil)
			text := w.Body.String()
			for _, want := range wants {
				if !strings.Contains(text, want) {
					t.Errorf("%s lacks %q: %s", target, want, text)
				}
			}
			for _, never := range []string{"t0psecret", string(e.Keys[0].Secret)[8:], "<script", "<i>", "<u>", "<b>"} {
				if strings.Contains(text, never) {
					t.Errorf("%s shows %q: %s", target, never, text)
				}
			}
		}
		if w := ask(page, "POST", "/", url.Values{"do": {"again"}, "delivery": {job.ID.String()}}); w.Code != 409 {
			t.Errorf("%d; want 409 for a delivery that is still tried", w.Code)
		}
		s.say(nil)
		app.Advance(6e9)
		app.Drain()
		if w := ask(page, "GET", detail, nil); !strings.Contains(w.Body.String(), "Response") {
			t.Errorf("no answer: %s", w.Body)
		}
		w := ask(page, "POST", "/", url.Values{"do": {"again"}, "delivery": {job.ID.String()}})
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "./?delivery=") {
			t.Errorf("%d to %q; want the new delivery", w.Code, w.Header().Get("Location"))
		}
		app.Drain()
		if got := s.all(); len(got) != 3 || got[2].id != "evt_1" {
			t.Errorf("%d requests; want a third with the same id", len(got))
		}
		ask(page, "POST", "/", url.Values{"do": {"disable"}, "endpoint": {e.ID}})
		if got, err := h.Get(t.Context(), e.ID); err != nil || got.Disabled != "by hand" {
			t.Errorf("disabled: %+v, %v", got, err)
		}
		ask(page, "POST", "/", url.Values{"do": {"enable"}, "endpoint": {e.ID}})
		if got, err := h.Get(t.Context(), e.ID); err != nil || got.Disabled != "" {
			t.Errorf("enabled: %+v, %v", got, err)
		}
	})
}

func TestPageRefuses(t *testing.T) {
	app, h := newApp(t, local())
	page := h.Deliveries()
	other, err := app.Enqueue(t.Context(), webhook.Publish.Call(webhook.Event{Type: "a", Data: json.RawMessage("1")}))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		method, target string
		form           url.Values
		want           int
	}{
		"no such delivery": {"GET", "/?delivery=" + offload.NewID().String(), nil, 404},
		"no id":            {"GET", "/?delivery=x", nil, 404},
		"another task":     {"GET", "/?delivery=" + other[0].ID.String(), nil, 404},
		"again of another": {"POST", "/", url.Values{"do": {"again"}, "delivery": {other[0].ID.String()}}, 409},
		"no endpoint":      {"POST", "/", url.Values{"do": {"disable"}, "endpoint": {"/x"}}, 404},
		"no act":           {"POST", "/", url.Values{"do": {"<b>"}}, 409},
		"elsewhere":        {"GET", "/x", nil, 404},
		"deleted":          {"DELETE", "/", nil, 405},
	} {
		if w := ask(page, test.method, test.target, test.form); w.Code != test.want {
			t.Errorf("%s: %d %s; want %d", name, w.Code, w.Body, test.want)
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("do=disable"))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if page.ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("%d from another site; want 403", w.Code)
	}
}
