package derive

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A kept event is one as its columns are.
type kept struct {
	seq                    int64
	at, name, entity, data string
}

// A handler is one of this process.
type handler struct {
	name  string
	kinds map[string]func(ctx context.Context, tx *sql.Tx, all []kept) error // by the type of event
	task  *offload.Task[Held]                                                // what has failed
	opts  []offload.TaskOption
	now   bool           // it begins with what is recorded from now on
	jobs  []offload.Part // of Fill
}

// Held is the input of a job that has an entity of which an event has failed.
type Held struct {
	Entity string `json:"entity"`
}

// A HandlerOption is a setting of a handler.
type HandlerOption func(*handler)

// FromNow lets a new handler begin with events that are recorded after it was opened first. The default is that it handles all that are kept.
func FromNow() HandlerOption { return func(h *handler) { h.now = true } }

// Retries are options of the task whose jobs have what has failed: offload.MaxAttempts, offload.Backoff, offload.Queue.
func Retries(opts ...offload.TaskOption) HandlerOption {
	return func(h *handler) { h.opts = append(h.opts, opts...) }
}

// On makes a handler of a function that is called for each event of a type, in order, in a transaction that several events share. The name is for good: a handler of another name is
// another, and begins anew. A handler of several types is made by several On of one name.
func On[T Fact](name string, f func(ctx context.Context, tx *sql.Tx, e Event[T]) error, opts ...HandlerOption) Option {
	if f == nil {
		return refuse(name)
	}
	return OnMany(name, func(ctx context.Context, tx *sql.Tx, all []Event[T]) error {
		for i := range all {
			if err := f(ctx, tx, all[i]); err != nil {
				return err
			}
		}
		return nil
	}, opts...)
}

func refuse(name string) Option {
	return func(*Events) error {
		if err := checkName(name); err != nil {
			return err
		}
		return &offload.InputError{Field: "On " + short(name), Got: "nil", Want: "a function"}
	}
}

// OnMany is On with all events of a transaction at once, up to 500, or with fewer while it looks for one that fails. They are in order, and of several entities.
func OnMany[T Fact](name string, f func(ctx context.Context, tx *sql.Tx, all []Event[T]) error, opts ...HandlerOption) Option {
	if f == nil {
		return refuse(name)
	}
	return func(e *Events) error {
		if err := checkName(name); err != nil {
			return err
		}
		kind := nameOf[T]()
		if err := checkName(kind); err != nil {
			return err
		}
		h := e.handlers[name]
		if h == nil {
			h = &handler{name: name, kinds: map[string]func(context.Context, *sql.Tx, []kept) error{}}
			e.handlers[name] = h
		}
		if h.kinds[kind] != nil {
			return &offload.InputError{Field: "On " + name, Got: "two functions for " + kind, Want: "one, or another name"}
		}
		for _, o := range opts {
			if o != nil {
				o(h)
			}
		}
		h.kinds[kind] = func(ctx context.Context, tx *sql.Tx, all []kept) error {
			typed := make([]Event[T], len(all))
			for i := range all {
				typed[i].Seq = all[i].seq
				typed[i].At, _ = time.Parse(stampLayout, all[i].at) // Record wrote it
				if err := json.Unmarshal([]byte(all[i].data), &typed[i].Value); err != nil {
					return offload.Discard(fmt.Errorf("event %d of type %s can't be read as %T: %w", all[i].seq, kind, typed[i].Value, err))
				}
			}
			return f(ctx, tx, typed)
		}
		h.task = offload.Declare[Held]("derive."+name, h.opts...)
		return nil
	}
}

// nameOf is what a type of events is called.
func nameOf[T Fact]() (name string) {
	defer func() {
		if recover() != nil { // of a zero value it can't say
			name = ""
		}
	}()
	t := reflect.TypeFor[T]()
	var zero T
	if t.Kind() == reflect.Pointer {
		zero = reflect.New(t.Elem()).Interface().(T)
	}
	if t.Kind() == reflect.Interface {
		return ""
	}
	name, _ = zero.Event()
	return name
}

// types are the types that a handler handles, as they are kept.
func (h *handler) types() string {
	all := make([]string, 0, len(h.kinds))
	for name := range h.kinds {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// knows reports whether a handler has all types of a list that is kept.
func (h *handler) knows(types string) bool {
	for _, name := range strings.Split(types, ",") {
		if h.kinds[name] == nil {
			return false
		}
	}
	return true
}

// handle calls the functions of a handler, once for each run of events of one type.
func (h *handler) handle(ctx context.Context, tx *sql.Tx, all []kept) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &offload.PanicError{Value: value, Stack: string(debug.Stack())}
		}
	}()
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].name == all[0].name {
			n++
		}
		if f := h.kinds[all[0].name]; f != nil {
			if err := f(ctx, tx, all[:n]); err != nil {
				return err
			}
		}
		all = all[n:]
	}
	return nil
}

// begin makes the cursor of a handler, if it is new.
func (e *Events) begin(ctx context.Context, h *handler) error {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	var seq int64
	switch err := tx.QueryRowContext(ctx, "UPDATE offload_events_cursor SET types = $1 WHERE handler = $2 RETURNING seq", h.types(), h.name).Scan(&seq); {
	case errors.Is(err, sql.ErrNoRows):
		if h.now {
			if seq, err = last(ctx, tx); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO offload_events_cursor (handler, seq, types, moved) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			h.name, seq, h.types(), stamp(time.Now()))
		if err != nil {
			return err
		}
	case err != nil:
		return err
	}
	return tx.Commit()
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// last is the number of the last event.
func last(ctx context.Context, q querier) (seq int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM offload_events").Scan(&seq)
	return seq, err
}
