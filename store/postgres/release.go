package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Release is that of store.Worker.
func (s *Store) Release(ctx context.Context, process store.ID, fences []store.Fence) error {
	return s.giveBack(ctx, "release jobs", s.sql.release, process, fences)
}

// Park is that of store.Worker.
func (s *Store) Park(ctx context.Context, process store.ID, suspect bool, fences []store.Fence) error {
	err := s.giveBack(ctx, "park jobs", s.sql.park, process, fences, suspect)
	if err == nil && len(fences) > 0 {
		s.wake(ctx, []store.Wake{anything}) // those who know their tasks are shown them
	}
	return err
}

// giveBack ends leases without an end of their attempts, and wakes who sleeps.
func (s *Store) giveBack(ctx context.Context, doing, sql string, process store.ID, fences []store.Fence, more ...any) error {
	if len(fences) == 0 {
		return nil
	}
	ids, attempts := fenceArgs(fences)
	args := append([]any{[16]byte(process), ids, attempts, store.RetainEnded.Microseconds()}, more...)
	var wakes []store.Wake
	err := s.onEngine(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		wakes = nil
		return s.engineTrip(ctx, conn, step{sql: sql, args: args, rows: readWakes(&wakes)})
	})
	if err == nil {
		s.wake(ctx, wakes)
	}
	return err
}

// readWakes reads queues and priorities.
func readWakes(wakes *[]store.Wake) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var w store.Wake
		for rows.Next() {
			if err := rows.Scan(&w.Queue, &w.Priority); err != nil {
				return err
			}
			*wakes = append(*wakes, w)
		}
		return rows.Err()
	}
}
