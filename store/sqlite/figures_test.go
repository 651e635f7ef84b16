package sqlite

import (
	"testing"

	"github.com/offloadhq/offload/store"
)

func TestHistogramsComeBackAsTheyWere(t *testing.T) {
	var full store.Histogram
	for i := range full {
		full[i] = int64(i) << (i % 50)
	}
	for _, h := range []store.Histogram{{}, {0: 1}, {store.Buckets - 1: 1 << 62}, {3: 5, 4: 1000, 60: 2}, full} {
		var back store.Histogram
		if err := (histogramInto{&back}).Scan(packed(&h)); err != nil || back != h {
			t.Errorf("%v comes back as %v, %v", h, back, err)
		}
	}
}

func FuzzHistogram(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{63, 1, 0, 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var h, again store.Histogram
		if (histogramInto{&h}).Scan(b) != nil {
			return
		}
		if err := (histogramInto{&again}).Scan(packed(&h)); err != nil || again != h {
			t.Errorf("%v is kept as %v, %v", h, again, err)
		}
	})
}
