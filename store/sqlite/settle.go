package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"maps"
	"slices"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/settle_upstreams.sql
	upstreamsSQL string
	//go:embed sql/settle_edges.sql
	settleEdgesSQL string
	//go:embed sql/settle_look.sql
	settleLookSQL string
	//go:embed sql/settle_due.sql
	settleDueSQL string
)

const (
	settleMost  = 4000 // who wait are looked at by a call that ends jobs; Settle goes on
	settleChunk = 500  // ids for one statement
)

var insertMarks = withRows("INSERT INTO offload_mark (id) ", 1, " ON CONFLICT DO NOTHING")

// flows are what a transaction has yet to bring in line: what waits for jobs that it has ended, or
// has made wait again. What it does not come to it leaves in offload_mark.
type flows struct {
	marked []store.ID
	marks  map[store.ID]bool
	later  []store.ID // for Settle, even if there is time for them
	looks  int        // so many who wait were looked at
	most   int        // so many may be; 0 is settleMost
	moved  int
}

// mark notes that who waits for a job is to be looked at, and the job itself, if it waits.
func (t *txn) mark(id store.ID) {
	if t.marks[id] {
		return
	}
	if t.marks == nil {
		t.marks = map[store.ID]bool{}
	}
	t.marks[id] = true
	t.marked = append(t.marked, id)
}

// markBatch has a new batch looked at, which may be empty. In a transaction of the user's that is
// left to Settle: another call in it may add members.
func (t *txn) markBatch(id store.ID) {
	if _, own := t.database.(*session); own {
		t.mark(id)
	} else {
		t.later = append(t.later, id)
	}
}

