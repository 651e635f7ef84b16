package stats

import (
	"cmp"
	"context"
	"slices"

	"github.com/axiomhq/hyperloglog"

	"github.com/offloadhq/offload"
)

// An amount is what came to a series in some time.
type amount struct {
	seen
	sketch *hyperloglog.Sketch
}

func (a *amount) merge(b *amount) {
	a.seen.merge(&b.seen)
	switch {
	case b.sketch == nil:
	case a.sketch == nil:
		a.sketch = b.sketch.Clone()
	default:
		_ = a.sketch.Merge(b.sketch) // they are of one precision
	}
}

// take is what came to a series since it was last called; nil if nothing did. A call under way is in this or in the next.
func (s *series) take() *amount {
	a := &amount{}
	for i := range s.cells {
		a.sum += float64(s.cells[i].n.Swap(0))
		a.refused += s.cells[i].refused.Swap(0)
	}
	for i := range s.spots {
		spot := &s.spots[i]
		spot.mu.Lock()
		taken := spot.seen
		spot.seen = seen{}
		spot.mu.Unlock()
		a.seen.merge(&taken)
	}
	for i := range s.marks {
		n, sketch := s.marks[i].take()
		a.merge(&amount{seen{n: n}, sketch})
	}
	if a.n == 0 && a.sum == 0 && a.refused == 0 {
		return nil
	}
	return a
}

// waiting is what was taken and not sent, by series and minute.
type waiting struct {
	amounts map[moment]*amount
	coarse  int64 // the minute to which all counts, once too much is waiting; 0 before
}

type moment struct {
	series *series
	minute int64
}

// waitMost is how many amounts wait before minutes are given up: a database that is away for long costs exactness of time, no figures, and no more memory.
const waitMost = 50_000

// collect takes from all series what came to them. The time of a call is that of the next flush.
func (k *Kept) collect(ctx context.Context) {
	now := k.now().Unix()
	minute := now - now%60
	k.set.mu.Lock()
	stats := slices.Clone(k.set.stats)
	k.set.mu.Unlock()
	w := &k.waiting
	for _, st := range stats {
		st.mu.Lock()
		all := slices.Clone(st.all)
		st.mu.Unlock()
		refused := int64(0)
		for _, s := range all {
			taken := s.take()
			if taken == nil {
				continue
			}
			refused += taken.refused
			if w.coarse == 0 && len(w.amounts) >= k.most {
				w.coarse = minute
			}
			at := moment{s, cmp.Or(w.coarse, minute)}
			if w.amounts == nil {
				w.amounts = map[moment]*amount{}
			}
			if there := w.amounts[at]; there != nil {
				there.merge(taken)
			} else {
				w.amounts[at] = taken
			}
		}
		if refused > 0 && st.named.CompareAndSwap(false, true) {
			offload.Logger(ctx).Warn("offload: a statistic was told what is no number, or too large a one; such are counted and left out",
				"statistic", st.name, "how many", refused)
		}
	}
}

// A batch is what is sent in one transaction.
type batch struct {
	seq  int64
	rows []*row
}

// A row is what is added to one of the table.
type row struct {
	name, labels string
	kind         kind
	period       Step
	start        int64
	amount       amount
}

// batchMost is how many amounts a batch is made of: three rows each.
const batchMost = 5_000

// next makes a batch of what is waiting, its rows in one order for all processes, so that no two wait for each other in a circle. It is nil if nothing waits.
func (k *Kept) next() *batch {
	if len(k.waiting.amounts) == 0 {
		k.waiting = waiting{}
		return nil
	}
	type place struct {
		series *series
		period Step
		start  int64
	}
	places := map[place]*row{}
	taken := 0
	for at, a := range k.waiting.amounts {
		if taken++; taken > batchMost {
			break
		}
		delete(k.waiting.amounts, at)
		for _, period := range []Step{Minute, Hour, Day} {
			p := place{at.series, period, at.minute - at.minute%period.seconds()}
			r := places[p]
			if r == nil {
				r = &row{name: at.series.stat.name, labels: at.series.labels, kind: at.series.stat.kind, period: period, start: p.start}
				places[p] = r
			}
			r.amount.merge(a)
		}
	}
	k.seq++
	b := &batch{seq: k.seq}
	for _, r := range places {
		b.rows = append(b.rows, r)
	}
	slices.SortFunc(b.rows, func(x, y *row) int {
		return cmp.Or(cmp.Compare(x.name, y.name), cmp.Compare(x.period, y.period), cmp.Compare(x.start, y.start), cmp.Compare(x.labels, y.labels))
	})
	return b
}
