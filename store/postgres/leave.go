package postgres

import (
	"context"
	"time"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// A leaving is what jobs give back that end, or that wait again.
type leaving struct {
	locked bool // the gates are locked: who does it looks at them itself
	open   bool // some are to be decided
	marked bool // others may wait for some

	ended, again, discarded holdings
	left                    []string // gates that they waited for
	keys                    []string // unique ones
	owners                  [][16]byte
	over                    []bool // whether each owner has ended
	expiries                [][16]byte
}

// Holdings are what jobs may hold of gates.
type holdings struct {
	gates, names []string
	ids          [][16]byte
}

func (h *holdings) add(id store.ID, t *store.Terms, only func(u store.Use) bool) {
	for _, u := range usesOfTerms(t) {
		if only == nil || only(u) {
			h.gates, h.names, h.ids = append(h.gates, gate.IDOf(u)), append(h.names, u.Limit), append(h.ids, id)
		}
	}
}

// end is what a job gives back that has ended.
func (l *leaving) end(id store.ID, task string, t *store.Terms, discarded bool) {
	if t == nil {
		return
	}
	if discarded {
		l.discarded.add(id, t, nil)
	} else {
		l.ended.add(id, t, nil)
	}
	l.free(id, task, t, true)
	if t.Expire > 0 {
		l.expiries = append(l.expiries, id)
	}
}

// read takes in a job that has ended, as a statement returns it.
func (l *leaving) read(id, task string, text []byte, at *string) error {
	parsed, err := store.ParseID(id)
	if err != nil {
		return err
	}
	t, err := decodeTerms(task, text)
	l.end(parsed, task, t, false)
	l.from(at)
	return err
}

// finish is what an attempt gives back that has ended: of some gates, if only says so.
func (l *leaving) finish(e *store.Ended, only func(u store.Use) bool) {
	switch e.Outcome {
	case store.OutcomeRetry, store.OutcomeSnooze:
		l.again.add(e.ID, e.Terms, only)
	case store.OutcomeDiscarded:
		l.discarded.add(e.ID, e.Terms, only)
	default:
		l.ended.add(e.ID, e.Terms, only)
	}
}

// freeEnded frees the unique key of an attempt after which the job runs no more.
func (l *leaving) freeEnded(e *store.Ended) {
	if e.Terms != nil && e.Outcome != store.OutcomeRetry && e.Outcome != store.OutcomeSnooze {
		l.free(e.ID, e.Task, e.Terms, true)
	}
}

// free frees the unique key of a job that has started, or has ended.
func (l *leaving) free(id store.ID, task string, t *store.Terms, ended bool) {
	if u := t.Unique; u != nil && u.For == 0 && (u.Until == store.UntilStarted || ended && u.Until == store.UntilEnded) {
		l.keys, l.owners, l.over = append(l.keys, uniqueKey(task, u)), append(l.owners, id), append(l.over, ended)
	}
}

// begin is what a job gives back that was claimed.
func (l *leaving) begin(id store.ID, task string, t *store.Terms) {
	if t == nil {
		return
	}
	l.free(id, task, t, false)
	if t.Expire > 0 {
		l.expiries = append(l.expiries, id)
	}
}

// wait is what a job gives back that waits again: see store.Limit.Kept.
func (l *leaving) wait(id store.ID, t *store.Terms) { l.again.add(id, t, nil) }

// change is what a job gives back that gets other terms, and is decided anew unless it stays where
// it is.
func (l *leaving) change(id store.ID, was, is *store.Terms, stays bool) {
	keeps := map[string]bool{}
	for _, u := range usesOfTerms(is) {
		keeps[gate.IDOf(u)] = true
	}
	l.ended.add(id, was, func(u store.Use) bool { return !keeps[gate.IDOf(u)] })
	if !stays {
		l.again.add(id, was, func(u store.Use) bool { return keeps[gate.IDOf(u)] })
	}
}

// from says which gate a job has waited for, if it did.
func (l *leaving) from(gate *string) {
	if gate != nil && *gate != "" && *gate != gateAfter && *gate != gateHeld {
		l.left = append(l.left, *gate)
	}
}

// touches reports whether gates may have got room that Admit is to look at.
func (l *leaving) touches() bool {
	return l.open || !l.locked && len(l.ended.ids)+len(l.again.ids)+len(l.discarded.ids)+len(l.left) > 0
}

// queries take it all back.
func (l *leaving) queries(sql *statements) (all []query) {
	mark := !l.locked
	if h := &l.ended; len(h.ids) > 0 {
		all = append(all, query{sql: sql.leave, args: []any{h.gates, h.ids, mark}})
	}
	if h := &l.again; len(h.ids) > 0 {
		all = append(all, query{sql: sql.leaveAgain, args: []any{h.gates, h.ids, h.names, mark}})
	}
	if h := &l.discarded; len(h.ids) > 0 {
		all = append(all, query{sql: sql.leaveDiscarded, args: []any{h.gates, h.ids, h.names, mark}})
	}
	if len(l.left) > 0 && mark {
		left := distinct(l.left)
		all = append(all, query{sql: sql.gatesMark, args: []any{left, noTimes(len(left))}})
	}
	if len(l.keys) > 0 {
		all = append(all, query{sql: sql.uniqueLeave, args: []any{l.keys, l.owners, l.over}})
	}
	if len(l.expiries) > 0 {
		all = append(all, query{sql: sql.expiryLeave, args: []any{l.expiries}})
	}
	return all
}

// soon does what a change has made possible.
func (s *Store) soon(ctx context.Context, l *leaving) {
	s.admitSoon(ctx, l.touches())
	s.settleSoon(ctx, l.marked)
}

// admitSoon lets those through that a change has made room for. It is a hint: if it fails, the
// next Admit does it.
func (s *Store) admitSoon(ctx context.Context, touches bool) {
	if touches {
		_, _, _ = s.Admit(ctx, admitAtATime)
	}
}

// noTimes are so many times that are now, as gates_mark.sql takes them.
func noTimes(n int) []*time.Time { return make([]*time.Time, n) }
