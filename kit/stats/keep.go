package stats

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/tables"
)

// A Kept is a Set with the table that it is kept in. It is a Part, and safe for concurrent use.
type Kept struct {
	offload.Part
	set    *Set
	db     *sql.DB
	config config
	now    func() time.Time
	most   int    // amounts that wait with their minutes
	writer string // of this process's lines in offload_stats_flush

	turn    chan struct{} // held by who flushes; guards what follows
	seq     int64
	waiting waiting
	sending *batch // frozen until it is known to be written

	closing sync.Once
}

// An Option shapes a Kept.
type Option interface{ apply(*config) }

type option func(*config)

func (f option) apply(c *config) { f(c) }

type config struct {
	every                time.Duration
	minutes, hours, days time.Duration
}

// Every is how often figures are written, from 1 s to 1 h. The default is 5 s. It is also how much a killed process loses.
func Every(d time.Duration) Option { return option(func(c *config) { c.every = d }) }

// Retain is how long figures of minutes, hours and days are kept, each an hour or more, or 0: for ever. The default is 48 hours, 90 days, and for ever.
func Retain(minutes, hours, days time.Duration) Option {
	return option(func(c *config) { c.minutes, c.hours, c.days = minutes, hours, days })
}

const day = 24 * time.Hour

// Open makes the tables offload_stats and offload_stats_flush in db, SQLite or PostgreSQL (pgx by its package stdlib), if they are not there. It says what is wrong with
// the statistics of set, which one Kept at a time may have, and starts nothing.
func Open(ctx context.Context, db *sql.DB, set *Set, opts ...Option) (*Kept, error) {
	if db == nil {
		return nil, &offload.InputError{Field: "db", Got: "nil", Want: "a database"}
	}
	if set == nil {
		return nil, &offload.InputError{Field: "set", Got: "nil", Want: "one made by New"}
	}
	c := config{every: 5 * time.Second, minutes: 2 * day, hours: 90 * day}
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	set.mu.Lock()
	defer set.mu.Unlock()
	if len(set.errs) > 0 {
		return nil, errors.Join(set.errs...)
	}
	if set.kept {
		return nil, &offload.InputError{Field: "set", Got: "one that is kept already", Want: "a Set of its own for each Kept, or the other closed first"}
	}
	if err := tables.Make(ctx, db, tableSQL, flushSQL, "CREATE INDEX IF NOT EXISTS offload_stats_start ON offload_stats (period, start)"); err != nil {
		return nil, fmt.Errorf("make table offload_stats: %w", err)
	}
	k := &Kept{set: set, db: db, config: c, now: time.Now, most: waitMost, writer: uuid.NewString(), turn: make(chan struct{}, 1)}
	k.Part = offload.Parts(offload.Beside(k.Run), offload.OnClose(k.Close))
	set.kept = true
	return k, nil
}

func (c *config) check() error {
	if c.every < time.Second || c.every > time.Hour {
		return &offload.InputError{Field: "Every", Got: c.every, Want: "1 s to 1 h"}
	}
	for _, d := range []time.Duration{c.minutes, c.hours, c.days} {
		if d != 0 && d < time.Hour {
			return &offload.InputError{Field: "Retain", Got: d, Want: "an hour or more, or 0 for ever"}
		}
	}
	return nil
}

// A row is one series in one minute, hour or day. Queries go by the key; sweeps by the index.
const tableSQL = `CREATE TABLE IF NOT EXISTS offload_stats (
    name    varchar(100)     NOT NULL,
    period  smallint         NOT NULL, -- 1 minute, 2 hour, 3 day
    start   bigint           NOT NULL, -- seconds since 1970, UTC
    labels  text             NOT NULL, -- a JSON object
    kind    smallint         NOT NULL, -- 1 counter, 2 observer, 3 unique
    n       bigint           NOT NULL, -- how many numbers, or ones seen
    sum     double precision NOT NULL,
    lowest  double precision NOT NULL, -- where n is not 0
    highest double precision NOT NULL, -- where n is not 0
    refused bigint           NOT NULL, -- how many were no numbers
    version bigint           NOT NULL, -- how often it was added to
    sketch  bytea,                     -- a histogram, or a HyperLogLog
    PRIMARY KEY (name, period, start, labels)
)`

// What was written last by each process that writes.
const flushSQL = `CREATE TABLE IF NOT EXISTS offload_stats_flush (
    writer varchar(36) NOT NULL PRIMARY KEY,
    seq    bigint      NOT NULL,
    at     bigint      NOT NULL
)`

const (
	lastFlush = 5 * time.Second  // at the end
	mostFlush = 30 * time.Second // what takes longer is begun again: a connection may be dead
	sweepWait = time.Hour
)

// Run writes figures until ctx ends, and once more then, for 5 s at most. The app does this while it runs jobs: call it where none does, and wait for it. It is no harm if both do.
func (k *Kept) Run(ctx context.Context) {
	tick := time.NewTicker(k.config.every)
	defer tick.Stop()
	silent, swept := false, time.Time{}
	tell := func(ctx context.Context, err error) {
		if err != nil && !silent {
			offload.Logger(ctx).Warn("offload: statistics can't be written just now; they are kept until they can", "error", err)
		}
		silent = err != nil
	}
	for {
		select {
		case <-tick.C:
			one, cancel := context.WithTimeout(ctx, mostFlush)
			err := k.Flush(one)
			if err == nil && k.now().Sub(swept) >= sweepWait {
				swept = k.now()
				err = k.sweep(one)
			}
			cancel()
			if ctx.Err() == nil {
				tell(ctx, err)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			tell(last, k.Flush(last))
			return
		}
	}
}

// Close writes what has come together, for 5 s at most, and lets go of the Set. The database stays open. An app that has the Kept as a part calls it.
func (k *Kept) Close() (err error) {
	k.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), lastFlush)
		defer cancel()
		if err = k.Flush(ctx); err != nil {
			err = fmt.Errorf("statistics of the last moments are lost: %w", err)
		}
		k.set.mu.Lock()
		k.set.kept = false
		k.set.mu.Unlock()
	})
	return err
}

// sweep deletes what was kept long enough, in slices, so that nobody waits long.
func (k *Kept) sweep(ctx context.Context) error {
	for period, kept := range map[Step]time.Duration{Minute: k.config.minutes, Hour: k.config.hours, Day: k.config.days} {
		for kept > 0 {
			result, err := k.db.ExecContext(ctx, `DELETE FROM offload_stats WHERE (name, period, start, labels) IN (
SELECT name, period, start, labels FROM offload_stats WHERE period = $1 AND start < $2 LIMIT 5000)`, int(period), k.now().Add(-kept).Unix())
			if err != nil {
				return fmt.Errorf("delete old statistics: %w", err)
			}
			if n, err := result.RowsAffected(); err != nil || n < 5000 {
				break
			}
		}
	}
	// A process that has not written for a month is not about to write again what it has written.
	_, err := k.db.ExecContext(ctx, "DELETE FROM offload_stats_flush WHERE at < $1", k.now().Add(-30*day).Unix())
	if err != nil {
		return fmt.Errorf("delete old statistics: %w", err)
	}
	return nil
}
