package twilio_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/sms/twilio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFindTakesOnlyWhatMayBeTheMessage(t *testing.T) {
	asked := time.Now()
	one := func(sid string, change func(m map[string]any)) map[string]any {
		m := map[string]any{
			"sid": sid, "status": "sent", "to": "+436641234567", "from": "+15005550006", "body": "Hello.", "direction": "outbound-api",
			"date_created": asked.Add(time.Second).UTC().Format(time.RFC1123Z), "messaging_service_sid": nil, "error_code": nil, "error_message": nil,
		}
		if change != nil {
			change(m)
		}
		return m
	}
	const service = "MG0123456789abcdef0123456789abcdef"
	list := []map[string]any{ // the newest first
		one("SM9", nil),
		one("SM8", func(m map[string]any) { m["to"] = "+436640000000" }),
		one("SM7", func(m map[string]any) { m["from"] = "+15005550009" }),
		one("SM6", func(m map[string]any) { m["body"] = "Hello!" }),
		one("SM5", func(m map[string]any) { m["direction"] = "inbound" }),
		one("SM4", func(m map[string]any) { m["date_created"] = "yesterday" }),
		one("SM3", func(m map[string]any) {
			m["body"], m["status"], m["error_code"], m["error_message"] = "Hello. ", "undelivered", 30003, "Unreachable"
		}),
		one("SM2", func(m map[string]any) { m["from"], m["messaging_service_sid"] = "+15005550007", service }),
		one("SM1", func(m map[string]any) { m["date_created"] = asked.Add(-time.Hour).UTC().Format(time.RFC1123Z) }),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "SK1" || password != "key" || r.Method != "GET" || r.FormValue("To") != "+436641234567" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"messages": list})
	}))
	defer server.Close()
	p := twilio.Provider{AccountSID: "AC1", KeySID: "SK1", KeySecret: "key", URL: server.URL + "/"}
	defer p.Close()
	for from, want := range map[string][]string{"+15005550006": {"SM3", "SM9"}, service: {"SM2"}, "Shop": nil} {
		found, err := p.Find(t.Context(), sms.Outgoing{Message: sms.Message{To: "+436641234567", From: from, Text: "Hello."}, Asked: asked})
		var got []string
		for _, r := range found {
			got = append(got, r.ID)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("from %s: %v, %v; want %v", from, got, err, want)
		}
		if len(found) > 1 && (found[0] != sms.Report{ID: "SM3", State: sms.Undelivered, Code: "30003", Reason: "Unreachable"}) {
			t.Errorf("the first is %+v", found[0])
		}
	}
}
