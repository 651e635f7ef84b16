// Package derive makes things follow from what happened: an event is recorded in the transaction in which it happens, and any number of handlers
// derive from it what they know, each for itself, exactly once.
//
//	type OrderPlaced struct {
//		Order int64 `json:"order"`
//	}
//
//	func (e OrderPlaced) Event() (name, entity string) { return "order.placed", fmt.Sprint("order/", e.Order) }
//
//	events, err := derive.Open(ctx, db,
//		derive.On("loyalty", func(ctx context.Context, tx *sql.Tx, e derive.Event[OrderPlaced]) error { … }),
//		derive.OnMany("sales", func(ctx context.Context, tx *sql.Tx, all []derive.Event[OrderPlaced]) error { … }),
//	)
//	app, err := offload.Open(ctx, "shop.db", events)
//
//	err = events.Record(ctx, tx, OrderPlaced{Order: 7}) // in the transaction that places it
//
// # How it works
//
// Record writes a row of the table offload_events, beside your own. Each handler has a cursor there: how far it has come. A process that runs the app with Events as a Part
// reads, for each of its handlers, the events behind its cursor, some hundred at a time, calls the handler in a transaction of your database, and moves the cursor in the same
// transaction. So what the handler does in tx has happened exactly once, whatever crashes, and costs no job for each event and handler. Processes take turns at a handler.
//
// A cursor needs an order in which nothing appears behind it. On SQLite events are numbered in the order of their commits. On PostgreSQL a transaction may commit
// after one that began later, so that Record writes into offload_events_new, and what has been committed is given its number from there, some thousand rows in one statement: nobody's
// transaction waits for another's, and one that is open for hours holds up nothing but itself.
//
// # When a handler fails
//
// What it did with the batch is rolled back. The batch is halved, until the event that fails is alone. This event's entity is held then, for this handler: a
// job, of the task "derive." and the handler's name, has the event and all those of its entity that follow, and tries again as jobs do, with backoff, the error and a
// button in the dashboard. All other entities go on. When the job comes through, the entity is let go again. So the events of an entity are handled in their order, always. A job that has failed for good leaves its
// entity held: retry it when the cause is mended, or Skip the event. When a thousand entities of a handler are held it is the handler that is broken, and it waits.
//
// # New versions
//
// A handler that gets a type more is left to the processes that know it, from when the first of them has opened it: an older one would pass those events by.
//
// # What a handler may do
//
// What it does in tx, and jobs that it enqueues there, happen exactly once:
//
//	sendMail.Enqueue(ctx, offload.AppOf(ctx).Tx(tx), …)
//
// Everything else may happen twice, and holds up the transaction, which on SQLite is the one of all who write: a handler shall not wait for other services. That is for jobs.
//
// # What it can't do
//
// An event is seen some tenths of a second after its commit, not in it. Events of different entities come in the order of their commits, but one that
// is held is overtaken. Events are kept as JSON, with all that is in them: put no secrets there. Types may get fields, and lose them; what was recorded stays as it was.
package derive

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/intx"
	"github.com/offloadhq/offload/internal/tables"
)

// A Fact is a type of events. It says what the type is called, "order.placed", and which entity a value is about, "order/7": events of an entity are handled in their
// order. Event is also called on the type's zero value, for the name.
type Fact interface {
	Event() (name, entity string)
}

// An Event is a fact as it was recorded.
type Event[T Fact] struct {
	Seq   int64     // in the order of all events
	At    time.Time // when it was recorded, by the clock of who did
	Value T
}

// Events are those of a database, and the handlers of this process. It is a Part, and safe for concurrent use.
type Events struct {
	offload.Part
	db       *sql.DB
	sql      dialect
	keep     time.Duration
	handlers map[string]*handler
	wake     map[*handler]chan struct{}
	writing  sync.Mutex
	looks    []func(ctx context.Context, db *sql.DB) error // whether what handlers fill is there
	said     sync.Map                                      // types that nobody handles, which were logged
}

// An Option is a handler, or a setting of Events.
type Option func(*Events) error

// Keep lets events go d after their time, once all handlers that ever were have handled them (Forget one that is no more). The default, 0, is that they stay, for
// Replay and for handlers to come.
func Keep(d time.Duration) Option {
	return func(e *Events) error {
		if d < 0 {
			return &offload.InputError{Field: "Keep", Got: d, Want: "0 (they stay) or more"}
		}
		e.keep = d
		return nil
	}
}

