package postgres

import (
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// steps write down what was decided of jobs that are in blocked, and of the gates.
func (g *gates) steps(decided []*candidate) []step {
	var (
		letIn, stay, gone admission
		steps             []step
		held              leaving
	)
	for _, c := range decided {
		switch c.fate {
		case through:
			letIn.add(c)
		case waits:
			stay.add(c)
		case dropped:
			gone.add(c)
			held.end(c.id, c.task, c.terms, false)
		}
	}
	if len(letIn.ids) > 0 {
		steps = append(steps, step{sql: g.s.sql.admit, args: []any{letIn.ids, letIn.lanes, letIn.turns, letIn.uses}})
	}
	if len(letIn.gates) > 0 {
		steps = append(steps, step{sql: g.s.sql.hold, args: []any{letIn.gates, letIn.holders, letIn.weights}})
	}
	if len(stay.ids) > 0 {
		steps = append(steps, step{sql: g.s.sql.wait, args: []any{stay.ids, stay.at, stay.lanes, stay.turns}})
	}
	if len(gone.ids) > 0 {
		steps = append(steps, step{sql: g.s.sql.drop, args: []any{gone.ids, store.RetainEnded.Microseconds()}})
		steps = append(steps, stepsOf(held.queries(g.s.sql))...)
	}
	return append(steps, g.state()...)
}

// An admission is candidates as parameters.
type admission struct {
	ids     [][16]byte
	lanes   []int16
	turns   []*time.Time
	uses    []int16
	at      []string
	gates   []string
	holders [][16]byte
	weights []int32
}

func (a *admission) add(c *candidate) {
	a.ids, a.lanes, a.at = append(a.ids, c.id), append(a.lanes, int16(c.priority)), append(a.at, c.at)
	a.uses = append(a.uses, c.uses&usesRate)
	var turn *time.Time
	if c.turned {
		turn = &c.order
	}
	a.turns = append(a.turns, turn)
	if c.fate == through {
		a.hold(c)
	}
}

// hold are what a candidate takes of its gates.
func (a *admission) hold(c *candidate) {
	for _, u := range usesOfTerms(c.terms) {
		if id := gate.IDOf(u); !c.holds[id] {
			a.gates, a.holders, a.weights = append(a.gates, id), append(a.holders, c.id), append(a.weights, int32(u.Weight()))
		}
	}
}

// state are the steps that write down what has changed of the gates, and when they are to be
// looked at again.
func (g *gates) state() (steps []step) {
	var (
		marked, changed     []string
		times               []*time.Time
		full, paused, wakes []*time.Time
	)
	for _, id := range slices.Sorted(maps.Keys(g.all)) {
		l := g.all[id]
		if l.Gate == nil {
			continue // it was locked and not looked at
		}
		if at := g.next(l); !at.IsZero() && (!l.wake.After(g.now) || at.Before(l.wake)) {
			marked, times = append(marked, id), append(times, &at)
			l.wake = at
		}
		if !l.Full.Equal(l.was.Full) || !l.Paused.Equal(l.was.Paused) || !l.wake.Equal(l.woke) {
			changed = append(changed, id)
			full, paused, wakes = append(full, timePtr(l.Full)), append(paused, timePtr(l.Paused)), append(wakes, timePtr(l.wake))
		}
	}
	if len(marked) > 0 {
		steps = append(steps, step{sql: g.s.sql.gatesMark, args: []any{marked, times}})
	}
	if len(changed) > 0 {
		steps = append(steps, step{sql: g.s.sql.gatesSet, args: []any{changed, full, paused, wakes}})
	}
	return steps
}

func timePtr(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// When a gate is looked at again where somebody held the row of one that waits, or another gate
// that it needs.
const (
	passedOver = time.Second
	notLocked  = 50 * time.Millisecond
)

// opens is when a gate has room for a candidate, if nothing happens meanwhile.
func (l *lockedGate) opens(now time.Time, c *candidate) time.Time {
	is := *l.Gate
	if is.Stops == c.id {
		is.Stops = store.ID{} // it may be tried again
	}
	return is.Opens(now, c.use(l.id))
}

// next is when a gate is to be looked at again; the zero time is when somebody leaves it. One
// that is full and paused is looked at when the pause ends, since who leaves a paused gate hands
// nothing over.
func (g *gates) next(l *lockedGate) time.Time {
	if len(l.line) > 0 {
		c := l.line[0]
		at := l.opens(g.now, c)
		switch {
		case at.IsZero():
			return l.resumes(g.now)
		case len(g.set.Lacks(usesOfTerms(c.terms))) > 0:
			return at.Add(notLocked)
		}
		return at
	}
	name, key := gate.Parse(l.id)
	at := l.Opens(g.now, store.Use{Limit: name, Key: key})
	switch {
	case at.IsZero():
		return l.resumes(g.now)
	case l.hidden > 0:
		return at.Add(passedOver)
	case l.rest:
		return at
	}
	return time.Time{}
}

// resumes is when the pause of a gate ends; the zero time if it is not paused.
func (l *lockedGate) resumes(now time.Time) time.Time {
	if l.Paused.After(now) {
		return l.Paused
	}
	return time.Time{}
}
