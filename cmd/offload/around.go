package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
)

// around is the suite of what is around a run: what jobs wait for, what they say, who looks on.
type around struct {
	*bench
	runs    *runs
	fan     *fan
	chatter *chatter
}

func newAround(b *bench) *around {
	return &around{bench: b, runs: newRuns(), fan: newFan(b), chatter: newChatter(b)}
}

func (a *around) parts() []offload.Part {
	return append(a.fan.parts(), a.runs.task, a.chatter.task, offload.Workers(a.chatter.queue, chatterers))
}

// Bounds of how many jobs a measurement has.
const (
	mostInBatch  = 10_000
	mostObserved = 100_000
)

// measure begins with what wants nothing else in the database.
func (a *around) measure(ctx context.Context, f *figures) error {
	n := min(a.jobs, mostInBatch)
	f.jobs = n
	for _, measure := range []func(context.Context, *figures, int) error{a.copied, a.batch, a.fans, a.lines, a.observed} {
		if err := measure(ctx, f, n); err != nil {
			return err
		}
	}
	return nil
}

// batch measures batches with a job after them, in turn with plain jobs, from the first call to the end
// of the last job.
func (a *around) batch(ctx context.Context, f *figures, n int) error {
	const name = "batch"
	queue := a.queue("-" + name)
	calls := func() []*offload.Call {
		calls := make([]*offload.Call, n)
		for i := range calls {
			calls[i] = a.runs.task.Call(loadOf(i, "ada.lovelace"), offload.Queue(queue))
		}
		return calls
	}
	batched := func() []*offload.Call {
		batch := offload.Batch(calls()...)
		a.batches = append(a.batches, batch.ID())
		return []*offload.Call{batch, a.runs.task.Call(loadOf(n, "ada.lovelace"), offload.Queue(queue), offload.After(batch))}
	}
	err := f.inTurn(name, n, func(round int, feature bool) (time.Duration, error) {
		enqueue, runs := calls, n
		if feature {
			enqueue, runs = batched, n+1
		} else {
			a.progress("%s: round %d of %d", name, round+1, rounds)
		}
		began := time.Now()
		if _, err := a.app.Enqueue(ctx, enqueue()...); err != nil {
			return 0, err
		}
		enqueued := time.Since(began)
		drained, err := a.drain(ctx, a.app, a.runs, queue, runs)
		return enqueued + drained, err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// observed measures plain jobs of a program that has something around each attempt, is told of all
// changes, and watches them, in turn with one that has nothing of it.
func (a *around) observed(ctx context.Context, f *figures, _ int) (failed error) {
	const name = "observed_drain"
	n := min(a.jobs, mostObserved)
	observer, err := a.observer(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { failed = errors.Join(failed, observer.Close()) }()
	queue := a.queue("-observed")
	err = f.inTurn(name, n, func(_ int, feature bool) (time.Duration, error) {
		if err := a.fill(ctx, a.app, a.runs.task, name, queue, n); err != nil {
			return 0, err
		}
		app := a.app
		if feature {
			app = observer
		}
		return a.watched(ctx, app, queue, n, feature)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// observer opens the database as another program.
func (a *around) observer(ctx context.Context) (*offload.App, error) {
	return a.create(ctx, a.runs.task, a.quiet(),
		offload.Around(func(ctx context.Context, _ *offload.Job, next func(context.Context) error) error { return next(ctx) }),
		offload.OnEvent(func(context.Context, offload.Event) {}))
}

// watched is drain, with somebody who watches the queue's jobs if that is wanted.
func (a *around) watched(ctx context.Context, app *offload.App, queue string, n int, watch bool) (took time.Duration, err error) {
	if !watch {
		return a.drain(ctx, app, a.runs, queue, n)
	}
	watching, stop := context.WithCancel(ctx)
	events := app.Watch(watching, offload.Filter{Queues: []string{queue}})
	ended := make(chan error, 1)
	go func() {
		for _, err := range events {
			if err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	took, err = a.drain(ctx, app, a.runs, queue, n)
	stop()
	if failed := <-ended; err == nil {
		err = failed
	}
	return took, err
}
