package postgres

import (
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

// Marks say where claims begin. Under a snapshot that somebody holds open, dead entries pile up
// at the left edge of due, and each claim from the left would walk over them.
//
// The mark of a lane is how far a claim had come, once all transactions with numbers below the
// claim's own have ended and a later claim has seen what they did: every writer gets its number
// first and stamps run_at then, so whoever gets its number after the claim stamps a later time
// than the claim has come to. Until then the marks of newer claims wait in ahead.
//
// Rows that come left of a mark all the same (a claim was rolled back, a clock was set back,
// somebody's transaction is long) are found by a scan from the left, once a second, or less often
// where that costs more than a twentieth of the time; jobs that are put back in front by the
// queue's epoch, at once. Lanes of turns have no marks: a turn may come left of any other.
type marks struct {
	mu     sync.Mutex
	queues map[string]*queueMarks
}

type queueMarks struct {
	epoch  int64
	fullAt time.Time     // of the last scan from the left
	cost   time.Duration // of it
	lanes  map[int]*lane // by priority
	forgot int           // how often the lanes were forgotten
}

// A lane is one priority of a queue.
type lane struct {
	mark  time.Time // zero is the left edge
	ahead []ahead   // in the order of their claims
}

// An ahead is a mark that holds once every transaction with a number below has ended.
type ahead struct {
	number int64
	mark   time.Time
	since  time.Time
}

// Numbers of marks.
const (
	maxQueues = 4096            // beyond so many queues marks are forgotten
	maxAhead  = 64              // marks of a lane that wait
	maxLag    = 2 * time.Second // how long a mark waits for a transaction that does not end
	fullEvery = time.Second
	maxCost   = time.Second // as which a dearer scan from the left counts
	fullShare = 20          // a scan from the left costs at most 1/20 of the time
)

// never is a time before all others, as the server knows it.
var never = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)

// A scan is a claim under way.
type scan struct {
	queue      string
	priorities []int
	marks      []time.Time // where it begins, by priority
	epoch      int64       // that the marks are good for; -1 is none
	full       bool
	began      time.Time
	forgot     int
}

// begin says where a claim begins.
func (m *marks) begin(queue string, priorities []int) scan {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queues[queue]
	if q == nil {
		if m.queues == nil || len(m.queues) >= maxQueues {
			m.queues = map[string]*queueMarks{}
		}
		q = &queueMarks{epoch: -1, lanes: map[int]*lane{}}
		m.queues[queue] = q
	}
	c := scan{queue: queue, priorities: priorities, marks: make([]time.Time, len(priorities)), began: time.Now(), forgot: q.forgot}
	c.full = c.began.Sub(q.fullAt) >= max(fullEvery, fullShare*q.cost)
	if c.epoch = q.epoch; c.full {
		q.fullAt = c.began // others begin at the marks meanwhile
	}
	for i, p := range priorities {
		c.marks[i] = never
		if l := q.lanes[p]; l != nil && p < store.FairLane && !c.full && !l.mark.IsZero() {
			c.marks[i] = l.mark
		}
	}
	return c
}

// forget drops the marks of a queue: rows may have come left of them.
func (m *marks) forget(queue string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q := m.queues[queue]; q != nil {
		q.forgot++
		q.lanes = map[int]*lane{}
	}
}

// end takes in what a claim has seen.
func (m *marks) end(c scan, v claimView, claimed []drawn, limit int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queues[c.queue]
	if q == nil || q.forgot != c.forgot {
		return
	}
	if c.full {
		q.cost = min(time.Since(c.began), maxCost)
	}
	if v.epoch < q.epoch {
		return // a later claim knows more
	}
	if v.epoch > q.epoch { // it began at the left; lanes that it did not reach begin there next
		q.epoch, q.lanes = v.epoch, map[int]*lane{}
	}
	for i, p := range c.priorities {
		reached, whole := reach(c.priorities[i:], claimed, limit, v.now)
		q.lane(p).advance(reached, v, c.began)
		if !whole {
			break
		}
	}
}

// reach returns how far a claim has come in the first of the priorities, and whether it has
// gone on to the next.
func reach(priorities []int, claimed []drawn, limit int, now time.Time) (at time.Time, whole bool) {
	if len(claimed) < limit {
		return now, true
	}
	last := claimed[len(claimed)-1]
	if last.lane != priorities[0] {
		return now, true
	}
	return last.order, false
}

func (q *queueMarks) lane(priority int) *lane {
	l := q.lanes[priority]
	if l == nil {
		l = &lane{}
		q.lanes[priority] = l
	}
	return l
}

// advance takes in that a claim took all it saw up to a time.
func (l *lane) advance(reached time.Time, v claimView, now time.Time) {
	if l.mark.After(reached) {
		l.mark = reached // there may be more between the two
	}
	for i := range l.ahead {
		if l.ahead[i].mark.After(reached) {
			l.ahead[i].mark = reached
		}
	}
	if len(l.ahead) == maxAhead {
		l.ahead = append(l.ahead[:1], l.ahead[2:]...) // it only holds a little longer
	}
	l.ahead = append(l.ahead, ahead{v.number, reached, now})
	for len(l.ahead) > 0 && (l.ahead[0].number <= v.xmin || now.Sub(l.ahead[0].since) > maxLag) {
		l.mark, l.ahead = l.ahead[0].mark, l.ahead[1:]
	}
}
