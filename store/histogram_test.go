package store

import (
	"testing"
	"time"
)

func TestHistogramQuantilesAreWithinAFifth(t *testing.T) {
	var h Histogram
	for ms := 1; ms <= 1000; ms++ {
		h.Count(time.Duration(ms) * time.Millisecond)
	}
	for _, test := range []struct {
		q    float64
		want time.Duration
	}{{0.5, 500 * time.Millisecond}, {0.95, 950 * time.Millisecond}, {0.99, 990 * time.Millisecond}} {
		got := h.Quantile(test.q)
		if off := float64(got-test.want) / float64(test.want); off < -0.2 || off > 0.2 {
			t.Errorf("quantile %v of 1…1000 ms = %v, want about %v", test.q, got, test.want)
		}
	}
	if h.Total() != 1000 {
		t.Errorf("Total = %d, want 1000", h.Total())
	}
}

func TestHistogramTakesAnyDuration(t *testing.T) {
	var h Histogram
	for _, d := range []time.Duration{-1, 0, 1, 100 * time.Microsecond, 365 * 24 * time.Hour, 1<<63 - 1} {
		h.Count(d)
	}
	if h.Total() != 6 || h[0] != 4 || h[Buckets-1] != 2 {
		t.Errorf("counted %v", h)
	}
	var empty Histogram
	if got := empty.Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing = %v, want 0", got)
	}
}
