package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/offloadhq/offload"
)

// Jobs that say what they can.
const (
	chatterers   = 16   // at once
	mostChatter  = 100  // jobs
	mostSaid     = 2000 // lines of a job
	saidTogether = 50   // calls that are timed as one
)

// chatter is the handler of their jobs.
type chatter struct {
	task  *offload.Task[int] // of how many lines
	queue string
	done  chan struct{} // gets a value when all have returned

	mu             sync.Mutex
	began          time.Time // the first
	left           int
	logs, progress []float64 // nanoseconds of a call
}

func newChatter(b *bench) *chatter {
	c := &chatter{queue: b.queue("-lines"), done: make(chan struct{}, 1)}
	c.task = offload.NewTask("bench-lines", c.run, offload.Queue(c.queue))
	return c
}

func (c *chatter) run(ctx context.Context, lines int) error {
	c.begin()
	log := offload.Logger(ctx)
	var logs, progress []float64
	for said := 0; said < lines; said += saidTogether {
		began := time.Now()
		for i := range saidTogether {
			offload.Progress(ctx, said+i+1, lines, "rows")
		}
		reported := time.Now()
		for i := range saidTogether {
			log.Info("row was left out", "row", said+i)
		}
		logged := time.Now()
		progress = append(progress, float64(reported.Sub(began))/saidTogether)
		logs = append(logs, float64(logged.Sub(reported))/saidTogether)
	}
	c.end(logs, progress)
	return nil
}

func (c *chatter) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.began.IsZero() {
		c.began = time.Now()
	}
}

func (c *chatter) end(logs, progress []float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logs, c.progress = append(c.logs, logs...), append(c.progress, progress...)
	if c.left--; c.left == 0 {
		c.done <- struct{}{}
	}
}

// lines measures what becomes of lines that jobs log as fast as they can, until all that is kept is
// written, and how long their handlers take for that.
func (a *around) lines(ctx context.Context, f *figures, _ int) error {
	const name = "log_lines"
	c := a.chatter
	inputs := make([]int, min(max(a.jobs/20, chatterers), mostChatter))
	lines := min(max(a.jobs, saidTogether), mostSaid) / saidTogether * saidTogether
	for i := range inputs {
		inputs[i] = lines
	}
	c.left = len(inputs)
	jobs, err := c.task.EnqueueMany(ctx, a.app, inputs)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	a.progress("%s: %d jobs", name, len(jobs))
	var took time.Duration
	err = a.working(ctx, c.queue, func(ctx context.Context) error {
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := a.none(ctx, c.queue, offload.Running)
		took = time.Since(c.began)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	kept, err := a.kept(ctx, jobs)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f.add(name, "lines/s", rate(kept, took), 0)
	f.add("log_left_out", "%", 100*(1-float64(kept)/float64(lines*len(jobs))), 1)
	f.add("log_call_ns", "ns", median(c.logs), 0)
	f.add("progress_call_ns", "ns", median(c.progress), 0)
	return nil
}

// kept counts the lines of jobs, without those that say how many are left out.
func (a *around) kept(ctx context.Context, jobs []*offload.Job) (n int, err error) {
	for _, job := range jobs {
		for line, err := range a.app.Logs(ctx, job.ID, false) {
			if err != nil {
				return 0, err
			}
			if line.Level == slog.LevelInfo.String() {
				n++
			}
		}
	}
	return n, nil
}
