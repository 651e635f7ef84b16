// Package stats counts what a program does, in nanoseconds, and keeps it per minute, hour and day in a table of your own database: orders, seconds
// that a checkout took, customers who came.
//
//	var (
//		Stats    = stats.New()
//		Orders   = Stats.Counter("orders", "shop")
//		Checkout = Stats.Observer("checkout_seconds")
//		Buyers   = Stats.Unique("buyers")
//	)
//
//	kept, err := stats.Open(ctx, db, Stats)
//	app, err := offload.Open(ctx, address, kept)
//
// and anywhere, in handlers of jobs and of pages alike:
//
//	Orders.With("berlin").Add(1)
//	Checkout.Observe(seconds)
//	Buyers.See(customer)
//
// Kept.Query and Kept.Total answer with sums, means, least, most, quantiles and how many different ones; NewHandler draws them.
//
// # What it costs, and what can get lost
//
// A call writes into memory: no database, no channel, no goroutine. Every five seconds, and once more at the end, what has come together is added to
// the rows of its minute, hour and day, in one transaction. What a process has not written when it is killed is lost: five seconds of it at most, or as
// long as the database has been away. It is no place for money that has to be accounted for; that belongs in the transaction in which it moves.
//
// What was written is counted once. When the answer to a COMMIT is lost, nobody knows whether it took effect; then the same figures are sent again under
// the same number, and a line of the table offload_stats_flush, written in the same transaction, says whether they are there.
//
// # Who writes
//
// A process that runs jobs does so by itself, as kept is a part of its app. One that only enqueues, or has nothing to do with jobs, calls Run in a goroutine:
//
//	go kept.Run(ctx) // and wait for it before the program ends
//
// Any number of processes add to the same rows.
//
// # Bounds
//
// A statistic with labels has a series for each combination of their values. From the 10,000th series of a Set on (MaxSeries), calls with new values are counted
// in a series that has the value "(other)" for each label, so that sums stay right; Health says how many. A number that is none (NaN, an infinity, or beyond ±1e150) is refused: it changes no sum, is counted
// beside as Point.Refused, and the statistic is named in the log, once.
//
// Counts are whole numbers, exact up to 2^53. Quantiles are right within 2 %, how many different ones within about 2 % (HyperLogLog, 4,096 registers).
// Minutes, hours and days are those of UTC.
package stats

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/offloadhq/offload"
)

// A Set is statistics that are kept together. Declare it and them as variables of a package; it starts nothing. It is safe for concurrent use.
type Set struct {
	max     int
	series  atomic.Int64 // how many there are
	refused atomic.Int64 // calls of With that found no room

	mu    sync.Mutex
	stats []*stat
	errs  []error
	kept  bool // by an open Kept
}

// New makes a Set.
func New(opts ...SetOption) *Set {
	s := &Set{max: 10_000}
	for _, o := range opts {
		if o != nil {
			o.applySet(s)
		}
	}
	if s.max < 1 || s.max > 1_000_000 {
		s.errs = append(s.errs, &offload.InputError{Field: "MaxSeries", Got: s.max, Want: "1 to 1,000,000"})
	}
	return s
}

// A SetOption shapes a Set.
type SetOption interface{ applySet(*Set) }

type setOption func(*Set)

func (f setOption) applySet(s *Set) { f(s) }

// MaxSeries bounds how many series a process has in memory, 1 to 1,000,000. The default is 10,000. A series of a counter takes 64 bytes for each core up to
// sixteen, one of an observer some KiB.
func MaxSeries(n int) SetOption { return setOption(func(s *Set) { s.max = n }) }

// A kind is what a statistic does with what it is told.
type kind int

const (
	counts kind = iota + 1
	observes
	uniques
)

// A stat is a statistic with its series.
type stat struct {
	set    *Set
	name   string
	kind   kind
	labels []string
	byKey  sync.Map // of the values of labels, to *series
	mu     sync.Mutex
	all    []*series
	stored map[string]*series // by labels as they are stored
	named  atomic.Bool        // a refused number was logged
}

