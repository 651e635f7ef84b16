package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Reap is that of store.Member.
func (s *Store) Reap(ctx context.Context, lost []store.Beaten) (store.Reaped, error) {
	var r store.Reaped
	for waited := 0; ; {
		some, stray, wakes, err := s.reapSome(ctx, lost)
		if err != nil {
			return r, err
		}
		lost = nil // they are judged; what is left to move is found by its state
		r.Processes += some.Processes
		r.Released += some.Released
		r.Suspects += some.Suspects
		r.Discarded += some.Discarded
		r.Cancelled += some.Cancelled
		s.wake(ctx, wakes)
		if some.Released+some.Suspects+some.Discarded+some.Cancelled < store.MaxReapAtATime {
			if waited++; !stray || waited == tries {
				break
			}
			pause(ctx, waited) // a transaction that its process has left open has not been rolled back yet
		}
	}
	return r, s.bury(ctx)
}

// reapSome judges processes and moves leases of processes that are not there or lost, in one
// transaction: the process rows are locked first, which waits for claims under way, and the
// leases looked at in the next statement, which sees what those claimed. stray says that some are
// left, which somebody has locked.
func (s *Store) reapSome(ctx context.Context, lost []store.Beaten) (r store.Reaped, stray bool, wakes []store.Wake, err error) {
	ids, counts := make([][16]byte, len(lost)), make([]int64, len(lost))
	for i, b := range lost {
		ids[i], counts[i] = b.ID, b.Count
	}
	var left *leaving
	err = s.onEngine(ctx, "reap lost processes", func(ctx context.Context, conn *pgx.Conn) error {
		r, wakes, left = store.Reaped{}, nil, &leaving{}
		return s.transactEngine(ctx, conn, func(w *work) error {
			if len(lost) > 0 {
				err := w.send(ctx,
					step{sql: s.sql.judge, args: []any{ids, counts}},
					step{sql: s.sql.condemn, args: []any{ids, counts, true, store.LostKind, store.LostKept.Microseconds()}, rows: func(rows pgx.Rows) error {
						for rows.Next() {
							r.Processes++
						}
						return rows.Err()
					}},
				)
				if err != nil {
					return err
				}
			}
			err := w.send(ctx, query{
				sql:  s.sql.reap,
				args: []any{store.MaxReapAtATime, store.RetainEnded.Microseconds(), store.RetainGaveUp.Microseconds(), store.SuspectDelay.Microseconds()},
				row:  readFate(&r, &wakes, left),
			}.step())
			if err != nil {
				return err
			}
			left.marked = r.Cancelled+r.Discarded > 0
			steps := append(stepsOf(left.queries(s.sql)), query{
				sql: s.sql.stray, row: func(scan func(...any) error) error { return scan(&stray) },
			}.step())
			return w.commit(ctx, steps...)
		})
	})
	if err == nil {
		s.soon(ctx, left)
	}
	return r, stray, wakes, err
}

// readFate reads how many leases went where, and which jobs with terms have ended.
func readFate(r *store.Reaped, wakes *[]store.Wake, left *leaving) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var fate string
		var n int
		var w store.Wake
		var id, task *string
		var text []byte
		if err := scan(&fate, &w.Queue, &w.Priority, &n, &id, &task, &text); err != nil {
			return err
		}
		if id != nil {
			one, err := store.ParseID(*id)
			if err != nil {
				return err
			}
			t, err := decodeTerms(*task, text)
			left.end(one, *task, t, fate == "discarded")
			return err
		}
		switch fate {
		case "cancelled":
			r.Cancelled += n
		case "discarded":
			r.Discarded += n
		case "suspect":
			r.Suspects += n
			*wakes = append(*wakes, w)
		default:
			r.Released += n
			*wakes = append(*wakes, w)
		}
		return nil
	}
}

// bury removes the rows of lost processes of which nothing is left.
func (s *Store) bury(ctx context.Context) error {
	return s.onEngine(ctx, "remove lost processes", func(ctx context.Context, conn *pgx.Conn) error {
		return s.engineTrip(ctx, conn, step{sql: s.sql.bury})
	})
}

// sweep cancels jobs whose signal came just too late.
func (s *Store) sweep(ctx context.Context) error {
	var left *leaving
	err := s.onEngine(ctx, "cancel what was signalled", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transactEngine(ctx, conn, func(w *work) error {
			left = &leaving{}
			err := w.send(ctx, query{
				sql: s.sql.sweep, args: []any{store.RetainEnded.Microseconds()},
				row: func(scan func(...any) error) error {
					var id, task string
					var text []byte
					var at *string
					if err := scan(&id, &task, &text, &at); err != nil {
						return err
					}
					return left.read(id, task, text, at)
				},
			}.step())
			if err != nil {
				return err
			}
			left.marked = true
			return w.commit(ctx, stepsOf(left.queries(s.sql))...)
		})
	})
	if err == nil {
		s.soon(ctx, left)
	}
	return err
}

// Leave is that of store.Member. The process is marked lost first, so that no claim of its own
// that is still under way can come after what is released here.
func (s *Store) Leave(ctx context.Context, process store.ID) error {
	err := s.onEngine(ctx, "leave", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transactEngine(ctx, conn, func(w *work) error {
			ids, counts := [][16]byte{process}, []int64{-1}
			return w.commit(ctx,
				step{sql: s.sql.judge, args: []any{ids, counts}},
				step{sql: s.sql.condemn, args: []any{ids, counts, false, store.LostKind, store.LostKept.Microseconds()}},
			)
		})
	})
	if err != nil {
		return err
	}
	for {
		fences, err := s.leasesOf(ctx, process)
		if err != nil {
			return err
		}
		if len(fences) == 0 {
			return s.bury(ctx)
		}
		if err := s.Release(ctx, process, fences); err != nil {
			return err
		}
	}
}

// leasesOf returns some of the leases that a process holds.
func (s *Store) leasesOf(ctx context.Context, process store.ID) (fences []store.Fence, err error) {
	err = s.onEngine(ctx, "look for leases", func(ctx context.Context, conn *pgx.Conn) error {
		fences = nil
		return s.engineTrip(ctx, conn, step{
			sql: s.sql.leasesOf, args: []any{[16]byte(process), store.MaxReapAtATime},
			rows: func(rows pgx.Rows) error {
				for rows.Next() {
					var id [16]byte
					var attempt int
					if err := rows.Scan(&id, &attempt); err != nil {
						return err
					}
					fences = append(fences, store.Fence{ID: id, Attempt: attempt})
				}
				return rows.Err()
			},
		})
	})
	return fences, err
}
