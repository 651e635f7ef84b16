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
	var plain, feature []float64
	for round := range rounds {
		a.progress("%s: round %d of %d", name, round+1, rounds)
		for _, one := range []struct {
			calls func() []*offload.Call
			runs  int
			rates *[]float64
		}{{calls, n, &plain}, {batched, n + 1, &feature}} {
			began := time.Now()
			if _, err := a.app.Enqueue(ctx, one.calls()...); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			enqueued := time.Since(began)
			drained, err := a.drain(ctx, a.app, queue, one.runs)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			*one.rates = append(*one.rates, rate(n, enqueued+drained))
		}
	}
	f.addPair(name, plain, feature)
	return nil
}

// drain lets an app run the n jobs of a queue, and returns how long that takes.
func (a *around) drain(ctx context.Context, app *offload.App, queue string, n int) (took time.Duration, err error) {
	a.runs.expect(n)
	began := time.Now()
	err = during(ctx, app, func(ctx context.Context) error {
		err := a.drained(ctx, a.runs, queue)
		took = time.Since(began)
		return err
	}, queue)
	return took, err
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
	var plain, feature []float64
	for range rounds {
		for _, one := range []struct {
			app   *offload.App
			rates *[]float64
		}{{a.app, &plain}, {observer, &feature}} {
			if err := a.fill(ctx, a.app, name, queue, n); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			took, err := a.watched(ctx, one.app, queue, n, one.app == observer)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			*one.rates = append(*one.rates, rate(n, took))
		}
	}
	f.addPair(name, plain, feature)
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
		return a.drain(ctx, app, queue, n)
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
	took, err = a.drain(ctx, app, queue, n)
	stop()
	if failed := <-ended; err == nil {
		err = failed
	}
	return took, err
}

// fill enqueues n plain jobs, 1,000 a call.
func (a *around) fill(ctx context.Context, app *offload.App, name, queue string, n int) error {
	for done := 0; done < n; {
		last := min(done+1000, n)
		if _, err := a.runs.task.EnqueueMany(ctx, app, loads(done, last, "ada.lovelace"), offload.Queue(queue)); err != nil {
			return err
		}
		done = last
		a.progress("%s: %d of %d jobs enqueued", name, done, n)
	}
	return nil
}
