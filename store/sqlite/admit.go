package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/admit_first.sql
	admitFirstSQL string
	//go:embed sql/admit_before.sql
	admitBeforeSQL string
	//go:embed sql/admit_through.sql
	throughSQL string
)

const (
	admitGates = 500  // gates that one statement looks at
	admitAhead = 16   // of a gate that goes on to have room, so many who wait are read at a time
	admitMost  = 2000 // who wait are looked at by a call that opens gates; Admit goes on
)

// An admission lets jobs through that wait for gates that may have got room.
type admission struct {
	t       *txn
	left    int         // so many may be looked at
	moved   int         // let through
	through []waitPlace // where those lie that are let through
	holds   []any       // what they hold
	passed  []string    // gates of which only the first has gone through
}

// letThrough looks at all gates that were opened.
func (t *txn) letThrough(most int) (moved int, more bool, err error) {
	a := admission{t: t, left: most}
	for len(t.opened) > 0 {
		ids := slices.Sorted(maps.Keys(t.opened))
		t.opened = nil
		for some := range slices.Chunk(ids, admitGates) {
			if err := a.run(some); err != nil {
				return 0, false, err
			}
		}
	}
	return a.moved, a.left < 0, t.keepGates()
}

// run looks at some gates.
func (a *admission) run(ids []string) error {
	if err := a.t.knowLimits(ids); err != nil {
		return err
	}
	if err := a.t.keepGates(); err != nil {
		return err
	}
	first, err := a.t.firstWaiters(ids)
	if err != nil {
		return err
	}
	for i := range first {
		if err := a.gate(&first[i]); err != nil {
			return err
		}
	}
	return a.write()
}

// firstWaiters returns who waits first for each of some gates, if somebody does, having looked at
// the gate.
func (t *txn) firstWaiters(ids []string) (first []waiter, err error) {
	if t.gateRows == nil {
		t.gateRows = map[string]*gateRow{}
	}
	err = each(t, func(rows *sql.Rows) error {
		var terms *store.Terms
		id, g, err := t.scanGate(ids, rows, termsInto{&terms})
		if err != nil {
			return err
		}
		first = append(first, waiterAt(id, g.front, terms))
		if t.gateRows[id] == nil {
			t.gateRows[id] = g
		}
		return nil
	}, admitFirstSQL, list(ids))
	return first, err
}

// gate lets those through that wait for a gate, from the first on.
func (a *admission) gate(w *waiter) (err error) {
	t, at := a.t, w.at
	g := t.gateRows[at]
	if g == nil || g.front != w.spot || g.barsLine() { // another may be the first
		if g, w, err = a.first(at); err != nil {
			return err
		}
	}
	var wake time.Time
	var ahead []waiter
	for steps := 0; w != nil; steps++ {
		room, err := t.room(g, w)
		if err != nil {
			return err
		}
		if !room {
			wake = g.opens(t.time(), at, &w.entrant)
			break
		}
		if a.left--; a.left < 0 {
			wake = t.time()
			break
		}
		if w.before {
			if err := a.moveBefore(w); err != nil {
				return err
			}
			if g, w, err = a.first(at); err != nil {
				return err
			}
			steps, ahead = -1, nil
			continue
		}
		if err := a.move(w); err != nil {
			return err
		}
		if g.Limit.Per == 0 && g.Held >= g.Limit.Max && steps == 0 {
			a.passed = append(a.passed, at) // who comes next need not be known
			break
		}
		if len(ahead) == 0 {
			if ahead, err = t.nextInLine(at, w.spot, admitAhead); err != nil {
				return err
			}
		}
		g.front, g.moved = "", true
		g.passed++
		if w = nil; len(ahead) > 0 {
			w, ahead = &ahead[0], ahead[1:]
			g.front = w.spot
		}
	}
	if g != nil && !wake.Equal(g.wake) {
		g.wake, g.changed = wake, true
	}
	return nil
}

// barsLine reports whether one job may go through before all that wait: that which stops a gate
// and is to be tried again, or that which holds one that is kept and has met a pause.
func (g *gateRow) barsLine() bool { return !g.Stops.IsZero() || g.Limit.Kept() && g.Held > 0 }

// first looks at a gate anew, and returns who is the next to go through it, nil if nobody waits.
func (a *admission) first(at string) (g *gateRow, w *waiter, err error) {
	t := a.t
	if err := a.write(); err != nil { // who is through does not wait any more
		return nil, nil, err
	}
	if err := t.lookAtGates([]string{at}); err != nil {
		return nil, nil, err
	}
	g = t.gateRows[at]
	if g.front == "" {
		return g, nil, nil
	}
	if g.barsLine() {
		err := each(t, func(rows *sql.Rows) error {
			var terms *store.Terms
			var e entrant
			err := rows.Scan(&e.queue, &e.lane, &e.order, idInto{&e.id}, termsInto{&terms})
			if terms != nil {
				e.limits = terms.Limits
			}
			w = &waiter{at: at, spot: e.spot(), before: true, entrant: e}
			return err
		}, admitBeforeSQL, at, idOrNull(g.Stops))
		if w != nil || err != nil {
			return g, w, err
		}
	}
	if err := t.keepGates(); err != nil {
		return nil, nil, err
	}
	all, err := t.firstWaiters([]string{at})
	if err != nil || len(all) == 0 {
		return g, nil, err
	}
	return g, &all[0], nil
}

