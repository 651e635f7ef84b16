package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/bench/contender"
)

const idleFor = 30 * time.Second

// askIdle measures a worker process that knows 100 queues, of which none has a job.
func askIdle(ctx context.Context, l *lab) (err error) {
	app, err := l.open(ctx, bulk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	if l.conn != nil { // its transactions count among the database's
		if _, err := l.conn.Exec(ctx, "ALTER SYSTEM SET autovacuum = off"); err != nil {
			return err
		}
		if _, err := l.conn.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
			return err
		}
	}
	c, err := startChild(role{Address: l.address})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	for q := range 100 {
		if _, err := bulk.Enqueue(ctx, app, contender.InputOf(q), offload.Queue(fmt.Sprint("queue-", q))); err != nil {
			return err
		}
	}
	if err := app.Close(); err != nil { // its connections are not the process's
		return err
	}
	if err := pause(ctx, 65*time.Second); err != nil { // within a minute sessions report what they have done
		return err
	}
	before, err := l.transactions(ctx)
	if err != nil {
		return err
	}
	cpu, err := c.cpu()
	if err != nil {
		return err
	}
	if err := pause(ctx, idleFor); err != nil {
		return err
	}
	later, err := c.cpu()
	if err != nil {
		return err
	}
	after, err := l.transactions(ctx)
	if err != nil {
		return err
	}
	l.tell(figure{Name: "time of the process", Value: 100 * (later - cpu).Seconds() / idleFor.Seconds(), Unit: "% of a core", Most: 0.5})
	if l.conn != nil {
		l.tell(figure{Name: "transactions", Value: float64(after-before) / idleFor.Seconds(), Unit: "/s", Most: 2})
	}
	return nil
}

// transactions is how many PostgreSQL has ended in the lab's database, which is asked from
// another one.
func (l *lab) transactions(ctx context.Context) (n int64, err error) {
	if l.conn == nil {
		return 0, nil
	}
	conn, err := pgx.Connect(ctx, l.server.Address())
	if err != nil {
		return 0, err
	}
	err = conn.QueryRow(ctx, "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'heart'").Scan(&n)
	return n, errors.Join(err, conn.Close(ctx))
}
