package sqlite

import (
	"database/sql"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// enter puts a job that was taken where it may be claimed, now or later, or where it waits.
func (t *txn) enter(r *row) error {
	a, err := t.askedOf(r)
	if err != nil {
		return err
	}
	if !a.terms.Gated() || r.runAt > t.now {
		r.turn = sql.NullInt64{}
		if a.terms.Gated() {
			r.uses |= usesUndecided
		}
		return t.putDue(r)
	}
	return t.decide(r)
}

// decide lets a job that was taken, and whose time has come, through its limits to its turn, or
// puts it where it waits.
func (t *txn) decide(r *row) error {
	a, err := t.askedOf(r)
	if err != nil {
		return err
	}
	fresh := r.uses&usesFresh != 0
	r.uses &^= usesUndecided | usesFresh
	if err := t.giveTurn(r, a); err != nil {
		return err
	}
	e := r.entrant(a)
	if len(e.limits) > 0 && !fresh {
		if e.holds, err = t.holdsOf(r.id, e.limits); err != nil {
			return err
		}
	}
	at, dropped, err := t.route(e, fresh, func() error { return nil })
	switch {
	case err != nil:
		return err
	case dropped:
		return t.putDone(r, stateCancelled)
	case at != "":
		if len(e.holds) > 0 {
			if err := t.leaveLimits(r.id, e.limits, true); err != nil {
				return err
			}
		}
		return t.wait(r, at)
	}
	if err := t.execRows(&insertHolds, 3, t.hold(e, nil)); err != nil {
		return err
	}
	return t.putDue(r)
}

func (r *row) entrant(a *asked) *entrant {
	e := &entrant{id: r.id, queue: a.queue, lane: a.priority, order: r.runAt, limits: a.limits()}
	if r.turn.Valid {
		e.lane, e.order = store.FairLane+a.priority, r.turn.Int64
	}
	return e
}

// route says where a job has to go: through all its gates, to wait for one of them, or for a
// fresh one, nowhere. What its limit does to others for its sake is done, after before.
func (t *txn) route(e *entrant, fresh bool, before func() error) (at string, dropped bool, err error) {
	at, err = t.barredBy(e)
	if err != nil || at == "" || !fresh {
		return at, false, err
	}
	full := t.gateRows[at].Limit.WhenFull
	switch full {
	case store.FullDrop:
		return at, true, nil
	case store.FullNewest, store.FullCancel:
	default:
		return at, false, nil
	}
	if err := before(); err != nil {
		return "", false, err
	}
	if err = t.cancelFor(at, full == store.FullCancel); err == nil {
		at, err = t.barredBy(e)
	}
	return at, false, err
}

// cancelMost is how many who wait for a gate one job cancels, at most.
const cancelMost = 10_000

// cancelFor cancels those that wait for a gate, for the sake of a newer job, and those that
// hold it if that is wanted.
func (t *txn) cancelFor(gate string, holders bool) error {
	ids, err := t.waiting(gate, cancelMost)
	if err == nil && holders {
		var holding []store.ID
		holding, err = t.ids("SELECT id FROM offload_hold WHERE gate = ?1", gate)
		ids = append(ids, holding...)
	}
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := t.find(id)
		if err != nil {
			return err
		}
		if r.at == nowhere {
			continue
		}
		if _, err := t.cancel(&r, r.stateAt(t.now)); err != nil {
			return err
		}
	}
	return nil
}

// wait makes a job that was taken wait for a gate. It must hold nothing but limits that are kept.
func (t *txn) wait(r *row, at string) error {
	a, err := t.askedOf(r)
	if err != nil {
		return err
	}
	r.gate = sql.NullString{String: at, Valid: true}
	if err := t.putBlocked(r, waitsLimit); err != nil {
		return err
	}
	if err := t.lookAtGates([]string{at}); err != nil {
		return err
	}
	e := r.entrant(a)
	if t.gateRows[at].Limit.Kept() {
		if e.holds, err = t.holdsOf(r.id, e.limits); err != nil {
			return err
		}
	}
	lines, err := t.joinLine(at, e, nil)
	if err != nil {
		return err
	}
	return t.execRows(&insertLines, 2, lines)
}

// useOf is by what a job goes through a gate.
func useOf(limits []store.Use, at string) store.Use {
	for _, u := range limits {
		if gate.IDOf(u) == at {
			return u
		}
	}
	return store.Use{} // it was edited since, by a program that knows nothing of gates
}

// decideDue decides those of the next jobs of a lane that are not decided yet.
func (t *txn) decideDue(queue string, lane, stretch int) (decided int, err error) {
	ids, err := t.ids(`SELECT id FROM (
			SELECT id, uses FROM offload_due WHERE queue = ?1 AND priority = ?2 AND run_at <= ?3 ORDER BY run_at, id LIMIT ?4
		) WHERE uses & 128`, queue, lane, t.now, stretch)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		r, err := t.find(id)
		if err != nil {
			return 0, err
		}
		if r.at != inDue { // cancelled for the sake of another
			continue
		}
		if err := t.take(&r); err != nil {
			return 0, err
		}
		if err := t.decide(&r); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
