package sms_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/sms"
)

// A gateway is a provider with a manner of its own.
type gateway struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []map[string]string
	auth   string
	status int // of the next answer; 0 is 202
	cut    bool
}

func newGateway(t *testing.T) *gateway {
	g := &gateway{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		status, cut := g.status, g.cut
		g.status, g.cut = 0, false
		body, _ := io.ReadAll(r.Body)
		m := map[string]string{}
		if err := json.Unmarshal(body, &m); err != nil {
			status = 400
		}
		g.bodies, g.auth = append(g.bodies, m), r.Header.Get("Authorization")
		switch {
		case cut:
			panic(http.ErrAbortHandler)
		case status != 0:
			if status == http.StatusFound {
				w.Header().Set("Location", "/elsewhere")
			}
			http.Error(w, "no\nsuch thing", status)
		default:
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"messages":[{"id":4711}]}`)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) provider() sms.HTTP {
	return sms.HTTP{
		URL:     g.URL + "/messages?for={{urlquery .Digits}}",
		Headers: map[string]string{"Authorization": "Bearer secret", "Content-Type": "application/json"},
		Body:    `{"to": {{json .To}}, "from": {{json .From}}, "text": {{json .Text}}, "ref": {{json .ID}}, "dlr": {{json .Callback}}}`,
		TakenID: "messages.0.id", ReceiptID: "id", ReceiptState: "status", ReceiptCode: "err",
		States: map[string]sms.State{"DELIVRD": sms.Delivered, "UNDELIV": sms.Undelivered, "ACCEPTD": sms.Sent},
	}
}

func TestAnyProviderByHTTP(t *testing.T) {
	g := newGateway(t)
	kit := newKit(t, g.provider())
	app := newApp(t, kit)
	m := sms.Message{To: hello.To, Text: `"quoted" <€> ` + "\n\u2028"}
	id := enqueued(t, app, m)
	app.Drain()
	wantJob(t, app, id, offload.Completed, "")
	if d := wantDelivery(t, app, id, sms.Queued); d.ID != "4711" || d.Via != "http" {
		t.Errorf("the delivery is %+v", d)
	}
	sent := g.bodies[0]
	if sent["text"] != m.Text || sent["to"] != m.To || sent["ref"] != id.String() || g.auth != "Bearer secret" || sent["from"] != "+15005550006" {
		t.Errorf("the provider got %q", sent)
	}
	h := kit.Handler(app.App)
	form := httptest.NewRequestWithContext(t.Context(), "POST", sent["dlr"], strings.NewReader(url.Values{"status": {"UNDELIV"}, "err": {"27"}}.Encode()))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if code := give(h, form); code != http.StatusNoContent {
		t.Errorf("a form is answered %d", code)
	}
	if d := wantDelivery(t, app, id, sms.Undelivered); d.Code != "27" || d.Reason != "UNDELIV" {
		t.Errorf("the delivery is %+v", d)
	}
	late := httptest.NewRequestWithContext(t.Context(), "POST", sent["dlr"], strings.NewReader(`{"status": "DELIVRD"}`))
	late.Header.Set("Content-Type", "application/json; charset=utf-8")
	if code := give(h, late); code != http.StatusNoContent {
		t.Errorf("JSON is answered %d", code)
	}
	wantDelivery(t, app, id, sms.Delivered)
	if code := give(h, httptest.NewRequestWithContext(t.Context(), "GET", sent["dlr"]+"?status=ACCEPTD", nil)); code != http.StatusNoContent {
		t.Errorf("a query is answered %d", code)
	}
	wantDelivery(t, app, id, sms.Delivered)
}

func TestAnswersOfHTTP(t *testing.T) {
	for status, want := range map[int]offload.State{
		302: offload.Discarded, 400: offload.Discarded, 422: offload.Discarded,
		401: offload.Retryable, 403: offload.Retryable, 429: offload.Retryable, 500: offload.Retryable, 503: offload.Retryable,
	} {
		g := newGateway(t)
		g.status = status
		app := newApp(t, newKit(t, g.provider()))
		id := enqueued(t, app, hello)
		app.Drain()
		if job := wantJob(t, app, id, want, "no such thing"); strings.Contains(job.Error, "secret") {
			t.Errorf("the error tells a secret: %s", job.Error)
		}
		if len(g.bodies) != 1 {
			t.Errorf("status %d: %d requests", status, len(g.bodies))
		}
	}
}

func TestOnceIsAskedAgainAtOnce(t *testing.T) {
	for once, want := range map[bool]offload.State{true: offload.Completed, false: offload.Discarded} {
		g := newGateway(t)
		p := g.provider()
		p.Once = once
		app := newApp(t, newKit(t, p, sms.NeverTwice()))
		id := enqueued(t, app, hello)
		g.cut = true
		app.Drain()
		app.Advance(2 * time.Minute)
		app.Drain()
		wantJob(t, app, id, want, "")
	}
}
