package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

type documentKey struct{ kind, key string }

// document is the one of a key, if it has not expired.
func (s *Store) document(k documentKey, now time.Time) (d store.Document, there bool) {
	d, there = s.documents[k]
	if !there || !d.Expires.IsZero() && !d.Expires.After(now) {
		return store.Document{}, false
	}
	return d, true
}

// PutDocument is that of store.Documents.
func (s *Store) PutDocument(ctx context.Context, d store.Document, want int64, keep time.Duration) (put store.Document, err error) {
	err = s.do(ctx, func(now time.Time) error {
		k := documentKey{d.Kind, d.Key}
		if old, _ := s.document(k, now); want != store.AnyVersion && old.Version != want {
			return fmt.Errorf("keep document %s %q: %w", d.Kind, d.Key, store.ErrStale)
		}
		put = d
		put.Value, put.At, put.Expires = bytes.Clone(d.Value), now, time.Time{}
		if keep > 0 {
			put.Expires = now.Add(keep)
		}
		s.documented++
		put.Version = s.documented
		s.documents[k] = put
		return nil
	})
	return put, err
}

// Documents is that of store.Documents.
func (s *Store) Documents(ctx context.Context, kind, after string, most int, keys ...string) (all []store.Document, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for _, k := range slices.SortedFunc(maps.Keys(s.documents), documentKey.compare) {
			d, there := s.document(k, now)
			if !there || k.kind != kind || len(keys) > 0 && !slices.Contains(keys, k.key) ||
				len(keys) == 0 && (k.key <= after || len(all) >= most) {
				continue
			}
			d.Value = bytes.Clone(d.Value)
			all = append(all, d)
		}
		return nil
	})
	return all, err
}

func (k documentKey) compare(o documentKey) int {
	return cmp.Or(cmp.Compare(k.kind, o.kind), cmp.Compare(k.key, o.key))
}

// DeleteDocument is that of store.Documents.
func (s *Store) DeleteDocument(ctx context.Context, kind, key string, want int64) error {
	return s.do(ctx, func(now time.Time) error {
		k := documentKey{kind, key}
		if d, there := s.document(k, now); there && want != store.AnyVersion && d.Version != want {
			return fmt.Errorf("delete document %s %q: %w", kind, key, store.ErrStale)
		}
		delete(s.documents, k)
		return nil
	})
}
