package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

func newBench(s *session) *cobra.Command {
	b := &bench{session: s}
	var suite string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast this machine works jobs on this database",
		Long: `Bench measures through the public API, at default settings and default durability, in a queue
of its own, which is removed afterwards:

  insert_1        jobs/s enqueued one after the other, each durable before the next
  insert_16       jobs/s enqueued by 16 at once, a job a call
  insert_bulk     jobs/s enqueued 1,000 a call
  drain           jobs/s run by one process, the handler decoding an input of about 100 bytes
  latency_p50_ms  from the call of Enqueue to the start of the handler, on an idle system
  latency_p99_ms

It refuses a database with jobs or workers in it, for which it would be a load, and which
would be a load for it.`,
		Example: `  offload bench --db /tmp/bench.db
  offload bench --db postgres://app@localhost/bench --jobs 1000000 --json`,
		Args: cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "print one JSON object on one line")
	cmd.Flags().IntVar(&b.jobs, "jobs", 200_000, "how many jobs to enqueue in bulk and run")
	cmd.Flags().StringVar(&suite, "suite", "heart", "what to measure: heart")
	cmd.Flags().BoolVar(&b.force, "force", false, "even if there are jobs or workers")
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		switch {
		case suite != "heart":
			return &offload.InputError{Field: "--suite", Got: suite, Want: "heart"}
		case b.jobs < 1 || b.jobs > 10_000_000:
			return &offload.InputError{Field: "--jobs", Got: b.jobs, Want: "1 to 10,000,000"}
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		f, err := b.run(ctx)
		if err != nil {
			return err
		}
		return s.figures(f, *asJSON)
	})
	return cmd
}

// figures are what was measured.
type figures struct {
	Suite      string  `json:"suite"`
	Store      string  `json:"store"`
	Version    string  `json:"version"`
	Jobs       int     `json:"jobs"` // drained
	Insert1    float64 `json:"insert_1"`
	Insert16   float64 `json:"insert_16"`
	InsertBulk float64 `json:"insert_bulk"`
	Drain      float64 `json:"drain"`
	P50        float64 `json:"latency_p50_ms"`
	P99        float64 `json:"latency_p99_ms"`
}

func (s *session) figures(f *figures, asJSON bool) error {
	if asJSON {
		return s.object(f)
	}
	table := s.table("FIGURE", "VALUE", "UNIT")
	for _, row := range []struct {
		name, unit string
		value      float64
	}{
		{"insert_1", "jobs/s", f.Insert1},
		{"insert_16", "jobs/s", f.Insert16},
		{"insert_bulk", "jobs/s", f.InsertBulk},
		{"drain", "jobs/s", f.Drain},
		{"latency_p50_ms", "ms", f.P50},
		{"latency_p99_ms", "ms", f.P99},
	} {
		digits := 0
		if row.unit == "ms" {
			digits = 2
		}
		table.row(row.name, strconv.FormatFloat(row.value, 'f', digits, 64), row.unit)
	}
	return table.end()
}

// bench is one call of the command.
type bench struct {
	*session
	jobs  int
	force bool
	app   *offload.App
	queue string
	runs  *runs
}

func (b *bench) run(ctx context.Context) (_ *figures, err error) {
	b.runs = newRuns()
	b.queue = "bench-" + offload.NewID().String()
	quiet := offload.LogTo(b.log(slog.LevelError)) // its jobs wait on purpose while nobody works them
	b.app, err = b.create(ctx, b.runs.task, quiet)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.app.Close()) }()
	if err := b.free(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.remove(context.WithoutCancel(ctx))) }()
	f := &figures{Suite: "heart", Store: store.Scheme(b.address()), Version: offload.Version}
	err = b.measure(ctx, f)
	b.progress("")
	if ctx.Err() != nil {
		return nil, errors.New("interrupted; its jobs are removed")
	}
	return f, err
}

// free refuses a database that is in use.
func (b *bench) free(ctx context.Context) error {
	if b.force {
		return nil
	}
	jobs, err := b.app.Jobs(ctx, offload.Filter{Max: 1})
	if err != nil {
		return err
	}
	processes, err := operate.As(b.app, who()).Processes(ctx)
	switch {
	case err != nil:
		return err
	case len(jobs) > 0:
		return wrong("database %s holds jobs; want one of its own for a bench, or --force", b.shown())
	case len(processes) > 0:
		return wrong("database %s is worked by %s; want one of its own for a bench, or --force", b.shown(), processName(&processes[0]))
	}
	return nil
}

// remove deletes the jobs of the bench's queue.
func (b *bench) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	defer b.progress("")
	filter := offload.Filter{Queues: []string{b.queue}, Max: 5000}
	for removed := 0; ; {
		page, err := b.app.Jobs(ctx, filter)
		if err != nil {
			return fmt.Errorf("remove the jobs of queue %s: %w", b.queue, err)
		}
		if len(page) == 0 {
			return nil
		}
		ids := make([]offload.ID, len(page))
		for i, job := range page {
			ids[i] = job.ID
		}
		if err := b.app.Delete(ctx, ids...); err != nil {
			return fmt.Errorf("remove the jobs of queue %s: %w", b.queue, err)
		}
		filter.Before = ids[len(ids)-1]
		removed += len(page)
		b.progress("removing: %d jobs", removed)
	}
}
