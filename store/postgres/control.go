package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// within calls f with a transaction on the user's pool, and commits it.
func (s *Store) within(ctx context.Context, doing string, f func(ctx context.Context, tx pgx.Tx) error) error {
	return s.onPool(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, s.sql.planner); err != nil {
				return err
			}
			return f(ctx, tx)
		})
	})
}

// Control is that of store.Operator.
func (s *Store) Control(ctx context.Context, c store.Control) error {
	err := s.within(ctx, "control", func(ctx context.Context, tx pgx.Tx) error {
		what, err := s.control(ctx, tx, c)
		if err != nil || c.Who == "" {
			return err
		}
		return s.record(ctx, pgxTx{tx}, store.Record{ID: store.NewID(), Who: c.Who, What: what})
	})
	if err == nil {
		s.wake(ctx, []store.Wake{anything})
	}
	return err
}

// control does what c says and returns it in words.
func (s *Store) control(ctx context.Context, tx pgx.Tx, c store.Control) (what string, err error) {
	switch {
	case c.PauseQueue != "":
		_, err = tx.Exec(ctx, s.sql.pauseQueue, c.PauseQueue, true)
		return "pause queue " + c.PauseQueue, err
	case c.ResumeQueue != "":
		_, err = tx.Exec(ctx, s.sql.pauseQueue, c.ResumeQueue, false)
		return "resume queue " + c.ResumeQueue, err
	case c.PauseTask != "":
		_, err = tx.Exec(ctx, s.sql.pauseTask, c.PauseTask, true)
		return "pause task " + c.PauseTask, err
	case c.ResumeTask != "":
		_, err = tx.Exec(ctx, s.sql.pauseTask, c.ResumeTask, false)
		return "resume task " + c.ResumeTask, err
	}
	id, told := c.QuietProcess, "quiet"
	if id.IsZero() {
		id, told = c.StopProcess, "stop"
	}
	if id.IsZero() {
		return "", badCall{errors.New("nothing to do")}
	}
	var label string
	err = tx.QueryRow(ctx, s.sql.tell, [16]byte(id), told).Scan(&label)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("%s process %s: %w", told, id, store.ErrNotFound)
	}
	return fmt.Sprintf("%s process %s", told, label), err
}

// PutRecord is that of store.Operator.
func (s *Store) PutRecord(ctx context.Context, r store.Record) error {
	return s.within(ctx, "keep a record", func(ctx context.Context, tx pgx.Tx) error {
		return s.record(ctx, pgxTx{tx}, r)
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
	return s.within(ctx, "register tasks", func(ctx context.Context, tx pgx.Tx) error {
		b := &pgx.Batch{}
		for _, t := range sorted {
			b.Queue(s.sql.register, t.Name, t.Queue, t.Rules, t.Schema)
		}
		return tx.SendBatch(ctx, b).Close()
	})
}
