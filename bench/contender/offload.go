package contender

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/offloadhq/offload"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

var offloadPostgres = Contender{
	Name: "offload-postgres", System: "offload", Store: PostgreSQL,
	Settings:   "100 jobs of a queue at once",
	Durability: flushed,
	Notes:      "keeps completed jobs for a day, in a table of their own; a lost worker's jobs go on within 20 s",
	Many:       "EnqueueMany",
	Jobs:       200_000,
	Open: func(ctx context.Context, at Place) (System, error) {
		return openOffload(ctx, at.Postgres)
	},
}

var offloadSQLite = Contender{
	Name: "offload-sqlite", System: "offload", Store: SQLite,
	Settings:   "100 jobs of a queue at once",
	Durability: flushed,
	Notes:      "keeps completed jobs for a day, in a table of their own; a lost worker's jobs go on within a second",
	Many:       "EnqueueMany",
	Jobs:       200_000,
	Open: func(ctx context.Context, at Place) (System, error) {
		return openOffload(ctx, filepath.Join(at.Dir, "offload.db"))
	},
}

// onOffload is offload, through its public API alone.
type onOffload struct {
	app     *offload.App
	task    *offload.Task[Input]
	started Started // set before Run
}

func openOffload(ctx context.Context, address string) (System, error) {
	s := &onOffload{}
	s.task = offload.NewTask("bench", func(_ context.Context, in Input) error {
		s.started.run(in)
		return nil
	})
	var err error
	s.app, err = offload.Open(ctx, address, s.task, offload.LogTo(onlyErrors()))
	return s, err
}

func (s *onOffload) Enqueue(ctx context.Context, in Input) error {
	_, err := s.task.Enqueue(ctx, s.app, in)
	return err
}

func (s *onOffload) EnqueueMany(ctx context.Context, in []Input) error {
	_, err := s.task.EnqueueMany(ctx, s.app, in)
	return err
}

func (s *onOffload) Work(ctx context.Context, started Started) (stop func() error, err error) {
	s.started = started
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var ran error
	running.Go(func() { ran = s.app.Run(ctx) })
	return func() error {
		cancel()
		running.Wait()
		return ran
	}, nil
}

func (s *onOffload) Left(ctx context.Context) (bool, error) {
	for _, state := range []offload.State{offload.Running, offload.Available, offload.Retryable, offload.Blocked} {
		jobs, err := s.app.Jobs(ctx, offload.Filter{States: []offload.State{state}, Max: 1})
		if err != nil || len(jobs) > 0 {
			return true, err
		}
	}
	return false, nil
}

func (s *onOffload) Close() error { return s.app.Close() }

// onlyErrors is a log for contenders: that jobs wait while nobody works is meant.
func onlyErrors() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}
