package offloadtest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
)

// Inline runs jobs before Enqueue returns, in its goroutine, as far as they are due: with all that they
// enqueue themselves. Enqueue then returns the jobs as they are after it, and, if an attempt of
// them failed, its error, which errors.Is and errors.As know. Further attempts wait for Advance and
// Drain. What is enqueued in a transaction runs with the next enqueue outside of it, or Drain, after
// the commit.
//
// It is for code that enqueues and then looks at what has come of it. One goroutine at a time may enqueue.
func Inline() offload.Part {
	in := &inline{errs: map[offload.ID]error{}}
	return offload.Parts(offload.AroundEnqueue(in.enqueue), offload.Around(in.attempt))
}

type inline struct {
	mu   sync.Mutex
	errs map[offload.ID]error // of the last attempts
}

func (in *inline) attempt(ctx context.Context, _ *offload.Job, next func(context.Context) error) error {
	err := next(ctx)
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, job := range offload.JobsOf(ctx) {
		in.errs[job.ID] = err
	}
	return err
}

func (in *inline) enqueue(ctx context.Context, calls []*offload.Call, next func(context.Context, []*offload.Call) ([]*offload.Job, error)) ([]*offload.Job, error) {
	jobs, err := next(ctx, calls)
	if err != nil || len(jobs) == 0 {
		return jobs, err
	}
	app := offload.AppOf(ctx)
	if _, err := app.Job(ctx, jobs[0].ID); errors.Is(err, offload.ErrNotFound) {
		return jobs, nil // the transaction is not committed
	}
	if _, err := inside.Drain(context.WithoutCancel(ctx), app); err != nil {
		return nil, fmt.Errorf("offloadtest: run jobs inline: %w", err)
	}
	return in.ran(ctx, app, jobs)
}

// ran returns jobs as they are now, and the errors of those that failed.
func (in *inline) ran(ctx context.Context, app *offload.App, jobs []*offload.Job) ([]*offload.Job, error) {
	after := make([]*offload.Job, len(jobs))
	var errs []error
	for i, before := range jobs {
		job, err := app.Job(ctx, before.ID)
		if err != nil {
			return nil, err
		}
		job.Existing, job.Replaced = before.Existing, before.Replaced
		after[i] = job
		in.mu.Lock()
		err = in.errs[job.ID]
		delete(in.errs, job.ID)
		in.mu.Unlock()
		if err != nil && job.State != offload.Completed && job.State != offload.Scheduled {
			errs = append(errs, fmt.Errorf("job %s of task %q is %s: %w", job.ID, job.Task, job.State, err))
		}
	}
	return after, errors.Join(errs...)
}

// FailAttempt makes the nth attempt of each of a task's jobs fail with err, without calling the handler:
// n is Job.Attempt, which a snooze raises too. offload.Discard(err) and the like decide how it goes on. A call of
// HandleMany fails as a whole. It panics if n or err make no sense.
func FailAttempt(task interface{ Name() string }, n int, err error) offload.Part {
	switch {
	case n < 1:
		panic(&offload.InputError{Task: task.Name(), Field: "FailAttempt", Got: n, Want: "1, which is the first, or more"})
	case err == nil:
		panic(&offload.InputError{Task: task.Name(), Field: "FailAttempt", Got: "a nil error", Want: "an error"})
	}
	name := task.Name()
	return offload.Around(func(ctx context.Context, _ *offload.Job, next func(context.Context) error) error {
		for _, job := range offload.JobsOf(ctx) {
			if job.Task == name && job.Attempt == n {
				return err
			}
		}
		return next(ctx)
	})
}