// Open makes Events of a database, SQLite or PostgreSQL (pgx by its package stdlib), with its handlers, and tables whose names begin with offload_events if they are not there.
func Open(ctx context.Context, db *sql.DB, opts ...Option) (*Events, error) {
	if db == nil {
		return nil, &offload.InputError{Field: "db", Got: "nil", Want: "a database"}
	}
	e := &Events{db: db, sql: postgres, handlers: map[string]*handler{}, wake: map[*handler]chan struct{}{}}
	for _, o := range opts {
		if o != nil {
			if err := o(e); err != nil {
				return nil, err
			}
		}
	}
	if tables.SQLite(ctx, db) {
		e.sql = sqlite
	}
	if err := tables.Make(ctx, db, e.sql.tables...); err != nil {
		return nil, fmt.Errorf("make the tables of events: %w", err)
	}
	for _, look := range e.looks {
		if err := look(ctx, db); err != nil {
			return nil, err
		}
	}
	parts := []offload.Part{offload.Beside(e.follow)}
	for _, name := range slices.Sorted(maps.Keys(e.handlers)) {
		h := e.handlers[name]
		if h.now {
			if err := e.numberAll(ctx); err != nil {
				return nil, fmt.Errorf("begin handler %s: %w", name, err)
			}
		}
		e.wake[h] = make(chan struct{}, 1)
		if err := e.begin(ctx, h); err != nil {
			return nil, fmt.Errorf("begin handler %s: %w", name, err)
		}
		parts = append(parts, h.task.Handle(func(ctx context.Context, in Held) error { return e.retry(ctx, h, in) }))
		parts = append(parts, h.jobs...)
	}
	e.Part = offload.Parts(parts...)
	return e, nil
}

const (
	mostData   = 1 << 20 // bytes of an event
	mostEntity = 500
)

// Record records events in a transaction, and takes effect with it: a *sql.Tx, a pgx.Tx, or a value that embeds one, on the database of the events.
func (e *Events) Record(ctx context.Context, tx any, facts ...Fact) error {
	exec := intx.Of(tx)
	if exec == nil {
		return &offload.InputError{Field: "tx", Got: fmt.Sprintf("%T", tx), Want: "a *sql.Tx or pgx.Tx of the database of the events that is not nil"}
	}
	const most = 500 // rows of a statement
	at := stamp(time.Now())
	for ; len(facts) > 0; facts = facts[min(len(facts), most):] {
		some := facts[:min(len(facts), most)]
		args := make([]any, 0, 4*len(some))
		for _, f := range some {
			name, entity, data, err := write(f)
			if err != nil {
				return err
			}
			args = append(args, at, name, entity, data)
		}
		if err := exec(ctx, e.sql.record+tables.Values(len(some), 4, e.sql.number == ""), args...); err != nil {
			return fmt.Errorf("record events: %w", err)
		}
	}
	return nil
}

// write is an event as it is kept.
func write(f Fact) (name, entity, data string, err error) {
	if v := reflect.ValueOf(f); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return "", "", "", &offload.InputError{Field: "event", Got: fmt.Sprintf("%T", f), Want: "an event that is not nil"}
	}
	name, entity = f.Event()
	if err := checkName(name); err != nil {
		return "", "", "", err
	}
	if entity == "" || len(entity) > mostEntity || !utf8.ValidString(entity) || strings.Contains(entity, "\x00") {
		return "", "", "", &offload.InputError{Field: name + " entity", Got: short(entity), Want: fmt.Sprintf("a text of 1 to %d bytes, such as order/7", mostEntity)}
	}
	text, err := json.Marshal(f)
	if err != nil {
		return "", "", "", &offload.InputError{Field: name, Got: fmt.Sprintf("%T", f), Want: "what encoding/json can write: " + err.Error()}
	}
	if len(text) > mostData {
		return "", "", "", &offload.InputError{Field: name, Got: fmt.Sprintf("%d bytes", len(text)), Want: fmt.Sprintf("at most %d bytes: say where the rest is", mostData)}
	}
	return name, entity, string(text), nil
}

func checkName(name string) error {
	if name == "" || len(name) > 100 || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == ',' || c > 126 }) {
		return &offload.InputError{Field: "name", Got: short(name), Want: "a name of 1 to 100 letters, digits and signs, such as order.placed"}
	}
	return nil
}

func short(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

const stampLayout = "2006-01-02T15:04:05.000000Z"

// stamp is a time as it is kept: a text that is in the order of time in every database, and that people can read.
func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }
