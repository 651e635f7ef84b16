package offload

import (
	"testing"
	"time"
)

func TestBackoffCurve(t *testing.T) {
	for _, test := range []struct {
		name   string
		failed int
		want   time.Duration
	}{
		{"first failure waits a moment", 1, 16 * time.Second},
		{"then it grows with the fourth power", 2, 31 * time.Second},
		{"to minutes", 5, 640 * time.Second},
		{"never more than a day", 1000, 24 * time.Hour},
		{"no failure counts as one", 0, 16 * time.Second},
		{"nor does an overflow", -1 << 62, 16 * time.Second},
	} {
		if got := backoffCurve(test.failed); got != test.want {
			t.Errorf("%s: backoffCurve(%d) = %v, want %v", test.name, test.failed, got, test.want)
		}
	}
}

func TestBackoffJitterIsATenthMoreAtMost(t *testing.T) {
	for failures := range 30 {
		least := backoffCurve(failures)
		for range 100 {
			if got := defaultBackoff(failures, nil); got < least || got > min(least+least/10, backoffMost) {
				t.Fatalf("defaultBackoff(%d) = %v; want %v and up to a tenth more", failures, got, least)
			}
		}
	}
}
