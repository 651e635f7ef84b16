// Package audit keeps who did what to which thing, as it was before and after, in a table that shows if somebody has changed it later.
//
//	trail, err := audit.Open(ctx, db, audit.Keep(10*365*24*time.Hour))
//	app, err := offload.Open(ctx, "offload.db", trail)
//
//	// in the transaction that changes the order:
//	err = trail.Write(ctx, tx, audit.Entry{
//		Actor: "ada", Action: "order.cancel", Entity: audit.Entity{Type: "order", ID: "7"}, Before: before, After: after,
//	})
//
// An entry is written in your own transaction, so that there is one if and only if the change has been committed. That costs one INSERT into a
// small table, offload_audit_new, which nothing is locked for. Every process that runs the app with the Log as a Part moves what has been committed there
// to the table offload_audit, some hundred rows at a time, and chains it: each row has a number, and the SHA-256 of its content and of the row
// before it. So transactions never wait for each other's place in the chain.
//
// # What the chain shows
//
// Verify (offload audit verify) finds a row that was changed, removed or put in between, and names it. That the last rows are missing is found by
// a head that is kept apart: the app keeps the last one in its own records every ten seconds, OnHead hands it to you, to print or send elsewhere, and Verify takes
// those that you have.
//
// It can't show all. Between its commit and its place in the chain (a second, while a process runs) an entry can be changed unseen. Whoever can write to your
// database as the program does can add entries. And whoever can write there, and knows this package, can make another chain from some row on: it is
// found only by a head that they can't reach, so keep some of them elsewhere.
//
// # Secrets
//
// Before and After are written as JSON. A field with the tag offload:"secret", one whose name ends like that of a password, a secret, a token or a key (Hide adds names) is written as
// "•••", and as "••• (changed)" where it did. Nothing is derived from its value.
//
// # Retention
//
// Keep lets old rows go, from the beginning of the chain. What went is an entry itself (action "audit.prune"), with the number and hash of the last row
// that went, and the chain is verified from there on.
package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/intx"
)

// A Log is the audit log of a database. It is a Part, and safe for concurrent use.
type Log struct {
	offload.Part
	db     *sql.DB
	sql    dialect
	keep   time.Duration
	hidden map[string]bool // names of fields, lower case without _ and -
	onHead []func(context.Context, Head)
}

// An Entity is what something was done to.
type Entity struct {
	Type string `json:"type"` // "order"
	ID   string `json:"id"`   // "7"
}

// An Entry says who did what to which entity.
type Entry struct {
	Actor  string `json:"actor"`  // "ada"; default: that of As, or in a job "job " and its task
	Action string `json:"action"` // "order.cancel"
	Entity Entity `json:"entity"`

	// Before and After are what it was, and what it is now: any value that encoding/json writes, of 1 MiB at most; nil where there was none, or is none.
	Before any `json:"before,omitempty"`
	After  any `json:"after,omitempty"`

	Meta map[string]string `json:"meta,omitempty"` // what else: the address of a request, a reason

	id string // of the row; a job has its own
	at time.Time
}

// Later writes an entry by a job: for a transaction on another database than the log's. Log.Enqueue enqueues it, without its secrets.
var Later = offload.Declare[Entry]("audit.write")

// An Option is a setting of a Log.
type Option func(*Log)

// Keep lets rows go d after their time. The default, 0, is that they stay.
func Keep(d time.Duration) Option { return func(l *Log) { l.keep = d } }

// Hide adds names of fields that are secret wherever they are, whatever is upper case, _ or - in them: "iban".
func Hide(names ...string) Option {
	return func(l *Log) {
		for _, name := range names {
			l.hidden[plainName(name)] = true
		}
	}
}

// OnHead calls f with the head of the chain after it has grown, at most every ten seconds in each process: send it where nobody who can write to the
// database can write.
func OnHead(f func(ctx context.Context, h Head)) Option {
	return func(l *Log) {
		if f != nil {
			l.onHead = append(l.onHead, f)
		}
	}
}

// Open makes a log in a database, SQLite or PostgreSQL (pgx by its package stdlib), and its tables offload_audit, offload_audit_new and offload_audit_head if they are
// not there.
func Open(ctx context.Context, db *sql.DB, opts ...Option) (*Log, error) {
	if db == nil {
		return nil, &offload.InputError{Field: "db", Got: "nil", Want: "a database"}
	}
	l := &Log{db: db, hidden: map[string]bool{}}
	Hide(secretNames...)(l)
	for _, o := range opts {
		if o != nil {
			o(l)
		}
	}
	if l.keep < 0 {
		return nil, &offload.InputError{Field: "Keep", Got: l.keep, Want: "0 (they stay) or more"}
	}
	l.sql = dialectOf(ctx, db)
	if err := l.sql.make(ctx, db); err != nil {
		return nil, fmt.Errorf("make the tables of the audit log: %w", err)
	}
	l.Part = offload.Parts(offload.Beside(l.follow), Later.Handle(l.later))
	return l, nil
}

type actorKey struct{}

