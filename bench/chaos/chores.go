package main

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offloadhq/offload"
)

// Notes of chores.
const (
	wantNote  = "want "  // and the outcome that the job must have
	againNote = "again " // and the call that was made again
)

// choreTask is the task of jobs that wait, until something is done to them.
const choreTask = "chore"

// chores is a role on PostgreSQL: it enqueues jobs in transactions of its own and acts on them,
// each call again until it is answered, and writes down what must have become of them.
func chores(ctx context.Context, c *Child) error {
	app, err := openPatiently(ctx, c, quiet)
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, c.Address)
	if err != nil {
		return errors.Join(err, app.Close())
	}
	defer pool.Close()
	// What has begun is finished: a stop must not leave more unknown than it must.
	do := chore{Child: c, ctx: context.WithoutCancel(ctx), app: app, pool: pool}
	for ctx.Err() == nil && err == nil {
		if err = do.all(); err == nil {
			_ = Doze(ctx, 50*time.Millisecond) // the loop sees it
		}
	}
	return errors.Join(err, app.Close())
}

type chore struct {
	*Child
	ctx  context.Context
	app  *offload.App
	pool *pgxpool.Pool
}

// all does each chore once, to a job each.
func (d *chore) all() error {
	calls := make([]*offload.Call, 5)
	for i := range calls {
		calls[i] = Task{Name: choreTask, Options: sleepTask.Options}.declare().Call(Work{}, offload.Delay(time.Hour))
		d.Ledger.write(verbTried, calls[i].ID(), 0, choreTask)
	}
	err := d.again("enqueue in a transaction", func() error {
		return pgx.BeginFunc(d.ctx, d.pool, func(tx pgx.Tx) error {
			_, err := d.app.Tx(tx).Enqueue(d.ctx, calls...)
			return err
		})
	})
	if err != nil {
		return err
	}
	d.Ledger.answered(calls, nil)
	ids := make([]offload.ID, len(calls))
	for i, call := range calls {
		ids[i] = call.ID()
	}
	return errors.Join(
		d.act("cancel", Cancelled, ids[0], d.app.Cancel),
		d.act("run now", Completed, ids[1], d.app.RunNow),
		d.act("delete", "deleted", ids[2], d.app.Delete),
		d.act("cancel in a transaction", Cancelled, ids[3], func(ctx context.Context, ids ...offload.ID) error {
			return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error { return d.app.Tx(tx).Cancel(ctx, ids...) })
		}),
		d.act("cancel, to be retried", "", ids[4], d.app.Cancel),
		d.act("retry", Completed, ids[4], d.app.Retry),
	)
}

// act does something to a job until it is answered. What has been done before in a call whose
// answer was lost may be refused the second time, since the job is elsewhere by now.
func (d *chore) act(name string, want Outcome, id offload.ID, call func(context.Context, ...offload.ID) error) error {
	doubt := false
	err := d.again(name, func() error {
		err := call(d.ctx, id)
		var input *offload.InputError
		if doubt && (errors.As(err, &input) || errors.Is(err, offload.ErrNotFound)) {
			return nil
		}
		doubt = err != nil
		return err
	})
	if err == nil && want != "" {
		d.Ledger.Note(id, 0, wantNote+string(want))
	}
	return err
}

// again makes a call until it is answered. An error that is not of the way there ends it.
func (d *chore) again(name string, call func() error) error {
	for {
		err := call()
		if err == nil {
			return nil
		}
		if !temporary(err) {
			return err
		}
		d.Ledger.Note(offload.ID{}, 0, againNote+name)
	}
}

// temporary reports whether an error may be one of the way there: offload says so of its own,
// and of what the driver says in a transaction of the program's only the server's word is not.
func temporary(err error) bool {
	var input *offload.InputError
	var server *pgconn.PgError
	return errors.Is(err, offload.ErrUnavailable) ||
		!errors.As(err, &input) && !errors.Is(err, offload.ErrNotFound) && !errors.As(err, &server)
}
