package stats

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/axiomhq/hyperloglog"
	"github.com/dgryski/go-metro"
)

// A Unique counts different ones: customers, addresses, pages. It remembers none of them, only what tells how many they were (HyperLogLog).
// It is safe for concurrent use.
type Unique struct {
	stat   *stat
	series *series
}

// Unique declares a count of different ones, whose series are told apart by labels.
func (s *Set) Unique(name string, labels ...string) *Unique {
	st := s.declare(name, uniques, labels)
	return &Unique{stat: st, series: st.with(nil)}
}

// With is the count for values of its labels; see Counter.With.
func (u *Unique) With(values ...string) *Unique {
	return &Unique{stat: u.stat, series: u.stat.with(values)}
}

const (
	precision = 12  // 4,096 registers: 4 KiB, and an error of 1.6 %
	atOnce    = 256 // hashes that go into a sketch together
	lately    = 64  // hashes that are known to be in it
)

// A mark is a piece of a unique's series. Hashes wait in it, as to put one into a small sketch takes long, and most that come have just come before.
type mark struct {
	mu      sync.Mutex
	n       int64
	sketch  *hyperloglog.Sketch // nil: none yet
	waiting []uint64
	last    *[lately]uint64
	_       [24]byte
}

// See takes one that may have been seen before.
func (u *Unique) See(one string) {
	hash := metro.Hash64Str(one, hashSeed)
	marks := u.series.marks
	m := &marks[0] // see lockOne
	if !m.mu.TryLock() {
		m = &marks[rand.Uint32()&uint32(len(marks)-1)]
		m.mu.Lock()
	}
	m.add(hash)
	m.mu.Unlock()
}

// hashSeed is the one of the sketches' library, whose stored form says so.
const hashSeed = 1337

func (m *mark) add(hash uint64) {
	m.n++
	if m.last == nil {
		m.last = new([lately]uint64)
		m.waiting = make([]uint64, 0, atOnce)
	}
	if known := &m.last[hash%lately]; *known != hash {
		*known = hash
	} else if hash != 0 {
		return
	}
	if m.waiting = append(m.waiting, hash); len(m.waiting) == atOnce {
		m.settle()
	}
}

func (m *mark) settle() {
	if len(m.waiting) == 0 {
		return
	}
	if m.sketch == nil {
		m.sketch = newSketch()
	}
	for _, hash := range m.waiting {
		m.sketch.InsertHash(hash)
	}
	m.waiting = m.waiting[:0]
}

// take is what came together since it was last called.
func (m *mark) take() (int64, *hyperloglog.Sketch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settle()
	n, sketch := m.n, m.sketch
	m.n, m.sketch, m.waiting, m.last = 0, nil, nil, nil
	return n, sketch
}

func newSketch() *hyperloglog.Sketch {
	s, _ := hyperloglog.NewSketch(precision, true) // refuses other precisions only
	return s
}

// mergeStored adds a stored sketch to one.
func mergeStored(sketch *hyperloglog.Sketch, stored []byte) error {
	if len(stored) == 0 {
		return nil
	}
	other := newSketch()
	if err := other.UnmarshalBinary(stored); err != nil {
		return fmt.Errorf("read a sketch: %w", err)
	}
	return sketch.Merge(other)
}
