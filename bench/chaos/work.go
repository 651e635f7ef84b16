package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offloadhq/offload"
)

// Work is the input of every job.
type Work struct {
	Sleep time.Duration // how long the handler takes
	Tx    bool          // complete the job, with its effect, in a transaction
	Do    string        // for the handlers of trials
}

// A Task is a task of a trial's own.
type Task struct {
	Name    string
	Options []offload.TaskOption
	// Run is the handler. Its start and end are written down around it.
	Run func(ctx context.Context, h *Hand, in Work) error
}

// A Hand is what handlers have of their worker.
type Hand struct {
	*Child
	Do       string // of the Worker
	transact func(ctx context.Context, f func(exec execFunc, tx any) error) error
	effect   string // the statement
}

type execFunc func(ctx context.Context, query string, args ...any) error

// A Worker is the options of a process that works jobs.
type Worker struct {
	Slots  int           // how many jobs at once in each queue; 0 is 20
	Grace  time.Duration // 0 is the default, below 0 none
	Queues []string      // none is all
	Files  uint64        // RLIMIT_NOFILE; 0 leaves it
	Pool   int           // connections for transactions of handlers; 0 is 4
	Do     string        // how handlers of trials behave in this worker
}

// Spec is that of a worker.
func (w Worker) Spec() Spec { return Spec{Role: "worker", Options: w} }

// quiet keeps what offload says out of the way.
var quiet = offload.LogTo(slog.New(slog.DiscardHandler))

// secondEffect is the note of a handler that meets the effect of an earlier attempt.
const secondEffect = "second effect"

// sleepTask is what jobs are made of, if a trial wants no others.
var sleepTask = Task{
	Name:    "sleep",
	Options: []offload.TaskOption{offload.Backoff(soon)},
	Run: func(ctx context.Context, h *Hand, in Work) error {
		if err := Doze(ctx, in.Sleep); err != nil {
			return err
		}
		if in.Tx {
			return h.Complete(ctx)
		}
		return nil
	},
}

// soon has failed jobs tried again while the trial still goes on.
func soon(int, error) time.Duration { return 100 * time.Millisecond }

// Doze lets time pass in a handler, and returns why its context has ended, if it does.
func Doze(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tasks returns all tasks by name.
func tasks() map[string]Task {
	all := map[string]Task{sleepTask.Name: sleepTask}
	for _, t := range trials {
		for _, task := range t.Tasks {
			all[task.Name] = task
		}
	}
	return all
}

// declare makes a task that can be enqueued.
func (t Task) declare() *offload.Task[Work] { return offload.Declare[Work](t.Name, t.Options...) }

// work is the role of a worker.
func work(ctx context.Context, c *Child) error {
	var w Worker
	if err := c.Options(&w); err != nil {
		return err
	}
	if w.Files > 0 {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: w.Files, Max: w.Files}); err != nil {
			return fmt.Errorf("limit the files to %d: %w", w.Files, err)
		}
	}
	h, closePool, err := newHand(ctx, c, max(w.Pool, 4))
	if err != nil {
		return err
	}
	defer closePool()
	h.Do = w.Do
	parts := []offload.Part{offload.LogTo(c.Log), offload.Workers("default", 20)}
	if w.Slots > 0 {
		parts = append(parts, offload.Workers("default", w.Slots))
		for _, queue := range w.Queues {
			parts = append(parts, offload.Workers(queue, w.Slots))
		}
	}
	if w.Grace != 0 {
		parts = append(parts, offload.Grace(max(w.Grace, 0)))
	}
	for _, task := range tasks() {
		parts = append(parts, task.declare().Handle(h.written(task)))
	}
	app, err := openPatiently(ctx, c, parts...)
	if err != nil {
		return err
	}
	return errors.Join(app.Run(ctx, w.Queues...), app.Close())
}

