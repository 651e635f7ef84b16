package derive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload"
)

const (
	batchMost  = 500     // events of a transaction
	batchBytes = 4 << 20 // of their data
	numberMost = 5000    // that are numbered at a time
	heldMost   = 1000    // entities of a handler that may be held
	lookEvery  = 200 * time.Millisecond
	lookAnyway = 2 * time.Second // of a handler that was not told of anything
	tidyEvery  = 30 * time.Second
	afterError = time.Second
)

// follow lets handlers follow the events while the process runs jobs.
func (e *Events) follow(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { e.watch(ctx) })
	all.Go(func() { e.every(ctx, tidyEvery, e.tidy) })
	for _, h := range e.handlers {
		all.Go(func() { e.work(ctx, h) })
	}
	all.Wait()
}

// every calls f now and then, and says once what is wrong.
func (e *Events) every(ctx context.Context, d time.Duration, f func(context.Context) error) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	said := ""
	for {
		e.say(ctx, "events can't be looked after just now", f(ctx), &said)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// say logs an error, unless it is the one that was said last.
func (e *Events) say(ctx context.Context, what string, err error, said *string) {
	switch {
	case err == nil:
		*said = ""
	case ctx.Err() == nil && err.Error() != *said:
		*said = err.Error()
		offload.Logger(ctx).WarnContext(ctx, "offload: "+what, "error", err)
	}
}

// watch numbers what was recorded, where that is needed, and wakes handlers when there is something new.
func (e *Events) watch(ctx context.Context) {
	var seen int64
	e.every(ctx, lookEvery, func(ctx context.Context) error {
		if err := e.numberAll(ctx); err != nil {
			return err
		}
		now, err := last(ctx, e.db)
		if err != nil || now == seen {
			return err
		}
		seen = now
		e.wakeAll()
		return nil
	})
}

func (e *Events) wakeAll() {
	for _, wake := range e.wake {
		select {
		case wake <- struct{}{}:
		default: // it was told
		}
	}
}

// numberAll gives numbers to all events that have none.
func (e *Events) numberAll(ctx context.Context) error {
	for e.sql.number != "" {
		n, err := e.numberSome(ctx)
		if n > 0 {
			e.wakeAll()
		}
		if err != nil || n < numberMost {
			return err
		}
	}
	return nil
}

func (e *Events) numberSome(ctx context.Context) (n int64, err error) {
	var some int
	switch err := e.db.QueryRowContext(ctx, "SELECT 1 FROM offload_events_new LIMIT 1").Scan(&some); {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, err
	}
	err = e.locked(ctx, e.sql.lock, numbered, func(tx *sql.Tx, seq int64) (int64, error) {
		result, err := tx.ExecContext(ctx, e.sql.number, seq, numberMost)
		if err != nil {
			return seq, err
		}
		n, err = result.RowsAffected()
		return seq + n, err
	})
	return n, err
}

// alone waits for the others of this process that write, and returns what lets them go on. It is for SQLite, where only one writes at a time, and who waits for the file waits by sleeping.
func (e *Events) alone() (end func()) {
	if e.sql.number != "" {
		return func() {}
	}
	e.writing.Lock()
	return e.writing.Unlock
}

// locked runs f in a transaction that has a cursor, and moves the cursor to where f says. It does nothing if another process has it.
func (e *Events) locked(ctx context.Context, lock, cursor string, f func(tx *sql.Tx, seq int64) (int64, error)) error {
	defer e.alone()()
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	// To write comes first: on SQLite who has read may not be let write any more.
	var seq int64
	if err := tx.QueryRowContext(ctx, lock, cursor).Scan(&seq); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	}
	next, err := f(tx, seq)
	if err != nil {
		return err
	}
	if next != seq {
		if _, err := tx.ExecContext(ctx, "UPDATE offload_events_cursor SET seq = $1, moved = $2 WHERE handler = $3", next, stamp(time.Now()), cursor); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// work lets a handler follow.
func (e *Events) work(ctx context.Context, h *handler) {
	most, said := batchMost, ""
	for ctx.Err() == nil {
		more, err := e.step(ctx, h, &most)
		e.say(ctx, "handler "+h.name+" can't follow the events just now", err, &said)
		wait := lookAnyway
		switch {
		case err != nil:
			wait = afterError
		case more:
			continue
		}
		select {
		case <-e.wake[h]:
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

var errForgotten = errors.New("its cursor was removed while it runs: open it again")

// errOlder lets a process wait that would pass by events which it doesn't know, and the process of a newer version does.
var errOlder = errors.New("another version of the program, which was started later, handles more types of events with it: it is left to that one")

// errHeld ends a batch for a handler that is broken.
var errHeld = fmt.Errorf("%d entities are held: mend the handler, and retry the jobs of its task", heldMost)

// A failure is a batch that has failed.
type failure struct {
	err error
	at  kept // the first event of the batch; the one that failed, if it is alone
	n   int  // events of the batch
}

// step handles a batch of events, of at most *most: it is halved by a failure, and doubled by a success.
func (e *Events) step(ctx context.Context, h *handler, most *int) (more bool, err error) {
	var types string
	err = e.db.QueryRowContext(ctx, "SELECT seq < (SELECT coalesce(max(seq), 0) FROM offload_events), types FROM offload_events_cursor WHERE handler = $1", h.name).
		Scan(&more, &types)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, errForgotten
	case err != nil || !more: // most looks end here, and lock nothing
		return false, err
	case !h.knows(types):
		return false, errOlder
	}
	more = false
	var tried *failure
	err = e.locked(ctx, e.sql.lock, h.name, func(tx *sql.Tx, seq int64) (int64, error) {
		b, err := e.read(ctx, tx, h, seq, *most, math.MaxInt64)
		if err != nil {
			return seq, err
		}
		more = b.through > seq
		if len(b.all) > 0 {
			tried = &failure{at: b.all[0], n: len(b.all)}
			if err := h.handle(ctx, tx, b.all); err != nil {
				return seq, err
			}
		}
		return b.through, nil
	})
	switch {
	case err == nil:
		*most = min(*most*2, batchMost)
		return more, nil
	case ctx.Err() != nil || tried == nil:
		return false, err
	case tried.n > 1:
		*most = max(tried.n/2, 1)
		return true, nil
	}
	// Also where it was the commit that failed: a handler that passes over an error of PostgreSQL has spoilt its transaction.
	tried.err = err
	return true, e.hold(ctx, h, tried)
}

// A batch is the events behind a cursor that a handler shall handle, and how far they go.
type batch struct {
	all     []kept
	through int64
}

// read reads at most so many events behind a cursor, and none behind through, without those of entities that are held. Numbers have no gaps, so that a range of them bounds what is read.
func (e *Events) read(ctx context.Context, tx *sql.Tx, h *handler, seq int64, most int, through int64) (b batch, err error) {
	b.through = seq
	var first, end int64
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(min(seq), 0) FROM offload_events WHERE seq > $1", seq).Scan(&first); err != nil || first == 0 {
		return b, err
	}
	if end, err = last(ctx, tx); err != nil {
		return b, err
	}
	end = min(end, first-1+int64(most), through)
	held, err := e.heldOf(ctx, tx, h)
	if err != nil {
		return b, err
	}
	if len(held) >= heldMost {
		return b, errHeld
	}
	query, args := h.between(first, end)
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return b, err
	}
	defer rows.Close()
	size := 0
	for rows.Next() {
		var k kept
		if err := rows.Scan(&k.seq, &k.at, &k.name, &k.entity, &k.data); err != nil {
			return b, err
		}
		if b.through = k.seq; !held[k.entity] {
			b.all = append(b.all, k)
		}
		if size += len(k.data); size > batchBytes {
			return b, nil
		}
	}
	b.through = end
	return b, rows.Err()
}

// between selects the events of a handler's types.
func (h *handler) between(first, end int64) (string, []any) {
	args := []any{first, end}
	var list strings.Builder
	for name := range h.kinds {
		args = append(args, name)
		if len(args) > 3 {
			list.WriteString(", ")
		}
		fmt.Fprintf(&list, "$%d", len(args))
	}
	return "SELECT seq, at, type, entity, data FROM offload_events WHERE seq BETWEEN $1 AND $2 AND type IN (" + list.String() + ") ORDER BY seq", args
}

// tidy enqueues jobs that a crash has kept from being enqueued, counts what nobody handles, and lets old events go.
func (e *Events) tidy(ctx context.Context) error {
	var errs []error
	for _, h := range e.handlers {
		errs = append(errs, e.enqueueMissing(ctx, offload.AppOf(ctx), h))
	}
	return errors.Join(append(errs, e.countUnhandled(ctx), e.prune(ctx))...)
}