// As returns a context in which entries have an actor.
func As(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// actor is who acts in a context, "" if nobody is known.
func actor(ctx context.Context) string {
	if who, ok := ctx.Value(actorKey{}).(string); ok && who != "" {
		return who
	}
	if job := offload.JobOf(ctx); job.Task != "" {
		return "job " + job.Task
	}
	return ""
}

// Write writes entries in a transaction, and takes effect with it: a *sql.Tx, a pgx.Tx, or a value that embeds one, on the log's database; also
// a *sql.DB, a *sql.Conn or a pgx pool, where there is no transaction.
func (l *Log) Write(ctx context.Context, tx any, entries ...Entry) error {
	exec := intx.Of(tx)
	if exec == nil {
		return &offload.InputError{Field: "tx", Got: fmt.Sprintf("%T", tx), Want: "a *sql.Tx or pgx.Tx of the log's database that is not nil"}
	}
	for len(entries) > 0 {
		n := min(len(entries), 100)
		args := make([]any, 0, n*len(newColumns))
		for i := range entries[:n] {
			r, err := l.row(ctx, &entries[i])
			if err != nil {
				return err
			}
			args = append(args, r.ID, stamp(r.At), r.Actor, r.Action, r.Entity.Type, r.Entity.ID, string(r.Before), string(r.After), r.metaText())
		}
		if err := exec(ctx, l.sql.insert(n), args...); err != nil {
			return fmt.Errorf("write to the audit log: %w", err)
		}
		entries = entries[n:]
	}
	return nil
}

// Enqueue enqueues a job that writes an entry into the log, once: to is App.Tx of a transaction, whose database is another than the log's. The time is now.
func (l *Log) Enqueue(ctx context.Context, to offload.Enqueuer, e Entry, opts ...offload.EnqueueOption) (*offload.Job, error) {
	r, err := l.row(ctx, &e)
	if err != nil {
		return nil, err
	}
	e = Entry{Actor: r.Actor, Action: r.Action, Entity: r.Entity, Meta: map[string]string{metaAt: stamp(r.At)}}
	for name, text := range r.Meta {
		e.Meta[name] = text
	}
	if r.Before != nil {
		e.Before = r.Before
	}
	if r.After != nil {
		e.After = r.After
	}
	return Later.Enqueue(ctx, to, e, opts...)
}

// metaAt carries the time of an entry in its job.
const metaAt = "audit.at"

// later is the run of a job. Run twice it writes two rows of one id, and the second never gets into the chain.
func (l *Log) later(ctx context.Context, e Entry) error {
	job := offload.JobOf(ctx)
	e.id, e.at = job.ID.String(), job.CreatedAt
	if at, err := time.Parse(stampLayout, e.Meta[metaAt]); err == nil {
		e.at = at
	}
	delete(e.Meta, metaAt)
	return l.Write(ctx, l.db, e)
}

// Validate says which field can't be.
func (e *Entry) Validate() error {
	for _, f := range []struct {
		name, value string
		most        int
	}{
		{"Action", e.Action, 200}, {"Entity.Type", e.Entity.Type, 200}, {"Entity.ID", e.Entity.ID, 500}, {"Actor", e.Actor, 500},
	} {
		switch {
		case f.value == "" && f.name == "Actor":
			return &offload.InputError{Task: Later.Name(), Field: f.name, Got: "", Want: "who did it: give the entry one, or the context by audit.As"}
		case f.value == "" || len(f.value) > f.most || !isText(f.value):
			return &offload.InputError{Task: Later.Name(), Field: f.name, Got: cut(f.value), Want: fmt.Sprintf("a text of 1 to %d bytes", f.most)}
		}
	}
	if e.Action == pruneAction {
		return &offload.InputError{Task: Later.Name(), Field: "Action", Got: e.Action, Want: "another: it is said of rows that Keep has let go"}
	}
	for name, text := range e.Meta {
		if !isText(name) || !isText(text) {
			return &offload.InputError{Task: Later.Name(), Field: "Meta", Got: cut(name), Want: "valid UTF-8 without NUL"}
		}
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func cut(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// row makes of an entry what is written.
func (l *Log) row(ctx context.Context, e *Entry) (*Row, error) {
	r := &Row{ID: e.id, At: e.at, Actor: e.Actor, Action: e.Action, Entity: e.Entity, Meta: e.Meta}
	if r.Actor == "" {
		r.Actor = actor(ctx)
	}
	if err := (&Entry{Actor: r.Actor, Action: r.Action, Entity: r.Entity, Meta: r.Meta}).Validate(); err != nil {
		return nil, err
	}
	if r.ID == "" {
		r.ID = offload.NewID().String()
	}
	if r.At.IsZero() {
		r.At = time.Now()
	}
	var err error
	r.Before, r.After, err = l.hide(e.Before, e.After)
	return r, err
}

// metaText is the meta of a row as it is kept: JSON with its names in order.
func (r *Row) metaText() string {
	if len(r.Meta) == 0 {
		return ""
	}
	text, _ := json.Marshal(r.Meta) // texts always can
	return string(text)
}

const stampLayout = "2006-01-02T15:04:05.000000Z"

// stamp is a time as it is kept: a text that is in the order of time in every database, and that people can read.
func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }
