package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"slices"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

//go:embed sql/act_edit.sql
var editSQL string

//go:embed sql/act_delete.sql
var deleteSQL string

// Act is that of store.Operator. Nobody else writes meanwhile, so that no job is just moving.
func (s *Store) Act(ctx context.Context, act store.Act) (acted []store.Acted, err error) {
	if err := act.Check(); err != nil {
		return nil, err
	}
	err = s.write(ctx, fmt.Sprintf("%s jobs", act.Verb), func(t *txn) (err error) {
		acted, err = t.act(act)
		return err
	})
	if err != nil {
		return nil, err
	}
	return acted, nil
}

func (t *txn) act(act store.Act) (acted []store.Acted, err error) {
	for _, id := range act.IDs {
		a, err := t.actOn(id, act)
		if err != nil {
			return nil, err
		}
		acted = append(acted, a)
	}
	if act.Who == "" {
		return acted, nil
	}
	r := act.Record(acted)
	r.ID, r.Time = store.NewID(), t.time()
	return acted, t.record(r)
}

func (t *txn) actOn(id store.ID, act store.Act) (a store.Acted, err error) {
	a = store.Acted{ID: id, Effect: store.NotStored}
	r, err := t.find(id)
	if err != nil || r.at == nowhere || r.at == inDone && r.state == stateDeleted {
		return a, err
	}
	a.State = r.stateAt(t.now)
	switch act.Verb {
	case store.Cancel:
		a.Effect, err = t.cancel(&r, a.State)
	case store.Retry:
		a.Effect, a.By, err = t.retry(&r, a.State, act.Heed)
	case store.RunNow:
		a.Effect, err = t.runNow(&r, a.State)
	case store.Delete:
		a.Effect, err = t.delete(&r)
	case store.Erase:
		a.Effect, err = t.erase(&r)
	default:
		a.Effect, a.By, err = t.edit(&r, a.State, *act.Edit)
	}
	return a, err
}

// stateAt is the job's state as people know it.
func (r *row) stateAt(now int64) store.State {
	switch {
	case r.at == inLease:
		return store.Running
	case r.at == inBlocked:
		return store.Blocked
	case r.at == inDone:
		return endedStates[r.state]
	case r.runAt <= now:
		return store.Available
	case r.failures > 0:
		return store.Retryable
	}
	return store.Scheduled
}

func (t *txn) cancel(r *row, state store.State) (store.Effect, error) {
	switch {
	case state.Ended() || state == store.Running && r.uses&usesSignal != 0:
		return store.Nothing, nil
	case state == store.Running:
		if _, err := t.exec("INSERT INTO offload_signal (id) VALUES (?1) ON CONFLICT DO NOTHING", r.id[:]); err != nil {
			return "", err
		}
		t.wakeToLook()
		_, err := t.exec("UPDATE offload_lease SET uses = uses | 2 WHERE id = ?1", r.id[:])
		return store.Done, err
	}
	if err := t.take(r); err != nil {
		return "", err
	}
	return store.Done, t.putDone(r, stateCancelled)
}

func (t *txn) retry(r *row, state store.State, heed bool) (e store.Effect, by store.ID, err error) {
	switch state {
	case store.Available:
		return store.Nothing, by, nil
	case store.Discarded, store.Cancelled, store.Expired, store.Retryable:
	default:
		return store.Refused, by, nil
	}
	if erased, err := t.erased(r); err != nil || erased {
		return store.Refused, by, err
	}
	if r.uses&usesTerms != 0 {
		if by, err = t.reopen(r, state); err != nil {
			return "", by, err
		}
		if !by.IsZero() {
			return store.Taken, by, nil
		}
	}
	if state.Ended() {
		if err = t.revive(r); err != nil {
			return "", by, err
		}
	}
	r.failures = 0
	if r.uses&usesBatch != 0 { // nobody runs it: it ends again when its members have
		t.mark(r.id)
		return store.Done, by, t.waitAgain(r)
	}
	if heed && state.Ended() && r.uses&usesAfter != 0 {
		return store.Done, by, t.heedAgain(r)
	}
	return store.Done, by, t.hurry(r)
}

