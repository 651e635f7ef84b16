package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// TakeDuty is that of store.Duties.
func (s *Store) TakeDuty(ctx context.Context, name string, every time.Duration) (mine bool, err error) {
	err = s.onEngine(ctx, "take duty "+name, func(ctx context.Context, conn *pgx.Conn) error {
		mine = false
		return s.engineTrip(ctx, conn, step{
			sql: s.sql.takeDuty, args: []any{name, every.Microseconds()},
			rows: func(rows pgx.Rows) error {
				for rows.Next() {
					mine = true
				}
				return rows.Err()
			},
		})
	})
	return mine, err
}

// Numbers of a walk through done.
const (
	pruneChunk = 2000            // rows of one statement
	pruneTime  = 5 * time.Second // of one call; the next one goes on
)

// Prune is that of store.Duties. It walks through done by id, from where the last call has
// come to, and round: an index by the time that jobs are kept would cost each finish more than
// the walk costs in all.
func (s *Store) Prune(ctx context.Context, most int) (removed int, err error) {
	if err := s.pruneSides(ctx); err != nil {
		return 0, err
	}
	if err := s.heal(ctx); err != nil {
		return 0, err
	}
	from, err := s.walked(ctx)
	if err != nil {
		return 0, err
	}
	at, round := from, false
	for began := time.Now(); removed < most; {
		w, err := s.pruneSome(ctx, at, min(most-removed, pruneChunk))
		if err != nil {
			return removed, err
		}
		removed += w.removed
		at = w.last
		if w.rows < pruneChunk && !w.cut { // the end; go on at the beginning
			if round || from.IsZero() {
				break
			}
			at, round = store.ID{}, true
		} else if round && at.Compare(from) >= 0 {
			break
		}
		if time.Since(began) > pruneTime {
			break
		}
	}
	return removed, nil
}

// A walk is one step through done.
type walk struct {
	removed int      // jobs, not ids that were only kept
	rows    int      // looked at
	cut     bool     // it stopped at the limit
	last    store.ID // where it has come to
}

// pruneSome removes some of what follows an id, and remembers where it has come to.
func (s *Store) pruneSome(ctx context.Context, after store.ID, most int) (w walk, err error) {
	err = s.onPool(ctx, "remove old jobs", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(t *work) error {
			w = walk{last: after}
			err := t.send(ctx, step{
				sql: s.sql.prune, args: []any{[16]byte(after), pruneChunk, most},
				rows: func(rows pgx.Rows) error {
					for rows.Next() {
						var last *[16]byte
						if err := rows.Scan(&w.removed, &w.rows, &w.cut, &last); err != nil {
							return err
						}
						if last != nil {
							w.last = *last
						}
					}
					return rows.Err()
				},
			})
			if err != nil {
				return err
			}
			next := w.last
			if w.rows < pruneChunk && !w.cut {
				next = store.ID{}
			}
			return t.commit(ctx, step{sql: s.sql.walkTo, args: []any{[16]byte(next)}})
		})
	})
	return w, err
}

// walked returns where the last call has come to.
func (s *Store) walked(ctx context.Context) (last store.ID, err error) {
	err = s.ask(ctx, "remove old jobs", s.sql.walked, nil, func(rows pgx.Rows) error {
		for rows.Next() {
			var id *[16]byte
			if err := rows.Scan(&id); err != nil {
				return err
			}
			if id != nil {
				last = *id
			}
		}
		return rows.Err()
	})
	return last, err
}

// pruneSides removes what else has had its time, and adds up figures of past minutes.
func (s *Store) pruneSides(ctx context.Context) error {
	return s.onPool(ctx, "remove what is old", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			return w.commit(ctx,
				step{sql: s.sql.pruneFigures, args: []any{store.RetainFigures.Microseconds()}},
				step{sql: s.sql.pruneFigureHours, args: []any{store.RetainFigures.Microseconds()}},
				step{sql: s.sql.pruneDocuments, args: []any{}},
				step{sql: s.sql.pruneRecords, args: []any{store.RetainActs.Microseconds()}},
				step{sql: s.sql.pruneTasks, args: []any{store.RetainTasks.Microseconds()}},
				step{sql: s.sql.pruneCrashes, args: []any{store.CrashMemory.Microseconds()}},
				step{sql: s.sql.pruneErrors, args: []any{store.RetainErrors.Microseconds(), store.RetainErrorHours.Microseconds()}},
				step{sql: s.sql.pruneUniques, args: []any{}},
				step{sql: s.sql.pruneInbox, args: []any{store.RetainEnded.Microseconds()}},
				step{sql: s.sql.pruneTurns, args: []any{store.TurnBase.Microseconds()}},
				step{sql: s.sql.mergeFigures, args: []any{}},
				step{sql: s.sql.foldFigures, args: []any{store.FiguresByMinute.Microseconds()}},
			)
		})
	})
}

// countSpan is how many minutes one transaction counts at most.
const countSpan = 30 * time.Minute

// CountEnqueued is that of store.Duties.
func (s *Store) CountEnqueued(ctx context.Context) error {
	for {
		done, err := s.countSome(ctx)
		if done || err != nil {
			return err
		}
	}
}

// countSome counts some minutes, and remembers until when.
func (s *Store) countSome(ctx context.Context) (done bool, err error) {
	err = s.onPool(ctx, "count enqueues", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			var from, until time.Time
			err := w.send(ctx, step{sql: s.sql.countedBegin, args: []any{}}, step{sql: s.sql.counted, args: []any{}, rows: func(rows pgx.Rows) error {
				for rows.Next() {
					if err := rows.Scan(&from, &until); err != nil {
						return err
					}
				}
				return rows.Err()
			}})
			if err != nil {
				return err
			}
			if from.IsZero() {
				return badCall{errors.New("store/postgres: where counting has come to is not stored")}
			}
			done = true
			if span := from.Add(countSpan); span.Before(until) {
				until, done = span, false
			}
			return w.commit(ctx, step{sql: s.sql.countEnqueued, args: []any{
				[16]byte(store.IDAt(from)), [16]byte(store.IDAt(until)), until,
			}})
		})
	})
	return done, err
}
