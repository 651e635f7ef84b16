package contender

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	riverqueue "github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

const (
	riverModule = "github.com/riverqueue/river"
	riverNotes  = "keeps completed jobs for a day, in the same table; a lost worker's jobs go on after an hour"
)

// River asks for a number of workers; 100 is what its documents begin with.
var riverAsItComes = riverSettings{workers: 100}

// River's own benchmark is set so; polls are then every 20 ms. Its pool has room for 16
// callers beside River's own connections.
var riverByHand = riverSettings{
	workers: 2000, cooldown: 2 * time.Millisecond, poll: 20 * time.Millisecond, connections: 24,
}

var river = Contender{
	Name: "river-defaults", System: "River", Variant: "defaults", Store: PostgreSQL, Peer: true,
	Settings:   "100 workers, cooldown of 100 ms, pgx's pool as it comes",
	Durability: flushed,
	Notes:      riverNotes,
	Many:       "InsertManyFast",
	Jobs:       3000,
	Module:     riverModule,
	Open:       riverAsItComes.onPostgres,
}

var riverTuned = Contender{
	Name: "river-tuned", System: "River", Variant: "tuned", Store: PostgreSQL, Peer: true, Tuned: true,
	Settings:   "2,000 workers, cooldown of 2 ms, poll of 20 ms, 24 connections",
	Durability: flushed,
	Notes:      riverNotes,
	Many:       "InsertManyFast",
	Jobs:       60_000,
	Module:     riverModule,
	Open:       riverByHand.onPostgres,
}

var riverSQLite = Contender{
	Name: "river-sqlite-defaults", System: "River", Variant: "defaults", Store: SQLite, Peer: true,
	Settings:   "100 workers, cooldown of 100 ms; " + sqliteSettings,
	Durability: flushed,
	Notes:      riverNotes + "; its makers call this driver early",
	Many:       "InsertManyFast",
	Jobs:       2000,
	Module:     riverModule,
	Open:       riverAsItComes.onSQLite,
}

var riverSQLiteTuned = Contender{
	Name: "river-sqlite-tuned", System: "River", Variant: "tuned", Store: SQLite, Peer: true, Tuned: true,
	Settings:   "2,000 workers, cooldown of 2 ms, poll of 20 ms; " + sqliteSettings,
	Durability: flushed,
	Notes:      riverNotes + "; its makers call this driver early",
	Many:       "InsertManyFast",
	Jobs:       4000,
	Module:     riverModule,
	Open:       riverByHand.onSQLite,
}

// riverSettings are those that a user of River would set; zero is River's default.
type riverSettings struct {
	workers        int
	cooldown, poll time.Duration
	connections    int32
}

// A riverJob is the arguments of a job, by River's interface.
type riverJob struct{ Input }

func (riverJob) Kind() string { return "bench" }

// onRiver is River on the driver of some transaction type.
type onRiver[Tx any] struct {
	client  *riverqueue.Client[Tx]
	started Started // set before Start
	left    func(context.Context, string) (bool, error)
	close   func() error
}

func (r riverSettings) onPostgres(ctx context.Context, at Place) (System, error) {
	config, err := pgxpool.ParseConfig(at.Postgres)
	if err != nil {
		return nil, err
	}
	if r.connections > 0 {
		config.MaxConns = r.connections
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &onRiver[pgx.Tx]{
		left: func(ctx context.Context, query string) (left bool, err error) {
			err = pool.QueryRow(ctx, query).Scan(&left)
			return left, err
		},
		close: func() error { pool.Close(); return nil },
	}
	return s, s.open(ctx, riverpgxv5.New(pool), r)
}

func (r riverSettings) onSQLite(ctx context.Context, at Place) (System, error) {
	db, err := openSQLite(filepath.Join(at.Dir, "river.db"))
	if err != nil {
		return nil, err
	}
	s := &onRiver[*sql.Tx]{
		left: func(ctx context.Context, query string) (left bool, err error) {
			err = db.QueryRowContext(ctx, query).Scan(&left)
			return left, err
		},
		close: db.Close,
	}
	return s, s.open(ctx, riversqlite.New(db), r)
}

// open makes River's tables, and a client that may work and enqueue.
func (s *onRiver[Tx]) open(ctx context.Context, driver riverdriver.Driver[Tx], r riverSettings) error {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: onlyErrors()})
	if err != nil {
		return errors.Join(err, s.close())
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return errors.Join(err, s.close())
	}
	workers := riverqueue.NewWorkers()
	riverqueue.AddWorker(workers, riverqueue.WorkFunc(func(_ context.Context, job *riverqueue.Job[riverJob]) error {
		s.started.run(job.Args.Input)
		return nil
	}))
	s.client, err = riverqueue.NewClient(driver, &riverqueue.Config{
		FetchCooldown:     r.cooldown,
		FetchPollInterval: r.poll,
		Logger:            onlyErrors(),
		Queues:            map[string]riverqueue.QueueConfig{riverqueue.QueueDefault: {MaxWorkers: r.workers}},
		Workers:           workers,
	})
	if err != nil {
		return errors.Join(err, s.close())
	}
	return nil
}

func (s *onRiver[Tx]) Enqueue(ctx context.Context, in Input) error {
	_, err := s.client.Insert(ctx, riverJob{in}, nil)
	return err
}

func (s *onRiver[Tx]) EnqueueMany(ctx context.Context, in []Input) error {
	params := make([]riverqueue.InsertManyParams, len(in))
	for i := range in {
		params[i].Args = riverJob{in[i]}
	}
	_, err := s.client.InsertManyFast(ctx, params)
	return err
}

func (s *onRiver[Tx]) Work(ctx context.Context, started Started) (stop func() error, err error) {
	s.started = started
	if err := s.client.Start(ctx); err != nil {
		return nil, err
	}
	return func() error { return s.client.Stop(context.WithoutCancel(ctx)) }, nil
}

func (s *onRiver[Tx]) Left(ctx context.Context) (bool, error) {
	return s.left(ctx, "select exists (select 1 from river_job where state in ('available', 'pending', 'retryable', 'running', 'scheduled'))")
}

func (s *onRiver[Tx]) Close() error { return s.close() }
