// Package record keeps small documents in the database that the jobs are in: what a program or a kit must
// remember that is no job's, such as settings, endpoints, saved views.
//
//	views := record.Of[View](app, "shop.view")
//	view, err := views.Get(ctx, "ada/late")
//	view.Value.States = append(view.Value.States, offload.Expired)
//	err = views.Swap(ctx, &view) // or record.ErrStale, if somebody was faster
//
// Documents are kept as JSON, by kind and key. They are in backups and copies of the database, and erasing
// jobs does not reach them. Their secrets are not masked, and they are encrypted if their kind is Encrypted, and not else.
package record

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// ErrStale reports that a record is not what was read, and that nothing was written: get it
// again.
var ErrStale = store.ErrStale

// A Kind is the records of one kind. It is safe for concurrent use.
type Kind[T any] struct {
	app       *offload.App
	name      string
	encrypted bool
}

// Of returns the records of a kind. Its name is made like names of queues; one with a dot in it says whose it is.
func Of[T any](app *offload.App, kind string) *Kind[T] { return &Kind[T]{app: app, name: kind} }

// Encrypted is Of for what holds secrets: values are encrypted with the app's offload.Keys, bound to their kind and key. With an
// app that has no keys they are kept in the clear; and what was kept so is read as it is, and encrypted
// with its next write, or by operate.ReencryptAll, which encrypts these records anew as it does jobs. To read
// what is encrypted without its key is an offload.ErrUnknownKey; a handler that returns that has its job wait for
// a process with the key. Kinds and keys of records stay in the clear.
func Encrypted[T any](app *offload.App, kind string) *Kind[T] {
	return &Kind[T]{app: app, name: kind, encrypted: true}
}

// A Record is a value and what is known of it.
type Record[T any] struct {
	Key     string
	Value   T
	Version int64     // 0 is one that is not kept yet
	At      time.Time // when it was written
	Expires time.Time // zero: never
}

// An Option is one of Put and Swap.
type Option func(*options)

type options struct{ keep time.Duration }

// Expire lets a record go after d. The default is that it stays.
func Expire(d time.Duration) Option { return func(o *options) { o.keep = d } }

const (
	maxKey   = 512 // bytes
	listPage = 100
)

// Get returns a record, or offload.ErrNotFound.
func (k *Kind[T]) Get(ctx context.Context, key string) (Record[T], error) {
	s, err := k.store(key)
	if err != nil {
		return Record[T]{}, err
	}
	found, err := s.Documents(ctx, k.name, "", 1, key)
	if err != nil {
		return Record[T]{}, fmt.Errorf("offload: get record %s %q: %w", k.name, key, err)
	}
	if len(found) == 0 {
		return Record[T]{}, fmt.Errorf("record %s %q: %w", k.name, key, offload.ErrNotFound)
	}
	return k.read(&found[0])
}

// Put keeps a value under a key, whatever is there.
func (k *Kind[T]) Put(ctx context.Context, key string, value T, opts ...Option) (Record[T], error) {
	r := Record[T]{Key: key, Value: value}
	err := k.write(ctx, &r, store.AnyVersion, opts)
	return r, err
}

// Swap keeps a record in place of the one that was read, or with Version 0, where none is. If that is not so
// any more it is ErrStale. After an error that is temporary it may be so by its own doing.
func (k *Kind[T]) Swap(ctx context.Context, r *Record[T], opts ...Option) error {
	if r.Version < 0 {
		return &offload.InputError{Field: "Version", Got: r.Version, Want: "that of a record that was read, or 0"}
	}
	return k.write(ctx, r, r.Version, opts)
}

// Delete removes what is kept under a key. Nothing there is no error.
func (k *Kind[T]) Delete(ctx context.Context, key string) error {
	s, err := k.store(key)
	if err != nil {
		return err
	}
	if err := s.DeleteDocument(ctx, k.name, key, store.AnyVersion); err != nil {
		return fmt.Errorf("offload: delete record %s %q: %w", k.name, key, err)
	}
	return nil
}

