// Package offloadtest tests tasks: an app in memory whose clock and workers the test moves.
//
//	app := offloadtest.New(Confirm.Handle(confirm))
//	defer app.Close()
//	Confirm.Enqueue(ctx, app, Order{ID: 7}, offload.Delay(time.Hour))
//	offloadtest.WantEnqueued(t, app, Confirm, Order{ID: 7})
//	app.Advance(time.Hour)
//	app.Drain()
//
// Nothing runs by itself and nothing waits: a retry in a day is an Advance away. Apps share
// nothing, so tests may be parallel. A handler that needs no app is a plain function, and is
// best tested as one.
package offloadtest

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store/memory"
)

// An App is an offload.App that runs jobs when told.
type App struct {
	*offload.App
	store *memory.Store
}

// New makes an app of parts, on a store of its own in memory, whose clock stands still. It
// panics if a part is wrong, naming it.
func New(parts ...offload.Part) *App {
	s := memory.New(memory.At(time.Now()))
	app, err := offload.New(context.Background(), s, parts...)
	if err != nil {
		panic(err)
	}
	return &App{app, s}
}

// Begin begins a transaction that can be given to the app's Tx, for testing code that
// enqueues within its own. What it enqueues is there when it is committed.
func (a *App) Begin() *memory.Tx { return a.store.Begin() }

// Count is how the attempts of a Drain ended.
type Count struct{ Completed, Retried, Discarded, Cancelled, Snoozed int }

// Drain runs due jobs of all queues in the calling goroutine, and those that they enqueue,
// until none is due, and returns how their attempts ended. A retry is not due until Advance, nor
// is what a rate keeps waiting. It also does what else a worker does now: schedules tick, limits
// let jobs through, those out of time expire, rows of the inbox become jobs.
// It panics if the app is closed. Not safe for concurrent use with itself.
func (a *App) Drain() Count {
	count, err := inside.Drain(context.Background(), a.App)
	if err != nil {
		panic(fmt.Errorf("offloadtest: drain: %w", err))
	}
	return Count(count)
}

// Advance moves the app's clock by d. Jobs that become due run with the next Drain. Schedules
// tick on the way, each at its time: as a job of theirs doesn't end before the next Drain, one with
// OverlapSkip, which is the default, has no second one until then.
func (a *App) Advance(d time.Duration) {
	ctx := context.Background()
	end := a.Now().Add(d)
	for next := a.nextTick(ctx); !next.IsZero() && !next.After(end); next = a.nextTick(ctx) {
		a.store.Advance(max(0, next.Sub(a.Now())))
		took, err := inside.Tick(ctx, a.App)
		if err != nil {
			panic(fmt.Errorf("offloadtest: tick: %w", err))
		}
		if took == 0 {
			break
		}
	}
	a.store.Advance(end.Sub(a.Now()))
}

// nextTick returns when the first schedule ticks; the zero time if none does.
func (a *App) nextTick(ctx context.Context) (next time.Time) {
	schedules, err := a.store.Schedules(ctx)
	if err != nil {
		panic(fmt.Errorf("offloadtest: %w", err))
	}
	for _, s := range schedules {
		if !s.Paused && !s.Next.IsZero() && (next.IsZero() || s.Next.Before(next)) {
			next = s.Next
		}
	}
	return next
}

// Now returns the time of the app's clock.
func (a *App) Now() time.Time {
	now, err := a.store.Now(context.Background())
	if err != nil {
		panic(fmt.Errorf("offloadtest: %w", err))
	}
	return now
}
