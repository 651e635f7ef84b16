package derive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// heldOf are the entities of a handler of which an event has failed.
func (e *Events) heldOf(ctx context.Context, q querier, h *handler) (held map[string]bool, err error) {
	rows, err := q.QueryContext(ctx, "SELECT entity FROM offload_events_held WHERE handler = $1 LIMIT $2", h.name, heldMost)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var entity string
		if err := rows.Scan(&entity); err != nil {
			return nil, err
		}
		if held == nil {
			held = map[string]bool{}
		}
		held[entity] = true
	}
	return held, rows.Err()
}

// hold holds the entity of an event that has failed, and lets the handler go on behind it. The job is enqueued behind the commit, since the jobs may be in another database;
// tidy does it where a crash was faster.
func (e *Events) hold(ctx context.Context, h *handler, f *failure) error {
	held := false
	job := offload.NewID()
	err := e.locked(ctx, e.sql.lock, h.name, func(tx *sql.Tx, seq int64) (int64, error) {
		b, err := e.read(ctx, tx, h, seq, math.MaxInt32, f.at.seq)
		if err != nil || len(b.all) != 1 || b.all[0].seq != f.at.seq {
			return seq, err // another process has come further, or there are others before it now: it is looked at again
		}
		held = true
		_, err = tx.ExecContext(ctx, "INSERT INTO offload_events_held (handler, entity, seq, job, since) VALUES ($1, $2, $3, $4, $5)",
			h.name, f.at.entity, f.at.seq, job.String(), stamp(time.Now()))
		return f.at.seq, err
	})
	if err != nil || !held {
		return err
	}
	offload.Logger(ctx).WarnContext(ctx, "offload: an event has failed, and its entity is held until the job comes through",
		"handler", h.name, "event", f.at.name, "seq", f.at.seq, "entity", f.at.entity, "job", job.String(), "error", f.err)
	return enqueue(ctx, offload.AppOf(ctx), h.call(f.at.entity, job))
}

// call is the call of the job of a held entity.
func (h *handler) call(entity string, job offload.ID) *offload.Call {
	return h.task.Call(Held{Entity: entity}, offload.WithID(job), offload.Tag("handler", h.name))
}

func enqueue(ctx context.Context, app *offload.App, calls ...*offload.Call) error {
	if _, err := app.Enqueue(ctx, calls...); err != nil {
		return fmt.Errorf("enqueue the job of a held entity: %w", err)
	}
	return nil
}

// enqueueMissing enqueues the jobs of held entities that aren't there.
func (e *Events) enqueueMissing(ctx context.Context, app *offload.App, h *handler) error {
	rows, err := e.db.QueryContext(ctx, "SELECT entity, job FROM offload_events_held WHERE handler = $1 LIMIT $2", h.name, heldMost)
	if err != nil {
		return err
	}
	defer rows.Close()
	jobs := map[offload.ID]string{}
	var ids []offload.ID
	for rows.Next() {
		var entity, text string
		if err := rows.Scan(&entity, &text); err != nil {
			return err
		}
		id, err := offload.ParseID(text)
		if err != nil {
			return err
		}
		jobs[id] = entity
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(ids) == 0 {
		return err
	}
	there, err := app.Jobs(ctx, offload.Filter{IDs: ids, Max: len(ids)})
	if err != nil {
		return err
	}
	for _, job := range there {
		delete(jobs, job.ID)
	}
	var calls []*offload.Call
	for id, entity := range jobs {
		calls = append(calls, h.call(entity, id))
	}
	return enqueue(ctx, app, calls...)
}

// retry is the run of a job: it handles the event that has failed, and those of its entity behind it, one by one, until the entity is where the handler is.
func (e *Events) retry(ctx context.Context, h *handler, in Held) error {
	for {
		more, err := e.retryOne(ctx, h, in.Entity, h.handle)
		if err != nil || !more {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
}

// retryOne handles the next event of a held entity. Two processes that do it at once come one after another, and find what the other has done.
func (e *Events) retryOne(ctx context.Context, h *handler, entity string, handle func(context.Context, *sql.Tx, []kept) error) (more bool, err error) {
	defer e.alone()()
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() // does nothing after Commit
	var seq int64
	var job string
	if err := tx.QueryRowContext(ctx, e.sql.hold, h.name, entity).Scan(&seq, &job); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil // it was let go
		}
		return false, err
	}
	k := kept{seq: seq, entity: entity}
	switch err := tx.QueryRowContext(ctx, "SELECT at, type, data FROM offload_events WHERE seq = $1", seq).Scan(&k.at, &k.name, &k.data); {
	case errors.Is(err, sql.ErrNoRows): // somebody has removed it
	case err != nil:
		return false, err
	default:
		if err := handle(ctx, tx, []kept{k}); err != nil {
			return false, err
		}
	}
	next, err := e.nextOf(ctx, tx, h, &k)
	if err != nil {
		return false, err
	}
	if next == 0 {
		_, err = tx.ExecContext(ctx, "DELETE FROM offload_events_held WHERE handler = $1 AND entity = $2", h.name, entity)
	} else {
		_, err = tx.ExecContext(ctx, "UPDATE offload_events_held SET seq = $1 WHERE handler = $2 AND entity = $3", next, h.name, entity)
	}
	if err != nil {
		return false, err
	}
	return next != 0, tx.Commit()
}

// nextOf is the number of the event that follows one of an entity, as far as the handler has come, 0 if there is none. The handler's cursor is locked then: it doesn't pass an event
// of the entity while that is let go.
func (e *Events) nextOf(ctx context.Context, tx *sql.Tx, h *handler, k *kept) (int64, error) {
	var cursor int64
	if err := tx.QueryRowContext(ctx, e.sql.wait, h.name).Scan(&cursor); err != nil {
		return 0, err
	}
	args := []any{k.entity, k.seq, cursor}
	var list []string
	for name := range h.kinds {
		args = append(args, name)
		list = append(list, fmt.Sprintf("$%d", len(args)))
	}
	var next int64
	err := tx.QueryRowContext(ctx, "SELECT coalesce(min(seq), 0) FROM offload_events WHERE entity = $1 AND seq > $2 AND seq <= $3 AND type IN ("+strings.Join(list, ", ")+")",
		args...).Scan(&next)
	return next, err
}

var errMoved = errors.New("it is another event now")

// Skip gives up the event of an entity that a handler can't handle, and goes on with those behind it. An entity that isn't held is offload.ErrNotFound.
func (e *Events) Skip(ctx context.Context, app *offload.App, handler, entity string) error {
	h := e.handlers[handler]
	if h == nil {
		return &offload.InputError{Field: "handler", Got: short(handler), Want: "a handler of this process"}
	}
	var seq int64
	err := e.db.QueryRowContext(ctx, "SELECT seq FROM offload_events_held WHERE handler = $1 AND entity = $2", handler, entity).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("entity %s of handler %s is not held: %w", short(entity), handler, offload.ErrNotFound)
	}
	if err != nil {
		return err
	}
	more, err := e.retryOne(ctx, h, entity, func(_ context.Context, _ *sql.Tx, all []kept) error {
		if all[0].seq != seq {
			return errMoved
		}
		return nil
	})
	if errors.Is(err, errMoved) {
		return nil // its job has come through meanwhile
	}
	if err != nil || !more {
		return err
	}
	id := offload.NewID()
	if _, err := e.db.ExecContext(ctx, "UPDATE offload_events_held SET job = $1 WHERE handler = $2 AND entity = $3", id.String(), handler, entity); err != nil {
		return err
	}
	return enqueue(ctx, app, h.call(entity, id))
}
