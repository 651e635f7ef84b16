package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offloadhq/offload/store"
)

// within calls f with a transaction on the user's pool, and commits it.
func (s *Store) within(ctx context.Context, doing string, f func(ctx context.Context, tx ownTx) error) error {
	return s.withinOf(ctx, s.pool, doing, f)
}

// withinOf is within on a connection of any pool.
func (s *Store) withinOf(ctx context.Context, pool *pgxpool.Pool, doing string, f func(ctx context.Context, tx ownTx) error) error {
	return s.on(ctx, pool, callTime, doing, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			own := ownTx{tx}
			if err := own.exec(ctx, s.sql.planner); err != nil {
				return err
			}
			return f(ctx, own)
		})
	})
}

// Control is that of store.Operator.
func (s *Store) Control(ctx context.Context, c store.Control) error {
	err := s.within(ctx, "control", func(ctx context.Context, tx ownTx) error {
		what, err := s.control(ctx, tx, c)
		if err != nil || c.Who == "" {
			return err
		}
		return s.record(ctx, tx, store.Record{ID: store.NewID(), Who: c.Who, What: what})
	})
	if err == nil {
		s.admitSoon(ctx, cmp.Or(c.SetLimit, c.ResetLimit, c.PauseLimit.Limit, c.SkipLimit.Limit) != "")
		s.wake(ctx, []store.Wake{anything})
	}
	return err
}

// control does what c says and returns it in words.
func (s *Store) control(ctx context.Context, tx ownTx, c store.Control) (what string, err error) {
	switch {
	case c.PauseQueue != "":
		return "pause queue " + c.PauseQueue, tx.exec(ctx, s.sql.pauseQueue, c.PauseQueue, true)
	case c.ResumeQueue != "":
		return "resume queue " + c.ResumeQueue, tx.exec(ctx, s.sql.pauseQueue, c.ResumeQueue, false)
	case c.PauseTask != "":
		return "pause task " + c.PauseTask, tx.exec(ctx, s.sql.pauseTask, c.PauseTask, true)
	case c.ResumeTask != "":
		return "resume task " + c.ResumeTask, tx.exec(ctx, s.sql.pauseTask, c.ResumeTask, false)
	case c.SetWorkers != "":
		return fmt.Sprintf("set workers of queue %s to %d", c.SetWorkers, c.Workers), tx.exec(ctx, s.sql.setWorkers, c.SetWorkers, c.Workers)
	case c.ResetWorkers != "":
		return "reset workers of queue " + c.ResetWorkers, tx.exec(ctx, s.sql.setWorkers, c.ResetWorkers, nil)
	case c.SetError != "":
		return s.setError(ctx, tx, c.SetError, c.Status)
	case c.PauseSchedule != "" || c.ResumeSchedule != "":
		return s.controlSchedule(ctx, tx, c)
	case cmp.Or(c.SetLimit, c.ResetLimit, c.PauseLimit.Limit, c.SkipLimit.Limit) != "":
		return s.controlLimit(ctx, tx, c)
	}
	id, told := c.QuietProcess, "quiet"
	if id.IsZero() {
		id, told = c.StopProcess, "stop"
	}
	if id.IsZero() {
		return "", badCall{errors.New("nothing to do")}
	}
	label, there := "", false
	err = each(ctx, tx, s.sql.tell, []any{[16]byte(id), told}, func(scan func(...any) error) error {
		there = true
		return scan(&label)
	})
	if err == nil && !there {
		err = store.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("%s process %s: %w", told, id, err)
	}
	return fmt.Sprintf("%s process %s", told, label), nil
}

// PutRecord is that of store.Operator.
func (s *Store) PutRecord(ctx context.Context, r store.Record) error {
	return s.within(ctx, "keep a record", func(ctx context.Context, tx ownTx) error {
		return s.record(ctx, tx, r)
	})
}

// Records is that of store.Operator.
func (s *Store) Records(ctx context.Context, since time.Time) (records []store.Record, err error) {
	if since.Before(never) {
		since = never
	}
	err = s.ask(ctx, "read records", s.sql.records, []any{since}, func(rows pgx.Rows) error {
		records = nil
		for rows.Next() {
			var r store.Record
			var id [16]byte
			var job *[16]byte
			if err := rows.Scan(&id, &r.Time, &r.Who, &r.What, &r.Jobs, &r.Filter, &job); err != nil {
				return err
			}
			if r.ID = id; job != nil {
				r.Job = *job
			}
			records = append(records, r)
		}
		return rows.Err()
	})
	return records, err
}

// RegisterTasks is that of store.Operator.
func (s *Store) RegisterTasks(ctx context.Context, tasks []store.Task) error {
	if len(tasks) == 0 {
		return nil
	}
	sorted := slices.Clone(tasks)
	slices.SortStableFunc(sorted, func(a, b store.Task) int { return cmp.Compare(a.Name, b.Name) })
	return s.onPool(ctx, "register tasks", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			steps := make([]step, len(sorted))
			for i, t := range sorted {
				steps[i] = step{sql: s.sql.register, args: []any{t.Name, t.Queue, t.Rules, t.Schema}}
			}
			return w.commit(ctx, steps...)
		})
	})
}
