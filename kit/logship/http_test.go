package logship_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/kit/logship"
)

// An otlpBody is what the specification says of logs in JSON, as far as a collector looks at it.
type otlpBody struct {
	ResourceLogs []struct {
		Resource  struct{ Attributes []otlpAttr }
		ScopeLogs []struct {
			LogRecords []struct {
				TimeUnixNano   string
				SeverityNumber int
				SeverityText   string
				Body           map[string]json.RawMessage
				Attributes     []otlpAttr
				TraceID        string `json:"traceId"`
				SpanID         string `json:"spanId"`
			}
		}
	}
}

type otlpAttr struct {
	Key   string
	Value json.RawMessage
}

func TestOTLPSaysWhatItsSpecificationSays(t *testing.T) {
	collector := serve(t)
	ship := open(t, logship.OTLP(collector.URL+"/v1/logs", logship.Resource{"service.name": "shop"}, logship.Header("Authorization", "Bearer x")), logship.Level(slog.LevelDebug))
	log := slog.New(ship.Handler())
	log.With("shop", "berlin").WithGroup("order").Warn("paid", "id", int64(1)<<62, "price", 1.5, "ok", true, "tags", []string{"a"}, "none", nil, slog.Group("by", "card", "visa"))
	log.Debug("traced", "trace_id", "0af7651916cd43dd8448eb211c80319c", "span_id", "b7ad6b7169203331", "msg", "second", "took", time.Second)
	must(t, ship.Flush(t.Context()))
	if len(collector.bodies) != 1 || collector.heads[0].Get("Authorization") != "Bearer x" {
		t.Fatalf("%d requests", len(collector.bodies))
	}
	var got otlpBody
	must(t, json.Unmarshal(collector.bodies[0], &got))
	resource := got.ResourceLogs[0]
	if fmt.Sprintf("%s", resource.Resource.Attributes) != `[{service.name {"stringValue":"shop"}}]` {
		t.Errorf("resource %s", resource.Resource.Attributes)
	}
	records := resource.ScopeLogs[0].LogRecords
	one, two := records[0], records[1]
	if nano, err := strconv.ParseInt(one.TimeUnixNano, 10, 64); err != nil || time.Since(time.Unix(0, nano)) > time.Minute {
		t.Errorf("time %q", one.TimeUnixNano)
	}
	if one.SeverityNumber != 13 || one.SeverityText != "WARN" || string(one.Body["stringValue"]) != `"paid"` || two.SeverityNumber != 5 {
		t.Errorf("%+v", one)
	}
	want := `[{shop {"stringValue":"berlin"}} {order {"kvlistValue":{"values":[{"key":"id","value":{"intValue":"4611686018427387904"}},{"key":"price","value":{"doubleValue":1.5}},` +
		`{"key":"ok","value":{"boolValue":true}},{"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"}]}}},{"key":"none","value":{}},` +
		`{"key":"by","value":{"kvlistValue":{"values":[{"key":"card","value":{"stringValue":"visa"}}]}}}]}}}]`
	if got := fmt.Sprintf("%s", one.Attributes); got != want {
		t.Errorf("attributes\n%s, want\n%s", got, want)
	}
	if two.TraceID != "0af7651916cd43dd8448eb211c80319c" || two.SpanID != "b7ad6b7169203331" || string(two.Body["stringValue"]) != `"traced"` {
		t.Errorf("%+v", two)
	}
	if got := fmt.Sprintf("%s", two.Attributes); got != `[{msg {"stringValue":"second"}} {took {"intValue":"1000000000"}}]` {
		t.Errorf("attributes %s", got)
	}
}

func TestWhatACollectorRefusesForNowIsSentAgain(t *testing.T) {
	collector := serve(t, says(429, "Retry-After", "0"), says(503), hangsUp, says(401), says(415), says(307, "Location", "http://127.0.0.1:1/"))
	ship := open(t, logship.OTLP(collector.URL, nil))
	slog.New(ship.Handler()).Info("in the end")
	must(t, ship.Flush(t.Context()))
	if c := ship.Counts(); len(collector.bodies) != 1 || c.Retries != 6 || c.Shipped != 1 {
		t.Errorf("%d taken, %+v", len(collector.bodies), c)
	}
}

