package stats

import (
	"math"
	"math/rand/v2"
	"sync"
)

// An Observer is told numbers: how long, how large, how much. Of them it knows how many, sum, mean, least, most and quantiles. It is safe for concurrent use.
type Observer struct {
	stat   *stat
	series *series
}

// Observer declares an observer, whose series are told apart by labels.
func (s *Set) Observer(name string, labels ...string) *Observer {
	st := s.declare(name, observes, labels)
	return &Observer{stat: st, series: st.with(nil)}
}

// With is the observer for values of its labels; see Counter.With.
func (o *Observer) With(values ...string) *Observer {
	return &Observer{stat: o.stat, series: o.stat.with(values)}
}

// A spot is a piece of an observer's series.
type spot struct {
	mu sync.Mutex
	seen
	_ [32]byte
}

// seen is what is known of numbers.
type seen struct {
	n, refused  int64
	sum         float64
	least, most float64
	histogram   histogram
}

// beyond is from where on numbers are refused: so that no sum of what is taken overflows, in memory or in a database.
const beyond = 1e150

// Observe takes a number. NaN, infinities and what is beyond ±1e150 are refused and counted so.
func (o *Observer) Observe(v float64) {
	s := lockOne(o.series.spots)
	if !(math.Abs(v) <= beyond) { // NaN, too
		s.refused++
	} else {
		s.add(v)
	}
	s.mu.Unlock()
}

// lockOne locks a piece that nobody else has, if there is one. The first is tried first: to throw dice takes longer than all the rest.
func lockOne(pieces []spot) *spot {
	if pieces[0].mu.TryLock() {
		return &pieces[0]
	}
	s := &pieces[rand.Uint32()&uint32(len(pieces)-1)]
	s.mu.Lock()
	return s
}

func (s *seen) add(v float64) {
	if s.n == 0 || v < s.least {
		s.least = v
	}
	if s.n == 0 || v > s.most {
		s.most = v
	}
	s.n++
	s.sum += v
	s.histogram.add(v)
}

// merge adds what another knows.
func (s *seen) merge(other *seen) {
	if other.n > 0 {
		if s.n == 0 {
			s.least, s.most = other.least, other.most
		}
		s.least, s.most = min(s.least, other.least), max(s.most, other.most)
	}
	s.n += other.n
	s.sum += other.sum
	s.refused += other.refused
	s.histogram.merge(&other.histogram)
}
