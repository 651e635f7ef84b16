package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// PutDocument is that of store.Documents. A version is the time of the write, or one more than the last.
func (s *Store) PutDocument(ctx context.Context, d store.Document, want int64, keep time.Duration) (put store.Document, err error) {
	sql, last := s.sql.documentSwap, any(want)
	if want == store.AnyVersion || want == store.NoVersion {
		sql, last = s.sql.documentPut, want == store.AnyVersion
	}
	err = s.within(ctx, "keep a document", func(ctx context.Context, tx ownTx) error {
		put = d
		put.Version, put.Expires = 0, time.Time{}
		err := each(ctx, tx, sql, []any{d.Kind, d.Key, bytesOf(d.Value), int64((keep + time.Microsecond - 1) / time.Microsecond), last}, func(scan func(...any) error) error {
			var expires *time.Time
			err := scan(&put.Version, &put.At, &expires)
			put.Expires = timeOf(expires)
			return err
		})
		if err == nil && put.Version == 0 {
			err = badCall{fmt.Errorf("%s %q: %w", d.Kind, d.Key, store.ErrStale)}
		}
		return err
	})
	return put, err
}

// Documents is that of store.Documents.
func (s *Store) Documents(ctx context.Context, kind, after string, most int, keys ...string) ([]store.Document, error) {
	if len(keys) > 0 {
		return s.documents(ctx, kind, keys, nil, nil)
	}
	return s.documents(ctx, kind, nil, after, most)
}

func (s *Store) documents(ctx context.Context, args ...any) (all []store.Document, err error) {
	err = s.ask(ctx, "read documents", s.sql.documents, args, func(rows pgx.Rows) error {
		all = nil
		for rows.Next() {
			var d store.Document
			var expires *time.Time
			if err := rows.Scan(&d.Kind, &d.Key, &d.Version, &d.At, &expires, &d.Value); err != nil {
				return err
			}
			d.Expires = timeOf(expires)
			all = append(all, d)
		}
		return rows.Err()
	})
	return all, err
}

// DeleteDocument is that of store.Documents.
func (s *Store) DeleteDocument(ctx context.Context, kind, key string, want int64) error {
	return s.within(ctx, "delete a document", func(ctx context.Context, tx ownTx) error {
		return each(ctx, tx, s.sql.documentDrop, []any{kind, key, want}, func(scan func(...any) error) error {
			var stale bool
			if err := scan(&stale); err != nil {
				return err
			}
			if stale {
				return badCall{fmt.Errorf("%s %q: %w", kind, key, store.ErrStale)}
			}
			return nil
		})
	})
}
