package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

func newBench(s *session) *cobra.Command {
	b := &bench{session: s}
	var name string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast this machine works jobs on this database",
		Long: `Bench measures through the public API, at default settings and default durability. Without --db
and $OFFLOAD_DB it makes a SQLite database in the working directory, and removes it afterwards. In a
database that is given it uses queues of its own, and deletes their jobs, which takes longer than to
measure. Suite heart measures plain jobs:

  insert_1        jobs/s enqueued one after the other, each durable before the next
  insert_16       jobs/s enqueued by 16 at once, a job a call
  insert_bulk     jobs/s enqueued 1,000 a call
  drain           jobs/s run by one process, the handler decoding an input of about 100 bytes
  latency_p50_ms  from the call of Enqueue to the start of the handler, on an idle system
  latency_p99_ms

Suite admission measures what says when a job may run, in turn with plain jobs; each ratio is
that of medians of three, with half of --jobs each:

  unique_insert   jobs/s enqueued 1,000 a call, each with a unique key
  limited_drain   jobs/s run under a limit of 1, over 1,000 keys
  fair_drain      jobs/s run of 1,000 keys that take turns
  small_wait      jobs started until the last of ten of a small tenant is, beside a huge one
                  and among handlers of 50 ms, as a multiple of the twenty that are its share
  schedules_cpu   percent of a core that this process takes for up to 10,000 schedules that
                  tick each minute, and their jobs, over what it takes at rest
  schedules_late_p99_ms  from a tick to the start of its job
  beside_drain    jobs/s run of plain jobs, while five times --jobs wait for one key

Suite around measures what is around a run, with medians of three. Batches and fans have --jobs,
but at most 10,000; what is wanted of 10,000 stands in brackets:

  batch           jobs/s enqueued at once as a batch with a job after it, and run [half of plain jobs]
  fan_out_ms      from the return of a job to the moment when all that are after it can be claimed
  fan_in_ms       from the return of the last of them to the start of the one that is after them all
  fan_ms          both [1,000]
  log_lines       lines/s kept of jobs that log and report progress as fast as they can [20,000]
  log_left_out    percent of their lines that came faster than the database took them
  log_call_ns     that a call of the logger takes their handlers
  progress_call_ns
  copy            jobs/s moved and compared as by offload copy, from a SQLite file to another, or
                  from PostgreSQL to a SQLite file in the working directory [50,000]; PostgreSQL is
                  paused meanwhile, and after a kill until offload adopt
  observed_drain  jobs/s run by a program with Around, OnEvent and Watch, beside one without

Suite dashboard measures each page of the dashboard over a history of --jobs, of which one in a
hundred failed, one in fifty waits and up to 1,000 run: the time that the server takes for it, with
nothing kept from the request before, 95 in 100 within it. On PostgreSQL the database is vacuumed
before. And:

  live_drain      jobs/s run while ten dashboards are open, in turn with none, medians of three

It refuses a database with jobs or workers in it, for which it would be a load, and which
would be a load for it.`,
		Example: `  offload bench
  offload bench --db postgres://app@localhost/bench --jobs 1000000 --json
  offload bench --suite admission
  offload bench --suite around --jobs 10000
  offload bench --suite dashboard --jobs 5000000`,
		Args: cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "print one JSON object on one line")
	cmd.Flags().IntVar(&b.jobs, "jobs", 200_000, "how many jobs to enqueue in bulk and run")
	cmd.Flags().StringVar(&name, "suite", "heart", "what to measure: heart, admission, around or dashboard")
	cmd.Flags().BoolVar(&b.force, "force", false, "even if there are jobs or workers")
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		switch name {
		case "heart":
			b.suite = newHeart(b)
		case "admission":
			b.suite = newAdmission(b)
		case "around":
			b.suite = newAround(b)
		case "dashboard":
			b.suite = newLooks(b)
		default:
			return &offload.InputError{Field: "--suite", Got: name, Want: "heart, admission, around or dashboard"}
		}
		if b.jobs < 1 || b.jobs > 10_000_000 {
			return &offload.InputError{Field: "--jobs", Got: b.jobs, Want: "1 to 10,000,000"}
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		unhook := context.AfterFunc(ctx, func() {
			stop() // a second signal finds no handler, and ends the process
			s.note("offload: interrupted; removing what it has stored, which a second signal leaves")
		})
		defer unhook()
		return b.run(ctx, &figures{suite: name, store: store.Scheme(b.address())}, *asJSON)
	})
	return cmd
}

// A suite is a set of measurements that belong together.
type suite interface {
	// parts are what the app is made of.
	parts() []offload.Part

	// measure takes all figures.
	measure(ctx context.Context, f *figures) error
}