// reopen has a job with terms wait again after its end, or says who holds its unique key.
func (t *txn) reopen(r *row, state store.State) (by store.ID, err error) {
	a, err := t.askedOf(r)
	if err != nil || a.terms == nil {
		return by, err
	}
	if state.Ended() {
		if by, err = t.regain(r, a); err != nil || !by.IsZero() {
			return by, err
		}
		if a.terms.Expire > 0 && r.uses&usesBegun == 0 {
			r.uses |= usesExpires
		}
	}
	return by, t.unstop(r.id, a.limits())
}

func (t *txn) runNow(r *row, state store.State) (store.Effect, error) {
	switch state {
	case store.Available, store.Running:
		return store.Nothing, nil
	case store.Scheduled, store.Retryable:
		return store.Done, t.hurry(r)
	case store.Blocked:
		if r.waits == waitsHeld {
			return store.Done, t.hurry(r)
		}
	}
	return store.Refused, nil
}

// hurry makes a job due now.
func (t *txn) hurry(r *row) error {
	if err := t.take(r); err != nil {
		return err
	}
	r.runAt = t.now
	if r.uses&usesTerms == 0 {
		return t.putDue(r)
	}
	r.turn = sql.NullInt64{}
	return t.enter(r)
}

// delete removes a job with all that is known of it, but for its id: the same insert again
// must make no second job for a while.
func (t *txn) delete(r *row) (store.Effect, error) {
	if r.at == inLease {
		return store.Refused, nil
	}
	if err := t.take(r); err != nil {
		return "", err
	}
	if r.uses&usesTerms != 0 {
		if err := t.endTerms(r, stateDeleted); err != nil {
			return "", err
		}
		if err := t.unstop(r.id, nil); err != nil {
			return "", err
		}
	}
	if r.uses&usesUp != 0 {
		t.mark(r.id)
	}
	if err := t.deleteSides(r.uses, r.id[:]); err != nil {
		return "", err
	}
	_, err := t.exec(deleteSQL, r.id[:])
	if err != nil {
		return "", err
	}
	gone := &row{id: r.id, attempt: r.attempt, closer: r.closer, closed: r.closed}
	return store.Done, t.putDone(gone, stateDeleted)
}

// sides are the tables beside a job, with the statement that clears them of one.
var sides = map[int]string{
	usesCrash:    "DELETE FROM offload_crash WHERE id = ?1",
	usesSignal:   "DELETE FROM offload_signal WHERE id = ?1",
	usesProgress: "DELETE FROM offload_progress WHERE id = ?1",
	usesFailure:  "DELETE FROM offload_failure WHERE id = ?1",
	usesResult:   "DELETE FROM offload_result WHERE id = ?1",
	usesLog:      "DELETE FROM offload_log WHERE id = ?1",
	usesMemo:     "DELETE FROM offload_memo WHERE id = ?1",
	usesAfter:    "DELETE FROM offload_edge WHERE down = ?1",
	usesBatch:    "DELETE FROM offload_member WHERE batch = ?1",
}