// openPatiently opens an app as a program does that is started again and again: what has no
// answer now may have one later.
func openPatiently(ctx context.Context, c *Child, parts ...offload.Part) (*offload.App, error) {
	for {
		app, err := offload.Open(ctx, c.Address, parts...)
		if err == nil || !errors.Is(err, offload.ErrUnavailable) || ctx.Err() != nil {
			return app, err
		}
		c.Log.Warn("open", "error", err)
		if err := Doze(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// written wraps a handler in lines of the ledger.
func (h *Hand) written(t Task) func(context.Context, Work) error {
	return func(ctx context.Context, in Work) (err error) {
		job := offload.JobOf(ctx)
		h.Ledger.write(verbStart, job.ID, job.Attempt, t.Name)
		how := "panic"
		defer func() { h.Ledger.write(verbEnd, job.ID, job.Attempt, how) }()
		err = t.Run(ctx, h, in)
		if how = ""; err != nil {
			how = err.Error()
		}
		return err
	}
}

// newHand opens the connections of handlers.
func newHand(ctx context.Context, c *Child, conns int) (h *Hand, closePool func(), err error) {
	h = &Hand{Child: c}
	if c.Kind == "sqlite" {
		db, err := sql.Open("sqlite", writeAddress(c.Kind, c.Address))
		if err != nil {
			return nil, nil, err
		}
		db.SetMaxOpenConns(1)
		h.effect, h.transact = sqliteStatements.effect, transactSQL(db)
		return h, func() { _ = db.Close() }, nil
	}
	config, err := pgxpool.ParseConfig(c.Address)
	if err != nil {
		return nil, nil, err
	}
	config.MaxConns = int32(conns)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	h.effect, h.transact = postgresStatements.effect, transactPGX(pool)
	return h, pool.Close, nil
}

func transactSQL(db *sql.DB) func(context.Context, func(execFunc, any) error) error {
	return func(ctx context.Context, f func(execFunc, any) error) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
		err = f(func(ctx context.Context, query string, args ...any) error {
			_, err := tx.ExecContext(ctx, query, args...)
			return err
		}, tx)
		if err != nil {
			return err
		}
		return tx.Commit()
	}
}

func transactPGX(pool *pgxpool.Pool) func(context.Context, func(execFunc, any) error) error {
	return func(ctx context.Context, f func(execFunc, any) error) error {
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			return f(func(ctx context.Context, query string, args ...any) error {
				_, err := tx.Exec(ctx, query, args...)
				return err
			}, tx)
		})
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "25006" {
			pool.Reset() // the server is the primary no more, and would be asked again and again
		}
		return err
	}
}

// Complete completes the running job in a transaction with its effect.
func (h *Hand) Complete(ctx context.Context) error { return h.CompleteThen(ctx, func() {}) }

// CompleteThen is Complete, with something done before the commit.
func (h *Hand) CompleteThen(ctx context.Context, then func()) error {
	return h.transact(ctx, func(exec execFunc, tx any) error {
		if err := h.insertEffect(ctx, exec); err != nil {
			return err
		}
		err := offload.AppOf(ctx).Tx(tx).Complete(ctx)
		if err == nil {
			then()
		}
		return err
	})
}

// CompleteFirst is Complete, with the effect after the completion.
func (h *Hand) CompleteFirst(ctx context.Context) error {
	return h.transact(ctx, func(exec execFunc, tx any) error {
		if err := offload.AppOf(ctx).Tx(tx).Complete(ctx); err != nil {
			return err
		}
		return h.insertEffect(ctx, exec)
	})
}

// insertEffect is what a transactional job is for. It must happen once.
func (h *Hand) insertEffect(ctx context.Context, exec execFunc) error {
	job := offload.JobOf(ctx)
	var id any = job.ID.String()
	if h.Kind == "sqlite" {
		id = job.ID[:]
	}
	err := exec(ctx, h.effect, id, job.Attempt, h.Name)
	if err != nil && isDuplicate(err) {
		h.Ledger.Note(job.ID, job.Attempt, secondEffect)
	}
	return err
}

// isDuplicate reports whether a row with this key was there.
func isDuplicate(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	return strings.Contains(err.Error(), "UNIQUE constraint failed")
}
