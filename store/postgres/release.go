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
	return s.park(ctx, process, suspect, "", fences)
}

// ParkFor is that of store.Worker.
func (s *Store) ParkFor(ctx context.Context, process store.ID, need string, fences []store.Fence) error {
	return s.park(ctx, process, false, need, fences)
}

func (s *Store) park(ctx context.Context, process store.ID, suspect bool, need string, fences []store.Fence) error {
	wakes, err := s.giveBack(ctx, "park jobs", s.sql.park, process, fences, suspect, need)
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
	var left *leaving
	err = s.onEngine(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		return s.transactEngine(ctx, conn, func(w *work) error {
			var parked [][16]byte
			wakes, left = nil, &leaving{marked: true}
			err := w.send(ctx, query{sql: sql, args: args, row: func(scan func(...any) error) error {
				var wake store.Wake
				var id, task *string
				var terms []byte
				var cancelled bool
				if err := scan(&wake.Queue, &wake.Priority, &id, &task, &terms, &cancelled); err != nil {
					return err
				}
				if id == nil {
					wakes = append(wakes, wake)
					return nil
				}
				if cancelled {
					return left.read(*id, *task, terms, nil)
				}
				one, err := store.ParseID(*id)
				if err != nil {
					return err
				}
				t, err := decodeTerms(*task, terms)
				left.wait(one, t)
				parked = append(parked, one)
				return err
			}}.step())
			if err != nil {
				return err
			}
			steps := stepsOf(left.queries(s.sql))
			if len(parked) > 0 {
				steps = append(steps, step{sql: s.sql.expiryAnew, args: []any{parked}})
			}
			return w.commit(ctx, steps...)
		})
	})
	if err == nil {
		s.soon(ctx, left)
	}
	return wakes, err
}
