package sqlite

import (
	"cmp"
	"database/sql"
	_ "embed"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/line_advance.sql
	advanceSQL string
	//go:embed sql/line_clear.sql
	clearLinesSQL string
	//go:embed sql/line_clear_front.sql
	clearFrontsSQL string
	//go:embed sql/line_passed.sql
	passedSQL string
	//go:embed sql/line_quit.sql
	quitLineSQL string
	//go:embed sql/line_waiting.sql
	waitingSQL string
	//go:embed sql/admit_next.sql
	admitNextSQL string
)

var (
	insertLines  = withRows("INSERT INTO offload_line (gate, priority, run_at, id, queue, waits) ", 6, " ON CONFLICT DO NOTHING")
	insertFronts = withRows("INSERT INTO offload_front (gate, priority, run_at, id, queue, waits, passed) ", 7,
		" ON CONFLICT DO UPDATE SET priority = excluded.priority, run_at = excluded.run_at, id = excluded.id, queue = excluded.queue, waits = excluded.waits, passed = excluded.passed")
)

// linePassed is how many who have gone through a line holds before they are taken out of it.
const linePassed = 64

// A spot is where a job comes among others that wait for the same key, or take turns.
type spot struct {
	lane  int
	order int64 // its run_at or its turn
	id    store.ID
}

func (s *spot) before(other *spot) bool {
	return cmp.Or(cmp.Compare(s.lane, other.lane), cmp.Compare(s.order, other.order), s.id.Compare(other.id)) < 0
}

// A front is who waits first for a gate.
type front struct {
	spot
	queue string
	waits int
}

// joinLine has a job wait for a gate that was looked at. It adds parameters of insertLines to lines.
func (t *txn) joinLine(at string, e *entrant, lines []any) ([]any, error) {
	waits := waitsFor(e.limits)
	lines = append(lines, at, e.lane, e.order, e.id[:], e.queue, waits)
	g := t.gateRows[at]
	if opens := g.opens(t.time(), e, useOf(e.limits, at)); !opens.IsZero() && (g.wake.IsZero() || opens.Before(g.wake)) {
		g.wake, g.changed = opens, true
	}
	if g.front != nil && !e.before(&g.front.spot) {
		return lines, nil
	}
	if err := t.clearPassed(at, g); err != nil {
		return nil, err
	}
	g.front, g.moved = &front{e.spot, e.queue, waits}, true
	return lines, nil
}

// clearPassed takes those out of a line that have gone through, which is to be written with its
// front.
func (t *txn) clearPassed(at string, g *gateRow) error {
	if g.passed == 0 {
		return nil
	}
	g.passed = 0
	if g.front == nil {
		_, err := t.exec(clearLinesSQL, list([]string{at}))
		return err
	}
	_, err := t.exec(passedSQL, at, g.front.lane, g.front.order, g.front.id[:])
	return err
}

// quitLine takes a job out of the line of a gate. Who waits behind it may have room then.
func (t *txn) quitLine(at string, s *spot) error {
	if err := t.lookAtGates([]string{at}); err != nil {
		return err
	}
	if _, err := t.exec(quitLineSQL, at, s.lane, s.order, s.id[:]); err != nil {
		return err
	}
	t.open(at)
	g := t.gateRows[at]
	if g.front == nil || g.front.id != s.id {
		return nil
	}
	next, err := t.nextInLine(at, s, 1)
	if err != nil {
		return err
	}
	g.front, g.moved = nil, true
	if len(next) > 0 {
		g.front = next[0].front()
	}
	return nil
}

// A waiter is a job that waits for a gate.
type waiter struct {
	at string
	entrant
}

func (w *waiter) front() *front { return &front{w.spot, w.queue, waitsFor(w.limits)} }

// scanWaiter scans a job that waits for a gate.
func scanWaiter(at string, rows *sql.Rows) (w waiter, err error) {
	w.at = at
	var terms *store.Terms
	err = rows.Scan(&w.lane, &w.order, idInto{&w.id}, &w.queue, termsInto{&terms})
	w.under(terms)
	return w, err
}

// under notes the limits of a job, which has no terms if it is only under that for which it waits.
func (w *waiter) under(terms *store.Terms) {
	if terms != nil {
		w.limits = terms.Limits
		return
	}
	name, key := gate.Parse(w.at)
	w.limits = []store.Use{{Limit: name, Key: key}}
}

// nextInLine returns who waits for a gate behind a spot.
func (t *txn) nextInLine(at string, behind *spot, most int) (next []waiter, err error) {
	err = each(t, func(rows *sql.Rows) error {
		w, err := scanWaiter(at, rows)
		next = append(next, w)
		return err
	}, admitNextSQL, at, behind.lane, behind.order, behind.id[:], most)
	return next, err
}

// waiting returns who waits for a gate that was looked at.
func (t *txn) waiting(at string, most int) ([]store.ID, error) {
	f := t.gateRows[at].front
	if f == nil {
		return nil, nil
	}
	return t.ids(waitingSQL, at, f.lane, f.order, f.id[:], most)
}

// keepFronts writes who waits first now.
func (t *txn) keepFronts() error {
	var args []any
	var none []string
	for at, g := range t.gateRows {
		if !g.moved {
			continue
		}
		if g.front == nil || g.passed >= linePassed {
			if err := t.clearPassed(at, g); err != nil {
				return err
			}
		}
		g.moved = false
		if f := g.front; f != nil {
			args = append(args, at, f.lane, f.order, f.id[:], f.queue, f.waits, g.passed)
		} else {
			none = append(none, at)
		}
	}
	if len(none) > 0 {
		if _, err := t.exec(clearFrontsSQL, list(none)); err != nil {
			return err
		}
	}
	return t.execRows(&insertFronts, 7, args)
}

// advance puts the next to the front of lines whose first has gone through. The gates must be
// looked at anew.
func (t *txn) advance(gates []string) error {
	if len(gates) == 0 {
		return nil
	}
	if err := t.keepGates(); err != nil {
		return err
	}
	var none, long []string
	err := each(t, func(rows *sql.Rows) error {
		var at string
		var empty bool
		var passed int
		err := rows.Scan(&at, &empty, &passed)
		switch {
		case empty:
			none = append(none, at)
		case passed >= linePassed:
			long = append(long, at)
		}
		delete(t.gateRows, at)
		return err
	}, advanceSQL, list(gates))
	if err != nil {
		return err
	}
	if len(none) > 0 {
		if _, err := t.exec(clearLinesSQL, list(none)); err != nil {
			return err
		}
		if _, err := t.exec(clearFrontsSQL, list(none)); err != nil {
			return err
		}
	}
	if err := t.lookAtGates(long); err != nil {
		return err
	}
	for _, at := range long {
		if err := t.clearPassed(at, t.gateRows[at]); err != nil {
			return err
		}
		if _, err := t.exec("UPDATE offload_front SET passed = 0 WHERE gate = ?1", at); err != nil {
			return err
		}
	}
	return nil
}
