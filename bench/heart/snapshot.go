package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/bench/contender"
)

const producePerSecond = 5000

// askSnapshot has jobs produced and worked, first without and then beside a snapshot that is
// held, and looks how many are done, how long they wait, and what becomes of SQLite's log.
func askSnapshot(ctx context.Context, l *lab) (err error) {
	w := &worker{}
	app, err := l.open(ctx, w.task())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	var ran error
	all.Go(func() { ran = app.Run(ctx) })
	var produced atomic.Int64
	var producing error
	all.Go(func() { producing = produce(ctx, app, &produced) })
	defer func() {
		cancel()
		all.Wait()
		err = errors.Join(ran, producing, err)
	}()

	without, err := w.rateOver(ctx, min(l.hold, 30*time.Second))
	if err != nil {
		return err
	}
	release, err := l.holdSnapshot(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, max(0, l.hold-30*time.Second)); err != nil {
		return errors.Join(err, release())
	}
	with, err := w.rateOver(ctx, min(l.hold, 30*time.Second)) // the last of the time, when it is worst
	behind := produced.Load() - w.ran.Load()
	logSize := l.logSize()
	if err = errors.Join(err, release()); err != nil {
		return err
	}
	l.tell(figure{
		Name: "done beside the snapshot", Value: with / without, Unit: "×", Least: 0.9,
		Of: fmt.Sprintf("%.0f/s beside one held for %v, %.0f/s without; %d jobs waited then", with, l.hold, without, behind),
	})
	if l.kind == "sqlite" {
		began := time.Now()
		for l.logSize() > 64<<20 && time.Since(began) < time.Minute {
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		l.tell(figure{
			Name: "log under 64 MiB after", Value: time.Since(began).Seconds(), Unit: "s", Most: 10,
			Of: fmt.Sprintf("%d MiB when it ended", logSize>>20),
		})
	}
	return nil
}

// produce enqueues jobs at an even rate, 50 at a time, until ctx ends.
func produce(ctx context.Context, app *offload.App, produced *atomic.Int64) error {
	const each = 50
	tick := time.NewTicker(time.Second * each / producePerSecond)
	defer tick.Stop()
	inputs := make([]contender.Input, each)
	for i := range inputs {
		inputs[i] = contender.InputOf(i)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := bulk.EnqueueMany(ctx, app, inputs); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		produced.Add(each)
	}
}

// rateOver returns how many jobs a second are run.
func (w *worker) rateOver(ctx context.Context, d time.Duration) (float64, error) {
	before, began := w.ran.Load(), time.Now()
	if err := pause(ctx, d); err != nil {
		return 0, err
	}
	return rate(int(w.ran.Load()-before), time.Since(began)), nil
}

// holdSnapshot begins a transaction that reads, and keeps it.
func (l *lab) holdSnapshot(ctx context.Context) (release func() error, err error) {
	if l.conn != nil {
		tx, err := l.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
		if err != nil {
			return nil, err
		}
		var n int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM offload.queue").Scan(&n); err != nil {
			return nil, err
		}
		return func() error {
			var held bool // a holder that was lost on the way would have proved nothing
			err := tx.QueryRow(ctx, "SELECT backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = pg_backend_pid()").Scan(&held)
			if err == nil && !held {
				err = errors.New("the snapshot was not held")
			}
			return errors.Join(err, tx.Rollback(ctx))
		}, nil
	}
	db, err := sql.Open("sqlite", "file:"+l.address)
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	count := func() (n int, err error) {
		err = tx.QueryRowContext(ctx, "SELECT count(*) FROM offload_duty").Scan(&n)
		return n, err
	}
	if _, err := count(); err != nil {
		return nil, err
	}
	return func() error {
		_, err := count()
		return errors.Join(err, tx.Rollback(), db.Close())
	}, nil
}

func (l *lab) logSize() int64 {
	info, err := os.Stat(l.address + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}
