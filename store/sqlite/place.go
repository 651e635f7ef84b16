package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/gate"
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
	//go:embed sql/place_paused.sql
	pausedSQL string
	//go:embed sql/place_line.sql
	lineSQL string
	//go:embed sql/place_ahead.sql
	aheadSQL string
	//go:embed sql/place_ahead_in_lane.sql
	aheadInLaneSQL string
	//go:embed sql/place_finished.sql
	finishedSQL string
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
	waitsLimit
	waitsAfter
	waitsHeld
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
	state    int            // of done
	waits    int            // of blocked
	turn     sql.NullInt64  // of due and blocked: its place among those that take turns
	gate     sql.NullString // of blocked: what it waits for
	asked    *asked         // nil until it is needed
	need     string         // in blocked: see store.TaskNeeding
}

func (r *row) into() []any {
	return []any{&r.at, &r.process, &r.attempt, &r.failures, &r.uses, &r.runAt, &r.started, &r.closer, &r.closed, &r.state, &r.waits, &r.turn, &r.gate}
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
	if _, err := t.exec(takeSQL[r.at], r.id[:]); err != nil {
		return err
	}
	if r.gate.Valid {
		a, err := t.askedOf(r)
		if err != nil {
			return err
		}
		if err := t.quitLine(r.gate.String, r.entrant(a).spot()); err != nil {
			return err
		}
	}
	if r.uses&usesExpires != 0 && (r.at == inDue || r.at == inBlocked && r.waits < waitsAfter) {
		return t.expiry(r, &forgetExpiries)
	}
	return nil
}

func (t *txn) putDue(r *row) error {
	if err := t.put(r, putDueSQL, r.turn); err != nil || r.uses&usesExpires == 0 {
		return err
	}
	return t.expiry(r, &keepExpiries)
}

func (t *txn) putBlocked(r *row, waits int) error {
	if waits < waitsLimit {
		t.wakeToLook() // those who know its task are shown it
	}
	if waits != waitsLimit {
		r.gate = sql.NullString{}
	}
	// What waits for others can't expire.
	if err := t.put(r, putBlockedSQL, r.turn, waits, r.gate, r.need); err != nil || r.uses&usesExpires == 0 || waits >= waitsAfter {
		return err
	}
	return t.expiry(r, &keepExpiries)
}

// putDone ends a job. What is only known of jobs that have not ended goes.
func (t *txn) putDone(r *row, state int) error {
	if err := t.endTerms(r, state); err != nil {
		return err
	}
	if r.uses&usesUp != 0 {
		t.mark(r.id)
	}
	return t.put(r, putDoneSQL, state, t.now)
}

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

// Place is that of store.Gates.
func (s *Store) Place(ctx context.Context, id store.ID) (p store.Place, err error) {
	err = s.ask(ctx, "find the place of a job", func(q *snapshots) error {
		found, err := q.find(ctx, &store.Filter{IDs: []store.ID{id}}, 1)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return notFound("job", id.String())
		}
		p.Job = found[0]
		if len(p.Job.Input) > store.InlineInput {
			p.Job.Input = nil
		}
		return q.place(ctx, &p)
	})
	if err != nil {
		return store.Place{}, err
	}
	return p, nil
}

// mostAhead is how many jobs ahead of one are counted.
const mostAhead = 10_000

// place reads what stands between a job and its run.
func (q *snapshots) place(ctx context.Context, p *store.Place) error {
	j := &p.Job
	_, err := one(q, []any{&p.QueuePaused, &p.TaskPaused}, pausedSQL, j.Queue, j.Task)
	if err != nil {
		return err
	}
	r, err := q.txn.find(j.ID)
	if err != nil {
		return err
	}
	expires, err := q.expires(&r)
	if err != nil {
		return err
	}
	if expires > 0 {
		p.ExpiresAt = timeOf(expires)
	}
	a, err := q.askedOf(&r)
	if err != nil {
		return err
	}
	e := r.entrant(a)
	if r.at == inBlocked && r.gate.Valid {
		if err := q.line(p, e, r.gate.String); err != nil {
			return err
		}
	}
	if r.at == inDue || r.at == inBlocked {
		if p.Ahead, err = q.ahead(e); err != nil {
			return err
		}
	}
	p.Finished, err = q.finished(j.Queue)
	return err
}

// line reads the limit that a job waits for.
func (q *snapshots) line(p *store.Place, e *entrant, at string) error {
	name, _ := gate.Parse(at)
	l := store.LimitState{Limit: store.Limit{Name: name}}
	err := each(q, func(rows *sql.Rows) (err error) {
		l, err = scanLimit(rows)
		return err
	}, namedLimitsSQL, list([]string{name}))
	if err != nil {
		return err
	}
	k, _, err := q.keyState(&l.Limit, at)
	if err != nil {
		return err
	}
	l.Keys = []store.KeyState{k}
	p.Limit = &l
	if f := q.gateRows[at].front; f != "" {
		_, err = one(q, []any{&p.Line}, lineSQL, at, f.bytes(), e.spot().bytes())
	}
	p.Line++
	return err
}

// ahead counts the due jobs of a queue that come before one.
func (q *snapshots) ahead(e *entrant) (n int, err error) {
	for _, lane := range allLanes {
		var in int
		query, args := aheadSQL, []any{e.queue, lane, q.now, mostAhead - n}
		if lane == e.lane {
			query, args = aheadInLaneSQL, append(args, e.order, e.id[:])
		}
		if _, err := one(q, []any{&in}, query, args...); err != nil {
			return n, err
		}
		if n += in; lane == e.lane || n >= mostAhead {
			break
		}
	}
	return n, nil
}

// finishedOver is over how long ends are counted.
const finishedOver = 5 * time.Minute

// finished is how many jobs of a queue ended a second, lately.
func (q *snapshots) finished(queue string) (float64, error) {
	var n int64
	_, err := one(q, []any{&n}, finishedSQL, queue, floorMinute(q.now-finishedOver.Microseconds()))
	return float64(n) / finishedOver.Seconds(), err
}