func (t *txn) deleteSides(uses int, id []byte) error {
	if uses&usesLog != 0 {
		if _, err := t.exec("DELETE FROM offload_logged WHERE id = ?1", id); err != nil {
			return err
		}
	}
	if uses&usesBatch != 0 {
		uses |= usesAfter // from those who stand in for members
	}
	for bit, remove := range sides {
		if uses&bit != 0 {
			if _, err := t.exec(remove, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// edit changes a job and its place, taking it out and putting it back. Nobody claims it
// meanwhile. Limits and turn of one that waits for its time, for a process or for a limit are
// decided anew.
func (t *txn) edit(r *row, state store.State, e store.Edit) (effect store.Effect, by store.ID, err error) {
	if state == store.Running || state == store.Completed {
		return store.Refused, by, nil
	}
	finished, err := t.finishedAt(r)
	if err != nil {
		return "", by, err
	}
	before, err := t.askedOf(r)
	if err != nil {
		return "", by, err
	}
	if e.Terms != nil {
		if by, err = t.rekey(r, before, e.Terms); err != nil || !by.IsZero() {
			return store.Taken, by, err
		}
	}
	if err := t.take(r); err != nil {
		return "", by, err
	}
	if err := t.change(r, before, e); err != nil {
		return "", by, err
	}
	switch {
	case r.at == inDone:
		err = t.put(r, putDoneSQL, r.state, finished)
	case r.at == inBlocked && r.waits != waitsLimit:
		if r.waits >= waitsAfter {
			err = t.undecide(r)
			if err != nil {
				return "", by, err
			}
		}
		err = t.putBlocked(r, r.waits)
	default:
		r.turn = sql.NullInt64{}
		err = t.enter(r)
	}
	return store.Done, by, err
}

// undecide has limits and turn decided when a job is let go that waits for others, if it has any.
func (t *txn) undecide(r *row) error {
	a, err := t.askedOf(r)
	if r.uses &^= usesUndecided | usesFresh; err == nil && a.terms.Gated() {
		r.uses |= usesUndecided | usesFresh
	}
	return err
}

// change changes what was asked of a job that was taken, and takes back what it held for it.
func (t *txn) change(r *row, before *asked, e store.Edit) error {
	if e.Terms != nil { // what others wait for stays
		terms := *e.Terms
		terms.Flow, terms.Batch = store.ID{}, store.ID{}
		if before.terms != nil {
			terms.Flow, terms.Batch = before.terms.Flow, before.terms.Batch
		}
		e.Terms = &terms
	}
	terms, err := termsOf(e.Terms)
	if err != nil {
		return fmt.Errorf("terms of job %s: %w", r.id, err)
	}
	_, err = t.exec(editSQL, r.id[:], deref(e.Queue), deref(e.Priority), e.Input != nil, orNull(e.Input), terms)
	if err != nil {
		return err
	}
	if e.RunAt != nil {
		r.runAt = max(e.RunAt.UnixMicro(), t.now)
	}
	if e.Queue != nil {
		r.uses = r.uses&^usesSystem | systemBit(*e.Queue)
	}
	r.asked = nil
	if e.Terms != nil {
		r.uses = r.uses&^usesExpires | usesOf(e.Terms)
		if r.at == inDone || r.uses&usesBegun != 0 {
			r.uses &^= usesExpires
		}
	}
	if r.uses&usesTerms == 0 {
		return nil
	}
	after, err := t.askedOf(r)
	if err != nil {
		return err
	}
	return t.leaveForOthers(r, before.limits(), after.limits())
}

// leaveForOthers takes back what a job holds of limits, now that it is under others. What is kept
// are limits that are kept until it has ended, and all that a suspect goes on to need.
func (t *txn) leaveForOthers(r *row, before, after []store.Use) error {
	if len(before) == 0 {
		return nil
	}
	var stay, gone []store.Use
	for _, u := range before {
		if slices.ContainsFunc(after, func(other store.Use) bool { return gate.IDOf(other) == gate.IDOf(u) }) {
			stay = append(stay, u)
		} else {
			gone = append(gone, u)
		}
	}
	if err := t.leaveLimits(r.id, gone, false); err != nil {
		return err
	}
	if r.at == inBlocked && r.waits == waitsAlone {
		return nil
	}
	return t.leaveLimits(r.id, stay, true)
}

// finishedAt returns when a job has ended.
func (t *txn) finishedAt(r *row) (at int64, err error) {
	if r.at == inDone {
		_, err = one(t, []any{&at}, "SELECT finished_at FROM offload_done WHERE id = ?1", r.id[:])
	}
	return at, err
}

func deref[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}
