package reply_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/offloadhq/offload/internal/reply"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		said, date string
		want       time.Duration
	}{
		{"", "", 0},
		{"soon", "", 0},
		{"-5", "", 0},
		{" 120 ", "", 2 * time.Minute},
		{"99999999999999999999", "", 0},
		{"999999999999", "", reply.MostWait},
		{"Sun, 01 Mar 2026 12:01:00 GMT", "", time.Minute},
		{"Sun, 01 Mar 2026 11:59:00 GMT", "", 0},
		{"Sun, 01 Mar 2026 12:01:00 GMT", "Sun, 01 Mar 2026 12:00:30 GMT", 30 * time.Second},
		{"Mon, 01 Mar 2027 12:01:00 GMT", "", reply.MostWait},
	} {
		h := http.Header{"Retry-After": {test.said}}
		if test.date != "" {
			h.Set("Date", test.date)
		}
		if got := reply.RetryAfter(h, now); got != test.want {
			t.Errorf("%q by %q: %v, want %v", test.said, test.date, got, test.want)
		}
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		given string
		most  int
		want  string
	}{
		{"plain", 10, "plain"},
		{" line\n\tline \n", 20, "line\n\tline"},
		{"a\x00b\x1bc\x7f", 20, "a\uFFFDb\uFFFDc\uFFFD"},
		{"\xff", 10, "\uFFFD"},
		{"longer", 4, "long…"},
		{"aé", 2, "a…"}, // the cut goes through a character
		{"a€", 3, "a…"},
		{"a€b", 4, "a€…"},
		{"", 0, ""},
	} {
		if got := reply.Text([]byte(test.given), test.most); got != test.want {
			t.Errorf("%q cut at %d: %q, want %q", test.given, test.most, got, test.want)
		}
	}
}