// A series is what one combination of labels has.
type series struct {
	stat   *stat
	labels string // as they are stored
	cells  []cell
	spots  []spot
	marks  []mark
}

var isName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.:-]{0,99}$`)

// declare makes a statistic. What is wrong with it, Open says.
func (s *Set) declare(name string, k kind, labels []string) *stat {
	st := &stat{set: s, name: name, kind: k, labels: slices.Clone(labels), stored: map[string]*series{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !isName.MatchString(name) {
		s.errs = append(s.errs, &offload.InputError{Field: "name of a statistic", Got: name, Want: "a letter, then letters, digits and _ . : -, 100 at most"})
	}
	for _, other := range s.stats {
		if other.name == name {
			s.errs = append(s.errs, &offload.InputError{Field: "name of a statistic", Got: name, Want: "a name that no other of its Set has"})
		}
	}
	for i, label := range labels {
		if !isName.MatchString(label) || slices.Contains(labels[:i], label) || len(labels) > 8 {
			s.errs = append(s.errs, &offload.InputError{Field: "labels of " + name, Got: label, Want: "up to 8 different names, of letters, digits and _ . : -"})
			break
		}
	}
	s.stats = append(s.stats, st)
	return st
}

// with is the series of values; those that are missing are empty, those too many are left out.
func (st *stat) with(values []string) *series {
	key := ""
	switch len(values) {
	case 0:
	case 1:
		key = values[0]
	default:
		key = strings.Join(values, "\x00")
	}
	if strings.Count(key, "\x00") >= max(len(values), 1) { // one has it in itself
		values = st.fit(values, longestValue)
		key = strings.Join(values, "\x00")
	}
	if found, ok := st.byKey.Load(key); ok {
		return found.(*series)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if found, ok := st.byKey.Load(key); ok {
		return found.(*series)
	}
	stored := st.encode(values)
	if same := st.stored[stored]; same != nil { // once its values are cut
		return same
	}
	if len(values) > 0 && st.set.series.Load() >= int64(st.set.max) {
		st.set.refused.Add(1)
		return st.other()
	}
	made := st.make(stored)
	st.byKey.Store(key, made)
	return made
}

// other is the series of those that there was no room for. mu is held.
func (st *stat) other() *series {
	values := make([]string, len(st.labels))
	for i := range values {
		values[i] = Other
	}
	stored := encodeLabels(st.labels, values)
	if one := st.stored[stored]; one != nil {
		return one
	}
	return st.make(stored)
}

// Other is the value of labels for which there was no room.
const Other = "(other)"

// make adds a series. mu is held.
func (st *stat) make(stored string) *series {
	one := &series{stat: st, labels: stored}
	switch st.kind {
	case counts:
		one.cells = make([]cell, shards(16))
	case observes:
		one.spots = make([]spot, shards(4))
	case uniques:
		one.marks = make([]mark, shards(4))
	}
	st.set.series.Add(1)
	st.all = append(st.all, one)
	st.stored[stored] = one
	return one
}

const (
	longestValue  = 100   // bytes of a label's value that are kept
	shortValue    = 20    // if all of them, escaped, are too long
	longestLabels = 2_000 // bytes: PostgreSQL's indexes take 2,700 for a key
)

// encode is how the values of labels are stored.
func (st *stat) encode(values []string) string {
	stored := encodeLabels(st.labels, st.fit(values, longestValue))
	if len(stored) > longestLabels {
		stored = encodeLabels(st.labels, st.fit(values, shortValue))
	}
	return stored
}

// fit makes values what every database stores.
func (st *stat) fit(values []string, longest int) []string {
	fits := make([]string, len(st.labels))
	for i, v := range values {
		if i == len(fits) {
			break
		}
		if len(v) > longest {
			v = v[:longest]
		}
		fits[i] = strings.ReplaceAll(strings.ToValidUTF8(v, ""), "\x00", "")
	}
	return fits
}

// Health is what there is to know of a Set itself.
type Health struct {
	Series int64 // in memory
	Others int64 // calls of With for which there was no room
}

// Health says how many series the process has.
func (s *Set) Health() Health { return Health{Series: s.series.Load(), Others: s.refused.Load()} }
