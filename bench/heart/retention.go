package main

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

// askRetention measures what it costs the server to remove a job whose time is over, of all
// that the job costs it: partitions could save that at most.
func askRetention(ctx context.Context, l *lab) error {
	const jobs = 200_000
	w := &worker{}
	app, err := l.open(ctx, w.task())
	if err != nil {
		return err
	}
	defer app.Close()
	s, err := store.Open(ctx, l.address)
	if err != nil {
		return err
	}
	defer s.Close()

	lived, err := l.cost(ctx, func() error {
		if err := fill(ctx, app, "default", jobs); err != nil {
			return err
		}
		return w.work(ctx, app, jobs)
	})
	if err != nil {
		return err
	}
	if err := l.age(ctx); err != nil {
		return err
	}
	removed, err := l.cost(ctx, func() error { return l.prune(ctx, s, jobs) })
	if err != nil {
		return err
	}
	all := worked{lived.log + removed.log, lived.cpu + removed.cpu}
	l.tell(figure{
		Name: "removing, of the server's time", Value: removed.cpu.Seconds() / all.cpu.Seconds(), Unit: "×",
		Of: fmt.Sprintf("%.2f s of %.2f s for %d jobs", removed.cpu.Seconds(), all.cpu.Seconds(), jobs),
	})
	l.tell(figure{
		Name: "removing, of the log", Value: removed.log / all.log, Unit: "×",
		Of: fmt.Sprintf("%.0f B of %.0f B for each job", removed.log/jobs, all.log/jobs),
	})
	return nil
}

// cost is what the server does while f is called.
func (l *lab) cost(ctx context.Context, f func() error) (worked, error) {
	before, err := l.worked(ctx)
	if err != nil {
		return worked{}, err
	}
	if err := f(); err != nil {
		return worked{}, err
	}
	after, err := l.worked(ctx)
	return worked{after.log - before.log, after.cpu - before.cpu}, err
}

// age has the time of all jobs be over.
func (l *lab) age(ctx context.Context) error {
	for _, prepare := range []string{
		"UPDATE offload.done SET keep_until = finished_at - interval '1 hour', finished_at = finished_at - interval '2 hours'",
		"VACUUM offload.done, offload.job, offload.due, offload.lease",
		"CHECKPOINT",
	} {
		if _, err := l.conn.Exec(ctx, prepare); err != nil {
			return err
		}
	}
	return nil
}

// prune removes all jobs, and what is left of them in the tables.
func (l *lab) prune(ctx context.Context, s store.Store, jobs int) error {
	for removed := 0; removed < jobs; {
		n, err := s.Prune(ctx, 1000)
		if err != nil {
			return err
		}
		if removed += n; n == 0 {
			return fmt.Errorf("only %d of %d jobs were removed", removed, jobs)
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	_, err := l.conn.Exec(ctx, "VACUUM offload.done, offload.job")
	return err
}
