package sqlite

import (
	"context"
	_ "embed"
	"fmt"

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
	changed := 0
	for _, id := range act.IDs {
		a, err := t.actOn(id, act)
		if err != nil {
			return nil, err
		}
		if a.Effect == store.Done {
			changed++
		}
		acted = append(acted, a)
	}
	if act.Who == "" {
		return acted, nil
	}
	return acted, t.record(store.Record{ID: store.NewID(), Time: t.time(), Who: act.Who, What: string(act.Verb), Jobs: changed})
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
		a.Effect, err = t.retry(&r, a.State)
	case store.RunNow:
		a.Effect, err = t.runNow(&r, a.State)
	case store.Delete:
		a.Effect, err = t.delete(&r)
	default:
		a.Effect, err = t.edit(&r, a.State, *act.Edit)
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

func (t *txn) retry(r *row, state store.State) (store.Effect, error) {
	switch state {
	case store.Available:
		return store.Nothing, nil
	case store.Discarded, store.Cancelled, store.Expired, store.Retryable:
		r.failures = 0
		return store.Done, t.hurry(r)
	}
	return store.Refused, nil
}

func (t *txn) runNow(r *row, state store.State) (store.Effect, error) {
	switch state {
	case store.Available, store.Running:
		return store.Nothing, nil
	case store.Scheduled, store.Retryable:
		return store.Done, t.hurry(r)
	}
	return store.Refused, nil
}

// hurry makes a job due now.
func (t *txn) hurry(r *row) error {
	if err := t.take(r); err != nil {
		return err
	}
	r.runAt = t.now
	return t.putDue(r)
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
}

func (t *txn) deleteSides(uses int, id []byte) error {
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
// meanwhile.
func (t *txn) edit(r *row, state store.State, e store.Edit) (store.Effect, error) {
	if state == store.Running || state == store.Completed {
		return store.Refused, nil
	}
	waits, err := t.waits(r)
	if err != nil {
		return "", err
	}
	finished, err := t.finishedAt(r)
	if err != nil {
		return "", err
	}
	if err := t.take(r); err != nil {
		return "", err
	}
	_, err = t.exec(editSQL, r.id[:], deref(e.Queue), deref(e.Priority), e.Input != nil, orNull(e.Input))
	if err != nil {
		return "", err
	}
	if e.RunAt != nil {
		r.runAt = max(e.RunAt.UnixMicro(), t.now)
	}
	if e.Queue != nil {
		r.uses = r.uses&^usesSystem | systemBit(*e.Queue)
	}
	switch r.at {
	case inDue:
		err = t.putDue(r)
	case inBlocked:
		err = t.putBlocked(r, waits)
	case inDone:
		err = t.put(r, putDoneSQL, r.state, finished)
	}
	return store.Done, err
}

// waits returns why a job is in blocked.
func (t *txn) waits(r *row) (waits int, err error) {
	if r.at == inBlocked {
		_, err = one(t, []any{&waits}, "SELECT waits FROM offload_blocked WHERE id = ?1", r.id[:])
	}
	return waits, err
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