// bench is one call of the command.
type bench struct {
	*session
	jobs      int
	force     bool
	suite     suite
	app       *offload.App
	own       bool         // the database is of this call, and is removed as a whole
	alone     bool         // there was nothing else in the database, and nobody
	name      string       // of this call: its queues and schedules begin with it
	queues    []string     // to be emptied in the end
	schedules []string     // to be removed in the end
	batches   []offload.ID // likewise
}

// queue names a queue of the bench's own.
func (b *bench) queue(name string) string {
	if b.name == "" {
		b.name = "bench-" + offload.NewID().String()
	}
	queue := b.name + name
	b.queues = append(b.queues, queue)
	return queue
}

// run prints what was measured before it removes what that has left, which may take longer.
func (b *bench) run(ctx context.Context, f *figures, asJSON bool) (failed error) {
	if b.given == "" && os.Getenv("OFFLOAD_DB") == "" {
		remove, err := b.makeOwn()
		if err != nil {
			return err
		}
		defer func() { failed = errors.Join(failed, remove()) }()
	}
	app, err := b.create(ctx, append(b.suite.parts(), b.quiet())...)
	if err != nil {
		return interrupted(ctx, err)
	}
	b.app = app
	defer func() { failed = errors.Join(failed, app.Close()) }()
	if err := b.free(ctx); err != nil {
		return interrupted(ctx, err)
	}
	defer func() { failed = errors.Join(failed, b.clean(context.WithoutCancel(ctx))) }()
	err = b.suite.measure(ctx, f)
	b.progress("")
	if err = interrupted(ctx, err); err != nil {
		return err
	}
	return errors.Join(b.session.figures(f, asJSON), b.out.Flush())
}

// interrupted says so in place of what has failed for it.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// quiet leaves out what is no error: its jobs wait on purpose while nobody works them.
func (b *bench) quiet() offload.Part { return offload.LogTo(b.log(slog.LevelError)) }

// makeOwn makes a database of this call, and returns what removes it.
func (b *bench) makeOwn() (remove func() error, err error) {
	dir, remove, err := benchDir()
	if err != nil {
		return nil, fmt.Errorf("make a database for the bench: %w; --db names one that is there", err)
	}
	b.own, b.given = true, filepath.Join(dir, "offload.db")
	return remove, nil
}

// benchDir makes a directory for databases where the call is made, since what lies in /tmp may never
// come to a disk, and returns what removes it.
func benchDir() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp(".", "offload-bench-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// free refuses a database that is in use.
func (b *bench) free(ctx context.Context) error {
	jobs, err := b.app.Jobs(ctx, offload.Filter{Max: 1})
	if err != nil {
		return err
	}
	processes, err := operate.As(b.app, who()).Processes(ctx)
	switch {
	case err != nil:
		return err
	case len(jobs) == 0 && len(processes) == 0:
		b.alone = true
		return nil
	case b.force:
		return nil
	case len(jobs) > 0:
		return wrong("database %s holds jobs; want one of its own for a bench, or --force", b.shown())
	}
	return wrong("database %s is worked by %s; want one of its own for a bench, or --force", b.shown(), processName(&processes[0]))
}

// clean removes what the bench has stored, however long it takes: who won't wait can interrupt it.
func (b *bench) clean(ctx context.Context) error {
	if b.own {
		return nil
	}
	defer b.progress("")
	for _, name := range b.schedules {
		if err := b.app.RemoveSchedule(ctx, name); err != nil && !errors.Is(err, offload.ErrNotFound) {
			return err
		}
	}
	for _, id := range b.batches { // which are in no queue of the bench
		if err := b.app.Delete(ctx, id); err != nil && !errors.Is(err, offload.ErrNotFound) {
			return err
		}
	}
	return b.remove(ctx, b.queues...)
}

// remove deletes the jobs of queues.
func (b *bench) remove(ctx context.Context, queues ...string) error {
	filter := offload.Filter{Queues: queues, Max: 5000}
	for removed := 0; ; {
		page, err := b.app.Jobs(ctx, filter)
		if err != nil {
			return fmt.Errorf("remove the jobs of %s: %w", b.name, err)
		}
		if len(page) == 0 {
			return nil
		}
		ids := make([]offload.ID, len(page))
		for i, job := range page {
			ids[i] = job.ID
		}
		if err := b.app.Delete(ctx, ids...); err != nil {
			return fmt.Errorf("remove the jobs of %s: %w", b.name, err)
		}
		filter.Before = ids[len(ids)-1]
		removed += len(page)
		b.progress("removing: %d jobs", removed)
	}
}