// moveBefore moves a job that goes through before the line, from wherever it waits there.
func (a *admission) moveBefore(w *waiter) error {
	if err := a.move(w); err != nil {
		return err
	}
	if err := a.write(); err != nil {
		return err
	}
	return a.t.quitLine(w.at, w.spot)
}

// room reports whether the gate for which a job waits, as the first, has room for it.
func (t *txn) room(g *gateRow, w *waiter) (bool, error) {
	if g.Limit.Kept() && g.Held > 0 { // it may be the one that holds it
		holds, err := t.holdsOf(w.id, w.limits)
		if err != nil {
			return false, err
		}
		w.holds = holds
	}
	free := g.without(w.at, &w.entrant)
	return free.Room(t.time(), w.id, useOf(w.limits, w.at)), nil
}

// move lets a job through for which its gate has room, or has it wait for another gate.
func (a *admission) move(w *waiter) error {
	t := a.t
	if len(w.limits) > 1 {
		moved, err := a.moveOn(w)
		if moved || err != nil {
			return err
		}
	}
	a.holds = t.hold(&w.entrant, a.holds)
	a.through = append(a.through, w.waitPlace())
	a.moved++
	t.wake(w.queue, w.lane)
	return nil
}

// moveOn has a job wait for another of its gates, if that keeps it.
func (a *admission) moveOn(w *waiter) (bool, error) {
	t := a.t
	if err := a.write(); err != nil { // who is through does not wait before it
		return false, err
	}
	if err := t.lookAtGates(gatesOf(w.limits)); err != nil {
		return false, err
	}
	if w.holds == nil && slices.ContainsFunc(w.limits, func(u store.Use) bool { return t.limits[u.Limit].Kept() }) {
		holds, err := t.holdsOf(w.id, w.limits)
		if err != nil {
			return false, err
		}
		w.holds = holds
	}
	for _, u := range w.limits {
		id := gate.IDOf(u)
		if id == w.at || !t.gateRows[id].bars(t.time(), id, &w.entrant, u) {
			continue
		}
		if _, err := t.exec("UPDATE offload_blocked SET gate = ?2 WHERE id = ?1", w.id[:], id); err != nil {
			return false, err
		}
		lines, err := t.joinLine(id, &w.entrant, nil)
		if err != nil {
			return false, err
		}
		return true, t.execRows(&insertLines, 2, lines)
	}
	return false, nil
}

// write writes down who was let through.
func (a *admission) write() error {
	if len(a.through) > 0 {
		if err := a.t.execRows(&insertHolds, 3, a.holds); err != nil {
			return err
		}
		due, err := a.t.makeDue(a.through)
		if err != nil {
			return err
		}
		if due < len(a.through) {
			if err := a.missed(); err != nil {
				return err
			}
		}
		a.holds, a.through = nil, nil
	}
	passed := a.passed
	a.passed = nil
	return a.t.advance(passed)
}

// missed takes back what was given to jobs that do not wait any more: a program that knows nothing
// of lines has taken them away.
func (a *admission) missed() error {
	through := make([]store.ID, len(a.through))
	for i := range a.through {
		through[i] = a.through[i].id
	}
	due, err := a.t.ids(throughSQL, joined(through))
	if err != nil {
		return err
	}
	var left pairs
	for i := 0; i < len(a.holds); i += 3 {
		at, id := a.holds[i].(string), store.ID(a.holds[i+1].([]byte))
		if !slices.Contains(due, id) {
			left.add(at, id)
			a.t.open(at)
			if g := a.t.gateRows[at]; g != nil {
				g.Leave(store.Use{Limit: g.Limit.Name})
			}
		}
	}
	if len(left.texts) == 0 {
		return nil
	}
	_, err = a.t.exec(leaveSQL, list(left.texts), left.ids)
	return err
}

// settle brings in line what waits for jobs that a call has ended, lets those through that have
// got room by what it has done, and writes down what it has changed of gates and turns.
func (t *txn) settle() error {
	if err := t.settleFlows(); err != nil {
		return err
	}
	if len(t.opened) == 0 && len(t.gateRows) == 0 && len(t.turnLanes) == 0 {
		return nil
	}
	if _, _, err := t.letThrough(admitMost); err != nil {
		return err
	}
	return t.keepTurns()
}

// Admit is that of store.Gates.
func (s *Store) Admit(ctx context.Context, most int) (moved int, more bool, err error) {
	err = s.write(ctx, "admit jobs", func(t *txn) error {
		gates := max(min(most, admitGates), 1)
		ids, err := texts(t, "SELECT id FROM offload_gate WHERE wake_at <= ?1 ORDER BY wake_at LIMIT ?2", t.now, gates)
		if err != nil || len(ids) == 0 {
			return err
		}
		// Those for which nobody waits any more say nothing from now on.
		if _, err := t.exec("UPDATE offload_gate SET wake_at = NULL WHERE id IN (SELECT value FROM json_each(?1))", list(ids)); err != nil {
			return err
		}
		for _, id := range ids {
			t.open(id)
		}
		moved, more, err = t.letThrough(most)
		more = more || len(ids) == gates
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return moved, more, nil
}
