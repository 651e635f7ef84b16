package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Rewrite is that of store.Texts. Each text is a transaction of its own, so that none is held up by
// another.
func (s *Store) Rewrite(ctx context.Context, texts []store.Text) (n int, err error) {
	for _, t := range texts {
		var changed int
		args := []any{[16]byte(t.ID), string(t.Kind), bytesOf(t.Old), bytesOf(t.New), t.Name, t.Seq}
		err := s.ask(ctx, "rewrite texts", s.sql.rewrite, args, func(rows pgx.Rows) error {
			changed = 0
			return eachRow(func(scan func(...any) error) error { return scan(&changed) })(rows)
		})
		if err != nil {
			return n, err
		}
		n += changed
	}
	return n, nil
}

// Forget is that of store.Texts. The server takes dead rows away by itself (autovacuum), and keeps
// what it writes ahead, and its backups, as it was told to: that is not in the power of a client.
func (s *Store) Forget(ctx context.Context) error { return ctx.Err() }
