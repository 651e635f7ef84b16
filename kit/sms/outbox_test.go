package sms_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/sms"
)

func TestOutboxShowsMessagesAndPlaysTheProvider(t *testing.T) {
	kit := newKit(t, sms.Keep{})
	app := newApp(t, kit)
	h := kit.Outbox(app.App)
	page := func() string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
		return w.Body.String()
	}
	if text := page(); !strings.Contains(text, "No message has been kept") {
		t.Errorf("the empty page is\n%s", text)
	}
	id := enqueued(t, app, sms.Message{To: hello.To, Text: "<script>alert(1)</script>"})
	app.Drain()
	wantJob(t, app, id, offload.Completed, "")
	wantDelivery(t, app, id, sms.Sent)
	if text := page(); strings.Contains(text, "<script") || !strings.Contains(text, "alert(1)") || !strings.Contains(text, "1 (GSM-7)") || !strings.Contains(text, hello.To[1:]) {
		t.Errorf("the page is\n%s", text)
	}
	press := func(message, state string) int {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(url.Values{"message": {message}, "state": {state}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return give(h, r)
	}
	for state, want := range map[string]int{"delivered": http.StatusSeeOther, "queued": http.StatusBadRequest, "": http.StatusBadRequest} {
		if code := press(id.String(), state); code != want {
			t.Errorf("%q is answered %d, want %d", state, code, want)
		}
	}
	if code := press(offload.NewID().String(), "delivered"); code != http.StatusNotFound {
		t.Errorf("another message is answered %d", code)
	}
	wantDelivery(t, app, id, sms.Delivered)
}
