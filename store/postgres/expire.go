package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// expiresAt is when a job expires that was due at a time and has not begun; the zero time is never.
func expiresAt(t *store.Terms, runAt time.Time) time.Time {
	if t == nil || t.Expire == 0 {
		return time.Time{}
	}
	return runAt.Add(t.Expire)
}

// Expire is that of store.Gates.
func (s *Store) Expire(ctx context.Context, most int) (expired int, err error) {
	for most > 0 {
		some := min(most, admitAtATime)
		looked, n, err := s.expireSome(ctx, some)
		if err != nil {
			return expired, err
		}
		expired, most = expired+n, most-n
		if looked < some {
			break
		}
	}
	return expired, nil
}

// expireSome looks at some jobs that are out of time, and ends those that wait.
func (s *Store) expireSome(ctx context.Context, most int) (looked, expired int, err error) {
	var left *leaving
	err = s.onEngine(ctx, "end jobs that are out of time", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transactEngine(ctx, conn, func(w *work) error {
			looked, expired, left = 0, 0, &leaving{}
			err := w.send(ctx, query{
				sql: s.sql.expire, args: []any{most, store.RetainEnded.Microseconds()},
				row: func(scan func(...any) error) error {
					var id, task, at *string
					var text []byte
					if err := scan(&looked, &id, &task, &text, &at); err != nil || id == nil {
						return err
					}
					expired++
					return left.read(*id, *task, text, at)
				},
			}.step())
			if err != nil {
				return err
			}
			left.expiries = nil // they were forgotten with it
			left.marked = expired > 0
			return w.commit(ctx, stepsOf(left.queries(s.sql))...)
		})
	})
	if err == nil {
		s.soon(ctx, left)
	}
	return looked, expired, err
}
