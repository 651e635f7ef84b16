package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Release is that of store.Worker.
func (s *Store) Release(ctx context.Context, process store.ID, fences []store.Fence) error {
	wakes, err := s.giveBack(ctx, "release jobs", s.sql.release, process, fences)
	s.wake(ctx, wakes)
	return err
}

// Park is that of store.Worker.
func (s *Store) Park(ctx context.Context, process store.ID, suspect bool, fences []store.Fence) error {
	wakes, err := s.giveBack(ctx, "park jobs", s.sql.park, process, fences, suspect)
	if len(wakes) > 0 {
		s.wake(ctx, []store.Wake{anything}) // those who know their tasks are shown them
	}
	return err
}

// giveBack ends leases without an end of their attempts, and returns where they came from.
func (s *Store) giveBack(ctx context.Context, doing, sql string, process store.ID, fences []store.Fence, more ...any) (wakes []store.Wake, err error) {
	if len(fences) == 0 {
		return nil, nil
	}
	ids, attempts := fenceArgs(fences)
	args := append([]any{[16]byte(process), ids, attempts, store.RetainEnded.Microseconds()}, more...)
	err = s.onEngine(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		wakes = nil
		return s.engineTrip(ctx, conn, step{sql: sql, args: args, rows: readWakes(&wakes)})
	})
	return wakes, err
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