func TestWhatACollectorRefusesForGoodIsCounted(t *testing.T) {
	partly := func(w http.ResponseWriter, _ []byte) bool {
		_, _ = w.Write([]byte(`{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}`))
		return false
	}
	collector := serve(t, says(400), partly)
	ship := open(t, logship.OTLP(collector.URL, nil))
	log := slog.New(ship.Handler())
	log.Info("bad")
	must(t, ship.Flush(t.Context()))
	for range 3 {
		log.Info("some of it bad")
	}
	must(t, ship.Flush(t.Context()))
	if c := ship.Counts(); c.Refused != 3 || c.Shipped != 1 || c.Waiting != 0 {
		t.Errorf("%+v", c)
	}
}

func TestTooLargeABatchIsHalved(t *testing.T) {
	most := func(w http.ResponseWriter, body []byte) bool {
		if strings.Count(string(body), "timeUnixNano") > 300 || strings.Contains(string(body), "never") {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return true
		}
		return false
	}
	collector := serve(t, slices.Repeat([]func(http.ResponseWriter, []byte) bool{most}, 100)...)
	ship := open(t, logship.OTLP(collector.URL, nil))
	log := slog.New(ship.Handler())
	for i := range 1000 {
		if i == 500 {
			log.Info("never")
		}
		log.Info(fmt.Sprint("record ", i))
	}
	must(t, ship.Flush(t.Context()))
	seen := map[string]int{}
	last := -1
	for _, body := range collector.bodies {
		var b otlpBody
		must(t, json.Unmarshal(body, &b))
		for _, r := range b.ResourceLogs[0].ScopeLogs[0].LogRecords {
			text := string(r.Body["stringValue"])
			var i int
			if _, err := fmt.Sscanf(text, `"record %d"`, &i); err != nil || i != last+1 {
				t.Errorf("%s comes after record %d", text, last)
			}
			last = i
			seen[text]++
		}
	}
	if c := ship.Counts(); len(seen) != 1000 || c.Refused != 1 || c.Shipped != 1000 {
		t.Errorf("%d different ones, %+v", len(seen), c)
	}
}

func TestLokiGetsStreamsByLevelOnly(t *testing.T) {
	loki := serve(t, says(429, "Retry-After", "0"))
	ship := open(t, logship.Loki(loki.URL+"/loki/api/v1/push", map[string]string{"app": "shop"}, logship.Header("X-Scope-OrgID", "one")))
	log := slog.New(ship.Handler())
	for i := range 100 {
		log.Info("paid", "customer", i)
	}
	log.Error("odd")
	log.Log(t.Context(), slog.LevelError+3, "odder")
	must(t, ship.Flush(t.Context()))
	var got struct {
		Streams []struct {
			Stream map[string]string
			Values [][]string
		}
	}
	must(t, json.Unmarshal(loki.bodies[0], &got))
	if len(got.Streams) != 2 || len(got.Streams[0].Values) != 100 || len(got.Streams[1].Values) != 2 || loki.heads[0].Get("X-Scope-OrgID") != "one" {
		t.Fatalf("%+v", got)
	}
	if fmt.Sprint(got.Streams[0].Stream, got.Streams[1].Stream) != "map[app:shop level:info] map[app:shop level:error]" {
		t.Errorf("streams %v and %v", got.Streams[0].Stream, got.Streams[1].Stream)
	}
	last := int64(0)
	for i, v := range got.Streams[0].Values {
		nano, err := strconv.ParseInt(v[0], 10, 64)
		if err != nil || nano < last || !strings.Contains(v[1], fmt.Sprintf(`"customer":%d`, i)) {
			t.Errorf("value %q after %d", v, last)
		}
		last = nano
	}
}
