package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

const putDocumentSQL = `REPLACE INTO offload_document (kind, key, version, at, expires_at, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`

// PutDocument is that of store.Documents. A version is the time of the write, or one more than the last.
func (s *Store) PutDocument(ctx context.Context, d store.Document, want int64, keep time.Duration) (put store.Document, err error) {
	err = s.write(ctx, "keep a document", func(t *txn) error {
		last, version, err := t.versionOf(d.Kind, d.Key)
		if err != nil {
			return err
		}
		if want != store.AnyVersion && version != want {
			return fmt.Errorf("%s %q: %w", d.Kind, d.Key, store.ErrStale)
		}
		put = d
		put.Version, put.At, put.Expires = max(t.now, last+1), t.time(), time.Time{}
		if keep > 0 {
			put.Expires = put.At.Add(keep)
		}
		_, err = t.exec(putDocumentSQL, d.Kind, d.Key, put.Version, t.now, microOrNull(put.Expires), orEmpty(d.Value))
		return err
	})
	return put, err
}

// versionOf is the last version of a document, and the one that it has now, 0 if there is none.
func (t *txn) versionOf(kind, key string) (last, version int64, err error) {
	var there bool
	_, err = one(t, []any{&last, &there}, "SELECT version, expires_at IS NULL OR expires_at > ?3 FROM offload_document WHERE kind = ?1 AND key = ?2",
		kind, key, t.now)
	if there {
		version = last
	}
	return last, version, err
}

// orEmpty is a value that is not NULL.
func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Documents is that of store.Documents.
func (s *Store) Documents(ctx context.Context, kind, after string, most int, keys ...string) (all []store.Document, err error) {
	err = s.ask(ctx, "read documents", func(q *snapshots) (err error) {
		if len(keys) > 0 {
			all, err = q.documents(`SELECT kind, key, version, at, expires_at, value FROM offload_document
				WHERE kind = ?1 AND key IN (SELECT value FROM json_each(?2)) AND (expires_at IS NULL OR expires_at > ?3) ORDER BY key`, kind, listOrNull(keys), q.now)
			return err
		}
		all, err = q.documents(`SELECT kind, key, version, at, expires_at, value FROM offload_document
			WHERE kind = ?1 AND key > ?2 AND (expires_at IS NULL OR expires_at > ?3) ORDER BY key LIMIT ?4`, kind, after, q.now, most)
		return err
	})
	return all, err
}

func (t *txn) documents(query string, args ...any) (all []store.Document, err error) {
	err = each(t, func(rows *sql.Rows) error {
		var d store.Document
		err := rows.Scan(&d.Kind, &d.Key, &d.Version, timeInto{&d.At}, timeInto{&d.Expires}, &d.Value)
		all = append(all, d)
		return err
	}, query, args...)
	return all, err
}

// DeleteDocument is that of store.Documents.
func (s *Store) DeleteDocument(ctx context.Context, kind, key string, want int64) error {
	return s.write(ctx, "delete a document", func(t *txn) error {
		_, version, err := t.versionOf(kind, key)
		if err != nil {
			return err
		}
		if want != store.AnyVersion && version != 0 && version != want {
			return fmt.Errorf("%s %q: %w", kind, key, store.ErrStale)
		}
		_, err = t.exec("DELETE FROM offload_document WHERE kind = ?1 AND key = ?2", kind, key)
		return err
	})
}