// Settle is that of store.Flows.
func (s *Store) Settle(ctx context.Context, most int) (moved int, more bool, err error) {
	if most <= 0 {
		return 0, false, nil
	}
	err = s.write(ctx, "settle jobs", func(t *txn) error {
		ids, err := t.ids("SELECT id FROM offload_mark ORDER BY id LIMIT ?1", most)
		if err != nil || len(ids) == 0 {
			return err
		}
		if _, err := t.exec("DELETE FROM offload_mark WHERE id <= ?1", slices.Clone(ids[len(ids)-1][:])); err != nil {
			return err
		}
		for _, id := range ids {
			t.mark(id)
		}
		t.flows.most = most
		err = t.settle()
		moved = t.moved
		if err == nil {
			_, err = one(t, []any{&more}, "SELECT EXISTS (SELECT 1 FROM offload_mark)")
		}
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return moved, more, nil
}

// looksLeft is how many who wait may still be looked at.
func (t *txn) looksLeft() int {
	most := t.flows.most
	if most == 0 {
		most = settleMost
	}
	return max(most-t.looks, 0)
}

// settleFlows brings in line what waits for jobs that are marked.
func (t *txn) settleFlows() error {
	for len(t.marked) > 0 && t.looksLeft() > 0 {
		ids := t.marked[:min(settleChunk, len(t.marked))]
		t.marked = t.marked[len(ids):]
		for _, id := range ids {
			delete(t.marks, id)
		}
		if err := t.settleMarks(ids); err != nil {
			return err
		}
	}
	left := append(t.marked, t.later...)
	t.marked, t.marks, t.later = nil, nil, nil
	if len(left) == 0 {
		return nil
	}
	args := make([]any, len(left))
	for i := range left {
		args[i] = left[i][:]
	}
	t.wakeToLook()
	return t.execRows(&insertMarks, 1, args)
}

// An upstream is how a job stands on which others may wait.
type upstream struct {
	at    where
	uses  int
	waits int
	state int // as in offload_done; 0 has not ended, stateFailing
}

// stateFailing is that of a batch that is open and has a discarded member.
const stateFailing = 6

// upstreams finds how jobs stand. Those that are not stored are not among them.
func (t *txn) upstreams(ids []store.ID) (map[store.ID]upstream, error) {
	all := make(map[store.ID]upstream, len(ids))
	return all, each(t, func(rows *sql.Rows) error {
		var id store.ID
		var s upstream
		err := rows.Scan(idInto{&id}, &s.at, &s.uses, &s.waits, &s.state)
		all[id] = s
		return err
	}, upstreamsSQL, joined(ids))
}

// settleMarks brings in line what waits for some jobs, and those that wait themselves.
func (t *txn) settleMarks(ids []store.ID) error {
	found, err := t.upstreams(ids)
	if err != nil {
		return err
	}
	ups := map[int][]store.ID{}
	downs := map[store.ID]bool{}
	for _, id := range ids {
		s, stored := found[id]
		if !stored {
			s.state = stateDeleted
		}
		switch {
		case s.at != inBlocked || s.waits < waitsAfter:
		case s.uses&usesBatch == 0:
			downs[id] = true
		default:
			if err := t.settleBatch(id); err != nil {
				return err
			}
			if t.marks[id] { // it has ended: that comes next
				continue
			}
		}
		if !stored || s.state == stateDeleted || s.uses&usesUp != 0 {
			ups[s.state] = append(ups[s.state], id)
		}
	}
	for state, ids := range ups {
		if err := t.settleEdges(ids, state, downs); err != nil {
			return err
		}
	}
	return t.settleDowns(downs)
}

// settleEdges brings edges in line with upstreams that all are in one state, and adds those at
// their ends to downs.
func (t *txn) settleEdges(ups []store.ID, state int, downs map[store.ID]bool) error {
	limit := max(t.looksLeft()-len(downs), 1)
	below := state
	if state == stateDeleted {
		below = 1 // who knows how it has ended goes on to know
	}
	n := 0
	members := map[store.ID][]store.ID{} // that others stand in for
	err := each(t, func(rows *sql.Rows) error {
		var down, up store.ID
		var wants int
		err := rows.Scan(idInto{&down}, idInto{&up}, &wants)
		if n++; wants == wantsMember {
			members[down] = append(members[down], up)
		} else {
			downs[down] = true
		}
		return err
	}, settleEdgesSQL, joined(ups), state, limit, below,
		standOf(wantsCompleted, state), standOf(wantsEnded, state), standOf(wantsFailed, state))
	if err != nil {
		return err
	}
	if n >= limit { // there may be more
		for _, id := range ups {
			t.mark(id)
		}
	}
	for batch, ids := range members {
		for _, id := range ids {
			note := func() error { return t.noteMember(batch, id, state) }
			if state == 0 {
				note = func() error { return t.reopenBatch(batch, id) }
			}
			if err := note(); err != nil {
				return err
			}
		}
	}
	return nil
}

// What edges allow.
const (
	mayGo = iota
	mustWait
	cantBeMet
)

// A downstream is a job that waits for others, or was cut off by them.
type downstream struct {
	id       store.ID
	uses     int
	queue    string
	priority int
	runAt    int64
	at       where
	may      int
}

// settleDowns brings jobs in line with their edges.
func (t *txn) settleDowns(downs map[store.ID]bool) error {
	t.looks += len(downs)
	ids := slices.SortedFunc(maps.Keys(downs), store.ID.Compare)
	for some := range slices.Chunk(ids, settleChunk) {
		found, err := t.downstreams(some)
		if err != nil {
			return err
		}
		var due []store.ID
		for _, d := range found {
			if d.at == inBlocked && d.may == mayGo && d.uses&(usesUndecided|usesExpires) == 0 {
				due = append(due, d.id)
				if d.runAt > t.now {
					t.wakeToLook()
				} else {
					t.wake(d.queue, d.priority)
				}
				continue
			}
			if err := t.settleOne(&d); err != nil {
				return err
			}
		}
		if len(due) == 0 {
			continue
		}
		t.moved += len(due)
		if _, err := t.exec(settleDueSQL, joined(due), t.now); err != nil {
			return err
		}
		ids := make([]any, len(due))
		for i := range due {
			ids[i] = due[i][:]
		}
		if err := t.execRows(&admitBlocked, 1, ids); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) downstreams(ids []store.ID) (found []downstream, err error) {
	err = each(t, func(rows *sql.Rows) error {
		var d downstream
		err := rows.Scan(idInto{&d.id}, &d.uses, &d.queue, &d.priority, &d.runAt, &d.at, &d.may)
		found = append(found, d)
		return err
	}, settleLookSQL, joined(ids))
	return found, err
}

// settleOne brings a job in line with what its edges allow.
func (t *txn) settleOne(d *downstream) error {
	r, err := t.find(d.id)
	if err != nil {
		return err
	}
	switch {
	case r.at != d.at: // something done to another has moved it
		return nil
	case r.at == inDone && d.may != cantBeMet:
		return t.rejoin(&r, d.may)
	case r.at == inDone:
		return nil
	case d.may == mayGo:
		t.moved++
		return t.letGo(&r)
	case d.may == cantBeMet:
		return t.cutOff(&r)
	case r.waits == waitsHeld:
		t.moved++
		return t.waitAgain(&r)
	}
	return nil
}

// letGo makes a job due that has waited for others, now or at its time.
func (t *txn) letGo(r *row) error {
	if err := t.take(r); err != nil {
		return err
	}
	r.runAt = max(r.runAt, t.now)
	if r.uses&usesTerms == 0 {
		return t.putDue(r)
	}
	return t.enter(r)
}

// waitAgain has a job wait for others, whatever it has waited for before.
func (t *txn) waitAgain(r *row) error {
	if err := t.take(r); err != nil {
		return err
	}
	return t.putBlocked(r, waitsAfter)
}
