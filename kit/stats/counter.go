package stats

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

// A Counter adds up whole numbers: how many. It is safe for concurrent use.
type Counter struct {
	stat   *stat
	series *series
}

// Counter declares a counter, whose series are told apart by labels.
func (s *Set) Counter(name string, labels ...string) *Counter {
	st := s.declare(name, counts, labels)
	return &Counter{stat: st, series: st.with(nil)}
}

// With is the counter for values of its labels, in the order in which they were declared. It takes some 50 ns to look it up, so keep it where calls are many.
// Values are cut to 100 bytes, or to 20 if all of them are longer than 2,000 as JSON; those that are missing are empty.
func (c *Counter) With(values ...string) *Counter {
	return &Counter{stat: c.stat, series: c.stat.with(values)}
}

// A cell has a line of a processor's cache to itself, so that cores do not wait for each other.
type cell struct {
	n       atomic.Int64
	refused atomic.Int64
	_       [48]byte
}

// Most is how much Add takes at once, to both sides of zero.
const Most = 1 << 53

// Add adds n. What is beyond ±Most is refused and counted so.
func (c *Counter) Add(n int64) {
	cells := c.series.cells
	at := &cells[0]
	if len(cells) > 1 {
		at = &cells[rand.Uint32()&uint32(len(cells)-1)]
	}
	if n > Most || n < -Most {
		at.refused.Add(1)
		return
	}
	at.n.Add(n)
}

// shards is how many pieces a series is in: a power of two.
func shards(most int) int {
	n := 1
	for n < runtime.GOMAXPROCS(0) && n < most {
		n *= 2
	}
	return n
}