// List returns all records whose key begins with prefix, by key, byte by byte.
func (k *Kind[T]) List(ctx context.Context, prefix string) ([]Record[T], error) {
	s, err := k.store("list")
	if err != nil {
		return nil, err
	}
	if !inside.IsText(prefix) || len(prefix) > maxKey {
		return nil, k.badKey(prefix)
	}
	var all []Record[T]
	page, err := s.Documents(ctx, k.name, "", 1, prefix) // what follows comes after it
	for after := prefix; ; {
		if err != nil {
			return nil, fmt.Errorf("offload: list records %s: %w", k.name, err)
		}
		for i := range page {
			if after = page[i].Key; !strings.HasPrefix(after, prefix) {
				return all, nil
			}
			r, err := k.read(&page[i])
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		if page, err = s.Documents(ctx, k.name, after, listPage); err == nil && len(page) == 0 {
			return all, nil
		}
	}
}

// write keeps a record over a version.
func (k *Kind[T]) write(ctx context.Context, r *Record[T], want int64, opts []Option) error {
	s, err := k.store(r.Key)
	if err != nil {
		return err
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if o.keep < 0 {
		return &offload.InputError{Field: "Expire", Got: o.keep, Want: "0 (never) or more"}
	}
	value, err := json.Marshal(r.Value)
	if err != nil {
		return fmt.Errorf("offload: encode record %s %q: %w", k.name, r.Key, err)
	}
	if k.encrypted {
		if value, err = k.seal(ctx, s, r.Key, value); err != nil {
			return fmt.Errorf("offload: encrypt record %s %q: %w", k.name, r.Key, err)
		}
	}
	if len(value) > store.MaxDocument {
		return &offload.InputError{Field: "Value", Got: fmt.Sprintf("%d bytes", len(value)), Want: fmt.Sprintf("at most %d bytes of JSON", store.MaxDocument)}
	}
	put, err := s.PutDocument(ctx, store.Document{Kind: k.name, Key: r.Key, Value: value}, want, o.keep)
	if err != nil {
		return fmt.Errorf("offload: keep record %s %q: %w", k.name, r.Key, err)
	}
	r.Version, r.At, r.Expires = put.Version, put.At, put.Expires
	return nil
}

// seal encrypts a value, if the app has keys. That there are such is kept before the first of them is, so that
// whoever changes keys finds them all.
func (k *Kind[T]) seal(ctx context.Context, s store.Store, key string, value []byte) ([]byte, error) {
	known := inside.Sealed(k.app)
	if _, is := known.Load(k.name); !is {
		if _, err := s.PutDocument(ctx, store.Document{Kind: inside.SealedKinds, Key: k.name, Value: []byte("true")}, store.AnyVersion, 0); err != nil {
			return nil, err
		}
		known.Store(k.name, true)
	}
	return inside.SealDocument(k.app, k.name, key, value)
}

func (k *Kind[T]) read(d *store.Document) (Record[T], error) {
	r := Record[T]{Key: d.Key, Version: d.Version, At: d.At, Expires: d.Expires}
	value := d.Value
	if k.encrypted {
		var err error
		if value, err = inside.OpenDocument(k.app, k.name, d.Key, d.Value); err != nil {
			return r, fmt.Errorf("offload: decrypt record %s %q: %w", k.name, d.Key, err)
		}
	}
	if err := json.Unmarshal(value, &r.Value); err != nil {
		return r, fmt.Errorf("offload: decode record %s %q: %w", k.name, d.Key, err)
	}
	return r, nil
}

// store returns the app's store, if kind and key are such as can be kept.
func (k *Kind[T]) store(key string) (store.Store, error) {
	if k == nil || k.app == nil {
		return nil, offload.ErrClosed
	}
	if err := inside.CheckName("kind", k.name); err != nil {
		return nil, err
	}
	if key == "" || len(key) > maxKey || !inside.IsText(key) {
		return nil, k.badKey(key)
	}
	return inside.Store(k.app)
}

func (k *Kind[T]) badKey(key string) error {
	return &offload.InputError{Field: "Key", Got: key, Want: fmt.Sprintf("valid UTF-8 without NUL, 1 to %d bytes", maxKey)}
}
