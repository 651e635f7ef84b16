package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/bench/contender"
)

// askWork measures what a drain costs the server: log written, and time of all its processes.
func askWork(ctx context.Context, l *lab) error {
	const jobs = 200_000
	w := &worker{}
	app, err := l.open(ctx, w.task())
	if err != nil {
		return err
	}
	defer app.Close()
	if err := fill(ctx, app, "drain", jobs); err != nil {
		return err
	}
	if _, err := l.conn.Exec(ctx, "CHECKPOINT"); err != nil { // pages written whole once are not counted as ours
		return err
	}
	began := time.Now()
	cost, err := l.cost(ctx, func() error { return w.work(ctx, app, jobs) })
	if err != nil {
		return err
	}
	took := time.Since(began)
	l.tell(figure{
		Name: "log of each job", Value: cost.log / jobs, Unit: "B", Most: 1.3 * 580,
		Of: fmt.Sprintf("%.0f jobs/s", rate(jobs, took)),
	})
	l.tell(figure{
		Name: "server's time for 100,000 jobs", Value: cost.cpu.Seconds() * 100_000 / jobs, Unit: "s", Most: 1.3 * 1.5,
	})
	return nil
}

// worked is what a server has done so far.
type worked struct {
	log float64 // bytes
	cpu time.Duration
}

func (l *lab) worked(ctx context.Context) (w worked, err error) {
	if err := l.conn.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8").Scan(&w.log); err != nil {
		return w, err
	}
	w.cpu, err = l.cpuOfServer(ctx)
	return w, err
}

// A worker counts the jobs that it runs.
type worker struct{ ran atomic.Int64 }

func (w *worker) task() offload.Part {
	return bulk.Handle(func(context.Context, contender.Input) error {
		w.ran.Add(1)
		return nil
	})
}

// work runs the app until it has run so many jobs, and their ends are stored.
func (w *worker) work(ctx context.Context, app *offload.App, jobs int64) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var ran error
	running.Go(func() {
		defer cancel() // a Run that could not start ends the waiting
		ran = app.Run(ctx)
	})
	for err == nil && w.ran.Load() < jobs {
		err = pause(ctx, 5*time.Millisecond)
	}
	cancel() // it stores what has ended before it returns
	running.Wait()
	return errors.Join(ran, err)
}
