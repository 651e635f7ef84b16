package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	keepExpirySQL   = "INSERT INTO offload_expiry (at, id) "
	forgetExpirySQL = "DELETE FROM offload_expiry WHERE (at, id) IN ("
)

var (
	keepExpiries   = withRows(keepExpirySQL, 2, " ON CONFLICT DO NOTHING")
	forgetExpiries = withRows(forgetExpirySQL, 2, ")")
)

// expiryAt is when a job expires that is due at a time and does not begin.
func expiryAt(runAt int64, expire time.Duration) int64 { return runAt + micros(expire) }

// expiry keeps when a job expires that waits and has not begun, or forgets it.
func (t *txn) expiry(r *row, stmts *[insertRows + 1]string) error {
	a, err := t.askedOf(r)
	if err != nil || a.terms == nil {
		return err
	}
	return t.execRows(stmts, 2, []any{expiryAt(r.runAt, a.terms.Expire), r.id[:]})
}

// Expire is that of store.Gates.
func (s *Store) Expire(ctx context.Context, most int) (expired int, err error) {
	err = s.write(ctx, "expire jobs", func(t *txn) error {
		expired = 0
		due, err := t.expiries(most)
		if err != nil {
			return err
		}
		for _, e := range due {
			r, err := t.find(e.id)
			if err != nil {
				return err
			}
			if err := t.execRows(&forgetExpiries, 2, []any{e.at, e.id[:]}); err != nil {
				return err
			}
			expires, err := t.expires(&r)
			if err != nil {
				return err
			}
			if !r.fresh() || r.uses&usesExpires == 0 || expires == 0 || expires > t.now { // a program that knows nothing of expiries was here
				continue
			}
			if err := t.take(&r); err != nil {
				return err
			}
			if err := t.putDone(&r, stateExpired); err != nil {
				return err
			}
			expired++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return expired, nil
}

// expires is when a job expires that has not begun by then; 0 is never.
func (t *txn) expires(r *row) (int64, error) {
	if r.at == inLease || r.at == inBlocked && r.waits >= waitsAfter || r.uses&usesBegun != 0 || r.uses&usesTerms == 0 {
		return 0, nil
	}
	a, err := t.askedOf(r)
	if err != nil || a.terms == nil || a.terms.Expire <= 0 {
		return 0, err
	}
	return expiryAt(r.runAt, a.terms.Expire), nil
}

// An expiry is when a job expires.
type expiry struct {
	at int64
	id store.ID
}

func (t *txn) expiries(most int) (due []expiry, err error) {
	err = each(t, func(rows *sql.Rows) error {
		var e expiry
		err := rows.Scan(&e.at, idInto{&e.id})
		due = append(due, e)
		return err
	}, "SELECT at, id FROM offload_expiry WHERE at <= ?1 ORDER BY at, id LIMIT ?2", t.now, most)
	return due, err
}
