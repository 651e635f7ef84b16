package store

import (
	"math"
	"sort"
	"time"
)

// Buckets is the number of buckets of a Histogram.
const Buckets = 64

// A Histogram counts durations. Bucket 0 holds those up to 100 µs, each next one reaches √2
// times as far as the one before it, the last one holds the rest (above 3 days). A quantile
// read from it is at most 19 % off.
type Histogram [Buckets]int64

// bounds are the upper ends of the buckets.
var bounds = func() (b [Buckets]time.Duration) {
	for i := range b {
		b[i] = time.Duration(float64(100*time.Microsecond) * math.Pow(math.Sqrt2, float64(i)))
	}
	return b
}()

// BucketOf returns the bucket that d is counted in.
func BucketOf(d time.Duration) int {
	return min(sort.Search(Buckets, func(i int) bool { return d <= bounds[i] }), Buckets-1)
}

// Count counts d.
func (h *Histogram) Count(d time.Duration) { h[BucketOf(d)]++ }

// Add adds what other has counted.
func (h *Histogram) Add(other *Histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// Total returns how many durations have been counted.
func (h *Histogram) Total() (n int64) {
	for _, in := range h {
		n += in
	}
	return n
}

// Quantile returns the duration that a share q of those counted, from 0 to 1, does not
// exceed; 0 if none was counted. The source of the rule is the nearest-rank method, with
// linear interpolation within the bucket.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := h.Total()
	if total == 0 {
		return 0
	}
	rank := max(int64(math.Ceil(q*float64(total))), 1)
	var seen int64
	for i, n := range h {
		if seen+n < rank {
			seen += n
			continue
		}
		var low time.Duration
		if i > 0 {
			low = bounds[i-1]
		}
		return low + time.Duration(float64(bounds[i]-low)*float64(rank-seen)/float64(n))
	}
	return bounds[Buckets-1]
}
