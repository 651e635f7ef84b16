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
//
// [Inline] runs jobs within Enqueue, [FailAttempt] makes attempts fail, [Twice] delivers a job a second
// time, as a crash may, and compares what has come of it. [Open] makes the same of a real database.
package offloadtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

// An App is an offload.App that runs jobs when told.
type App struct {
	*offload.App
	backend store.Store
	memory  *memory.Store // backend, if New has made it
	ahead   time.Duration // of a real store's clock: what Advance has moved

	mu    sync.Mutex
	twice map[offload.ID]*delivery // jobs of Twice
}

// New makes an app of parts, on a store of its own in memory, whose clock stands still at the time
// that StartAt says, or now. It panics if a part is wrong, naming it.
func New(parts ...offload.Part) *App {
	start := time.Now()
	for _, p := range parts {
		if at, ok := p.(startAt); ok {
			start = at.time
		}
	}
	s := memory.New(memory.At(start))
	a := &App{backend: s, memory: s}
	app, err := offload.New(context.Background(), s, a.with(parts)...)
	if err != nil {
		panic(err)
	}
	a.App = app
	return a
}

// StartAt lets the clock of an app made by New stand at t when it is made. It is for New itself, not
// within offload.Parts.
func StartAt(t time.Time) offload.Part { return startAt{offload.Parts(), t} }

type startAt struct {
	offload.Part
	time time.Time
}

// Open makes an app of parts on a real database, whose package must be imported, and closes it when the
// test ends. It fails the test if that is not possible. The database, or the schema in it, should be the
// test's own: a SQLite file in t.TempDir(), a PostgreSQL schema with a name of its own.
//
// Its clock is the database's, which no test can move. Advance acts as if: jobs that would be due by then are
// made due, and schedules tick as they would. What only the database's clock decides stays: rates,
// windows of unique keys, and what expires, jobs and records.
func Open(t testing.TB, address string, parts ...offload.Part) *App {
	t.Helper()
	a := &App{}
	app, err := offload.Open(context.Background(), address, a.with(parts)...)
	if err != nil {
		t.Fatalf("open %s: %v", store.Scheme(address), err)
		return nil
	}
	a.App = app
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Errorf("close the app: %v", err)
		}
	})
	if a.backend, err = inside.Store(app); err != nil {
		t.Fatal(err)
	}
	return a
}

// with returns the parts of an app, with what Twice needs outside of all others.
func (a *App) with(parts []offload.Part) []offload.Part {
	return append([]offload.Part{offload.Around(a.attempt)}, parts...)
}

// Begin begins a transaction that can be given to the app's Tx, for testing code that
// enqueues within its own. What it enqueues is there when it is committed. With Open the
// transactions are those of the database: Begin panics.
func (a *App) Begin() *memory.Tx {
	if a.memory == nil {
		panic("offloadtest: Begin is for an app in memory; give app.Tx a transaction of your database")
	}
	return a.memory.Begin()
}

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
	for next := a.nextTick(ctx); next != nil && !next.Next.After(end); next = a.nextTick(ctx) {
		if !a.tick(ctx, next) {
			break
		}
	}
	a.move(end.Sub(a.Now()))
	if a.memory == nil {
		a.hurry(ctx)
	}
}

// AdvanceTo moves the app's clock to t, which is not before now, as Advance does.
func (a *App) AdvanceTo(t time.Time) {
	d := t.Sub(a.Now())
	if d < 0 {
		panic(fmt.Errorf("offloadtest: AdvanceTo(%s): it is %s already", t, a.Now()))
	}
	a.Advance(d)
}

// move moves the clock, or what is ahead of it.
func (a *App) move(d time.Duration) {
	if a.memory != nil {
		a.memory.Advance(d)
		return
	}
	a.ahead += d
}

// tick lets a schedule tick at its time, and reports whether it did.
func (a *App) tick(ctx context.Context, s *store.Schedule) bool {
	a.move(max(0, s.Next.Sub(a.Now())))
	took := 1
	var err error
	if a.memory != nil {
		took, err = inside.Tick(ctx, a.App)
	} else {
		err = inside.TickAt(ctx, a.App, s.Name, s.Next)
	}
	if err != nil {
		panic(fmt.Errorf("offloadtest: tick: %w", err))
	}
	return took > 0
}

// nextTick returns the schedule that ticks first; nil if none does.
func (a *App) nextTick(ctx context.Context) (next *store.Schedule) {
	schedules, err := a.backend.Schedules(ctx)
	if err != nil {
		panic(fmt.Errorf("offloadtest: %w", err))
	}
	for i := range schedules {
		s := &schedules[i]
		if !s.Paused && !s.Next.IsZero() && (next == nil || s.Next.Before(next.Next)) {
			next = s
		}
	}
	return next
}

// hurry makes the jobs due that would be by now.
func (a *App) hurry(ctx context.Context) {
	now := a.Now()
	filter := offload.Filter{States: []offload.State{offload.Scheduled, offload.Retryable}, Max: 1000}
	for {
		page, err := a.Jobs(ctx, filter)
		if err != nil {
			panic(fmt.Errorf("offloadtest: advance: %w", err))
		}
		if len(page) == 0 {
			return
		}
		var ids []offload.ID
		for _, job := range page {
			if !job.RunAt.After(now) {
				ids = append(ids, job.ID)
			}
		}
		if err := a.RunNow(ctx, ids...); err != nil {
			panic(fmt.Errorf("offloadtest: advance: %w", err))
		}
		filter.Before = page[len(page)-1].ID
	}
}

// Now returns the time of the app's clock.
func (a *App) Now() time.Time {
	now, err := a.backend.Now(context.Background())
	if err != nil {
		panic(fmt.Errorf("offloadtest: %w", err))
	}
	return now.Add(a.ahead)
}
