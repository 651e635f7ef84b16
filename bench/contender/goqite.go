package contender

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"maragu.dev/goqite"
	"maragu.dev/goqite/jobs"
)

var goqiteDefaults = Contender{
	Name: "goqite-defaults", System: "goqite", Variant: "defaults", Store: SQLite, Peer: true,
	Settings:   "as many jobs at once as cores, poll of 100 ms; " + sqliteSettings,
	Durability: flushed,
	Notes:      goqiteNotes,
	Many:       "CreateTx, 1,000 in one transaction",
	Jobs:       100,
	Module:     goqiteModule,
	Open: func(_ context.Context, at Place) (System, error) {
		return openGoqite(at, jobs.NewRunnerOpts{})
	},
}

var goqiteTuned = Contender{
	Name: "goqite-tuned", System: "goqite", Variant: "tuned", Store: SQLite, Peer: true, Tuned: true,
	Settings:   "1,000 jobs at once, poll of 10 ms; " + sqliteSettings,
	Durability: flushed,
	Notes:      goqiteNotes,
	Many:       "CreateTx, 1,000 in one transaction",
	Jobs:       4000,
	Module:     goqiteModule,
	Open: func(_ context.Context, at Place) (System, error) {
		return openGoqite(at, jobs.NewRunnerOpts{Limit: 1000, PollInterval: 10 * time.Millisecond})
	},
}

const (
	goqiteModule = "maragu.dev/goqite"
	goqiteNotes  = "deletes completed jobs; a lost worker's jobs go on after 5 s; a failed one is tried three times, with no growing wait"
)

// goqiteSchema is schema_sqlite.sql of goqite v0.4.0, which the module does not export.
// Copyright (c) Maragu ApS, MIT licence.
const goqiteSchema = `
create table goqite (
  id text primary key default ('m_' || lower(hex(randomblob(16)))),
  created text not null default (strftime('%Y-%m-%dT%H:%M:%fZ')),
  updated text not null default (strftime('%Y-%m-%dT%H:%M:%fZ')),
  queue text not null,
  body blob not null,
  timeout text not null default (strftime('%Y-%m-%dT%H:%M:%fZ')),
  received integer not null default 0,
  priority integer not null default 0
) strict;

create trigger goqite_updated_timestamp after update on goqite begin
  update goqite set updated = strftime('%Y-%m-%dT%H:%M:%fZ') where id = old.id;
end;

create index goqite_queue_priority_created_idx on goqite (queue, priority desc, created);
`

// onGoqite is goqite with its runner of jobs.
type onGoqite struct {
	db      *sql.DB
	queue   *goqite.Queue
	runner  *jobs.Runner
	started Started // set before the runner starts
}

func openGoqite(at Place, opts jobs.NewRunnerOpts) (System, error) {
	db, err := openSQLite(filepath.Join(at.Dir, "goqite.db"))
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(goqiteSchema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &onGoqite{db: db, queue: goqite.New(goqite.NewOpts{DB: db, Name: "bench"})}
	opts.Queue = s.queue
	s.runner = jobs.NewRunner(opts)
	s.runner.Register("bench", func(_ context.Context, body []byte) error {
		var in Input
		if err := json.Unmarshal(body, &in); err != nil {
			return err
		}
		s.started.run(in)
		return nil
	})
	return s, nil
}

func (s *onGoqite) Enqueue(ctx context.Context, in Input) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	_, err = jobs.Create(ctx, s.queue, "bench", goqite.Message{Body: body})
	return err
}

func (s *onGoqite) EnqueueMany(ctx context.Context, in []Input) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	for i := range in {
		body, err := json.Marshal(in[i])
		if err != nil {
			return err
		}
		if _, err := jobs.CreateTx(ctx, tx, s.queue, "bench", goqite.Message{Body: body}); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (s *onGoqite) Work(ctx context.Context, started Started) (stop func() error, err error) {
	s.started = started
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { s.runner.Start(ctx) })
	return func() error {
		cancel()
		running.Wait()
		return nil
	}, nil
}

func (s *onGoqite) Left(ctx context.Context) (left bool, err error) {
	err = s.db.QueryRowContext(ctx, "select exists (select 1 from goqite)").Scan(&left)
	return left, err
}

func (s *onGoqite) Close() error { return s.db.Close() }
