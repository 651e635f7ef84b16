package derive

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/tables"
)

// A Filling is a value for a column of a row.
type Filling struct {
	ID    any // the row's key
	Value any // nil: there is nothing to fill in
	Was   any // what the column had when the event was recorded; nil: nothing
}

// Fill makes a handler that fills a column of a table of yours in the background: for each event a job, of the task "derive.fill." and the name, calls f, which may ask other services, and sets the column
// if it is empty (NULL or ”), or as it was at the event (Was). A value that a person has put there meanwhile is never overwritten: it is one UPDATE that compares and sets.
// What a column has is compared as the text that the database makes of it. A replay asks again for events whose jobs are kept no more. Table, key and column are names; a table may have a schema.
func Fill[T Fact](name, table, key, column string, f func(ctx context.Context, e Event[T]) (Filling, error), opts ...HandlerOption) Option {
	if f == nil {
		return refuse(name)
	}
	return func(e *Events) error {
		for field, name := range map[string]string{"table": table, "key": key, "column": column} {
			if !isName.MatchString(name) || field != "table" && strings.Contains(name, ".") {
				return &offload.InputError{Field: field, Got: short(name), Want: "a name of letters, digits and _, such as orders"}
			}
		}
		e.looks = append(e.looks, func(ctx context.Context, db *sql.DB) error {
			if err := tables.Have(ctx, db, table, key, column); err != nil {
				return fmt.Errorf("Fill %s: %w", name, err)
			}
			return nil
		})
		var h handler
		for _, o := range opts {
			if o != nil {
				o(&h)
			}
		}
		c := filler{
			empty: fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE %s = $2 AND (%[2]s IS NULL OR CAST(%[2]s AS text) = '')`, quoted(table), quoted(column), quoted(key)),
			was:   fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE %s = $2 AND (%[2]s IS NULL OR CAST(%[2]s AS text) = '' OR CAST(%[2]s AS text) = $3)`, quoted(table), quoted(column), quoted(key)),
		}
		task := offload.Declare[filled[T]]("derive.fill."+name, h.opts...)
		err := OnMany(name, func(ctx context.Context, tx *sql.Tx, all []Event[T]) error {
			calls := make([]*offload.Call, len(all))
			for i := range all {
				calls[i] = task.Call(filled[T]{all[i].Seq, all[i].At, all[i].Value}, offload.WithID(idOf(name, all[i].Seq, all[i].At)))
			}
			return e.enqueueIn(ctx, tx, calls)
		}, opts...)(e)
		if err != nil {
			return err
		}
		e.handlers[name].jobs = append(e.handlers[name].jobs, task.Handle(func(ctx context.Context, in filled[T]) error {
			filling, err := f(ctx, Event[T](in))
			if err != nil || filling.Value == nil {
				return err
			}
			return c.fill(ctx, e.db, filling)
		}))
		return nil
	}
}

// A filled is the input of a job that fills.
type filled[T Fact] struct {
	Seq   int64     `json:"seq"`
	At    time.Time `json:"at"`
	Value T         `json:"value"`
}

var isName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$`)

func quoted(name string) string { return `"` + strings.ReplaceAll(name, ".", `"."`) + `"` }

// A filler has the statements that fill a column.
type filler struct{ empty, was string }

func (c *filler) fill(ctx context.Context, db *sql.DB, f Filling) error {
	query, args := c.empty, []any{f.Value, f.ID}
	if f.Was != nil {
		query, args = c.was, append(args, fmt.Sprint(f.Was))
	}
	if _, err := db.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	return nil
}

// enqueueIn enqueues jobs, whose ids are those of their events, so that there is one however often. On SQLite the transaction is the only one that may write to the file: where the jobs are in it they are
// enqueued in it. On PostgreSQL they are enqueued before it commits: what they are about was committed before.
func (e *Events) enqueueIn(ctx context.Context, tx *sql.Tx, calls []*offload.Call) error {
	app := offload.AppOf(ctx)
	if e.sql.number == "" {
		var other *offload.InputError
		_, err := app.Tx(tx).Enqueue(ctx, calls...)
		if !errors.As(err, &other) || other.Field != "Tx" {
			return err
		}
	}
	_, err := app.Enqueue(ctx, calls...)
	return err
}

// idOf is the id of the job of an event: a UUID of version 7, of the event's time.
func idOf(handler string, seq int64, at time.Time) offload.ID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", handler, seq))
	ms := uint64(max(at.UnixMilli(), 0))
	for i := range 6 {
		sum[i] = byte(ms >> (40 - 8*i))
	}
	sum[6] = sum[6]&0x0f | 0x70
	sum[8] = sum[8]&0x3f | 0x80
	id, err := offload.ParseID(fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
	if err != nil {
		return offload.NewID() // never: it is one
	}
	return id
}
