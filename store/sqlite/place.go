package sqlite

import (
	"database/sql"
	_ "embed"
	"fmt"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/place.sql
	placeSQL string
	//go:embed sql/place_take_lease.sql
	takeLeaseSQL string
	//go:embed sql/place_put_due.sql
	putDueSQL string
	//go:embed sql/place_put_blocked.sql
	putBlockedSQL string
	//go:embed sql/place_put_done.sql
	putDoneSQL string
)

// A where is one of the places of a job.
type where int

const (
	nowhere where = iota
	inDue
	inLease
	inBlocked
	inDone
)

// Why a job is in blocked.
const (
	waitsTask = iota
	waitsAlone
)

// How a job is in done.
const (
	stateCompleted = iota + 1
	stateDiscarded
	stateCancelled
	stateExpired
	stateDeleted
)

var endedStates = map[int]store.State{
	stateCompleted: store.Completed,
	stateDiscarded: store.Discarded,
	stateCancelled: store.Cancelled,
	stateExpired:   store.Expired,
}

// A row is a job in its place.
type row struct {
	id       store.ID
	at       where
	process  sql.NullInt64 // of a lease
	attempt  int
	failures int
	uses     int
	runAt    int64
	started  sql.NullInt64
	closer   sql.NullInt64
	closed   sql.NullInt64
	state    int // of done
}

func (r *row) into() []any {
	return []any{&r.at, &r.process, &r.attempt, &r.failures, &r.uses, &r.runAt, &r.started, &r.closer, &r.closed, &r.state}
}

// find finds a job in its place; at is nowhere if there is no such job.
func (t *txn) find(id store.ID) (row, error) {
	r := row{id: id}
	_, err := one(t, r.into(), placeSQL, id[:])
	return r, err
}

// takeLease takes a lease of a process, or reports that it is gone.
func (t *txn) takeLease(process int64, f store.Fence) (r row, held bool, err error) {
	r.id = f.ID
	held, err = one(t, r.into(), takeLeaseSQL, f.ID[:], process, f.Attempt)
	return r, held, err
}

var takeSQL = map[where]string{
	inDue:     "DELETE FROM offload_due WHERE id = ?1",
	inLease:   "DELETE FROM offload_lease WHERE id = ?1",
	inBlocked: "DELETE FROM offload_blocked WHERE id = ?1",
	inDone:    "DELETE FROM offload_done WHERE id = ?1",
}

// take takes a job that was found from its place.
func (t *txn) take(r *row) error {
	_, err := t.exec(takeSQL[r.at], r.id[:])
	return err
}

func (t *txn) putDue(r *row) error { return t.put(r, putDueSQL) }

func (t *txn) putBlocked(r *row, waits int) error {
	t.wakeToLook() // those who know its task are shown it
	return t.put(r, putBlockedSQL, waits)
}

// putDone ends a job. What is only known of jobs that have not ended goes.
func (t *txn) putDone(r *row, state int) error { return t.put(r, putDoneSQL, state, t.now) }

func (t *txn) put(r *row, query string, more ...any) error {
	var queue string
	var priority int
	args := append([]any{r.id[:], r.runAt, r.attempt, r.failures, r.uses, r.started, r.closer, r.closed}, more...)
	found, err := one(t, []any{&queue, &priority}, query, args...)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("job %s has a place but no row in offload_job: run `offload doctor`", r.id)
	case queue != "" && r.runAt > t.now:
		t.wakeToLook() // a claim would not find it yet
	case queue != "":
		t.wake(queue, priority)
	}
	return nil
}

// obeySignal forgets that a job's cancel was signalled, and reports whether it was.
func (t *txn) obeySignal(r *row) (bool, error) {
	if r.uses&usesSignal == 0 {
		return false, nil
	}
	r.uses &^= usesSignal
	_, err := t.exec("DELETE FROM offload_signal WHERE id = ?1", r.id[:])
	return true, err
}
