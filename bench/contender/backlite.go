package contender

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"github.com/mikestefanello/backlite"
)

var backliteDefaults = Contender{
	Name: "backlite-defaults", System: "backlite", Variant: "defaults", Store: SQLite, Peer: true,
	Settings:   "10 workers, as its documents set it; " + sqliteSettings,
	Durability: flushed,
	Notes:      backliteNotes,
	Many:       "Add of 1,000",
	Jobs:       500,
	Module:     backliteModule,
	Open: func(_ context.Context, at Place) (System, error) {
		return openBacklite(at, 10)
	},
}

var backliteTuned = Contender{
	Name: "backlite-tuned", System: "backlite", Variant: "tuned", Store: SQLite, Peer: true, Tuned: true,
	Settings:   "1,000 workers; " + sqliteSettings,
	Durability: flushed,
	Notes:      backliteNotes,
	Many:       "Add of 1,000",
	Jobs:       4000,
	Module:     backliteModule,
	Open: func(_ context.Context, at Place) (System, error) {
		return openBacklite(at, 1000)
	},
}

const (
	backliteModule = "github.com/mikestefanello/backlite"
	backliteNotes  = "is for one process; it deletes completed jobs unless told to keep them; a lost worker's jobs go on after a time that is set, 10 minutes here"
)

// onBacklite is backlite. Its tasks find their queue by a method of their type, and so this
// type is the task as well.
type onBacklite struct {
	db      *sql.DB
	client  *backlite.Client
	started Started // set before Start
}

type backliteTask struct{ Input }

func (backliteTask) Config() backlite.QueueConfig {
	return backlite.QueueConfig{Name: "bench", MaxAttempts: 5, Backoff: 5 * time.Second, Timeout: 10 * time.Second}
}

func openBacklite(at Place, workers int) (System, error) {
	db, err := openSQLite(filepath.Join(at.Dir, "backlite.db"))
	if err != nil {
		return nil, err
	}
	s := &onBacklite{db: db}
	s.client, err = backlite.NewClient(backlite.ClientConfig{
		DB:              db,
		NumWorkers:      workers,
		ReleaseAfter:    10 * time.Minute,
		CleanupInterval: time.Hour,
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := s.client.Install(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.client.Register(backlite.NewQueue(func(_ context.Context, task backliteTask) error {
		s.started.run(task.Input)
		return nil
	}))
	return s, nil
}

func (s *onBacklite) Enqueue(ctx context.Context, in Input) error {
	_, err := s.client.Add(backliteTask{in}).Ctx(ctx).Save()
	return err
}

func (s *onBacklite) EnqueueMany(ctx context.Context, in []Input) error {
	tasks := make([]backlite.Task, len(in))
	for i := range in {
		tasks[i] = backliteTask{in[i]}
	}
	_, err := s.client.Add(tasks...).Ctx(ctx).Save()
	return err
}

func (s *onBacklite) Work(ctx context.Context, started Started) (stop func() error, err error) {
	s.started = started
	ctx, cancel := context.WithCancel(ctx)
	s.client.Start(ctx)
	return func() error {
		defer cancel()
		if !s.client.Stop(ctx) {
			return ctx.Err()
		}
		return nil
	}, nil
}

func (s *onBacklite) Left(ctx context.Context) (left bool, err error) {
	err = s.db.QueryRowContext(ctx, "select exists (select 1 from backlite_tasks)").Scan(&left)
	return left, err
}

func (s *onBacklite) Close() error { return s.db.Close() }
