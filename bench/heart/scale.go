package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// askScale has a backlog worked off by one process, then by four, whose handlers take 50 ms
// and of which each runs 100 at once.
func askScale(ctx context.Context, l *lab) (err error) {
	app, err := l.open(ctx, bulk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	rates := map[int]float64{}
	for _, processes := range []int{1, 4} {
		if err := fill(ctx, app, "default", 200_000); err != nil {
			return err
		}
		if rates[processes], err = l.workedBy(ctx, processes); err != nil {
			return err
		}
		if _, err := l.conn.Exec(ctx, "TRUNCATE offload.due, offload.lease, offload.job, offload.done"); err != nil {
			return err
		}
	}
	l.tell(figure{
		Name: "four processes, against one", Value: rates[4] / rates[1], Unit: "×", Least: 3.6,
		Of: fmt.Sprintf("%.0f/s and %.0f/s of %d and %d that their slots allow", rates[1], rates[4], 2000, 8000),
	})
	return nil
}

// workedBy starts some processes and returns how many jobs a second they end.
func (l *lab) workedBy(ctx context.Context, processes int) (perSecond float64, err error) {
	for range processes {
		c, err1 := startChild(role{Address: l.address, Sleep: 50 * time.Millisecond, Queues: []string{"default"}})
		if err1 != nil {
			return 0, err1
		}
		defer func() { err = errors.Join(err, c.stop()) }()
	}
	if err := pause(ctx, 3*time.Second); err != nil {
		return 0, err
	}
	before, err := l.done(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := pause(ctx, 10*time.Second); err != nil {
		return 0, err
	}
	after, err := l.done(ctx)
	return rate(after-before, time.Since(began)), err
}

func (l *lab) done(ctx context.Context) (n int, err error) {
	err = l.conn.QueryRow(ctx, "SELECT count(*) FROM offload.done").Scan(&n)
	return n, err
}
