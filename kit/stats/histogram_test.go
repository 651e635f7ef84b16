package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestQuantilesAreNear(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, next := range map[string]func() float64{
		"seconds":  func() float64 { return math.Exp(random.NormFloat64()*2 - 3) },
		"balances": func() float64 { return random.NormFloat64() * 1000 },
		"bytes":    func() float64 { return float64(random.Int64N(1 << 40)) },
	} {
		var parts [3]histogram
		var all []float64
		for i := range 30_000 {
			v := next()
			all = append(all, v)
			parts[i%3].add(v)
		}
		slices.Sort(all)
		var whole histogram
		for i := range parts {
			if err := whole.decode(parts[i].encode()); err != nil {
				t.Fatal(err)
			}
		}
		for _, q := range []float64{0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1} {
			want := all[max(int(math.Ceil(q*float64(len(all))))-1, 0)]
			if got := whole.quantile(q); math.Abs(got-want) > 0.02*math.Abs(want) {
				t.Errorf("%s: quantile %v is %v, want %v", name, q, got, want)
			}
		}
	}
}

func TestAHistogramIsBounded(t *testing.T) {
	var h histogram
	for e := -300; e < 150; e++ {
		h.add(math.Pow(10, float64(e)))
		h.add(-math.Pow(10, float64(-e)-1))
	}
	if n := len(h.positive.count); n > widest {
		t.Errorf("%d buckets", n)
	}
	if h.positive.total() != 450 || h.negative.total() != 450 {
		t.Errorf("%d and %d, want 450", h.positive.total(), h.negative.total())
	}
	if got := h.quantile(1); math.Abs(got/1e149-1) > 0.02 {
		t.Errorf("the largest is %v", got)
	}
}

func FuzzHistogramDecode(f *testing.F) {
	var h histogram
	for _, v := range []float64{0, 1, -1, 1e10, 1e-10} {
		h.add(v)
	}
	f.Add(h.encode())
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var h histogram
		if h.decode(b) == nil {
			h.quantile(0.5)
			h.merge(&h)
		}
	})
}
