package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/bench/contender"
)

// How long each question is asked in a round. A rate is known after some tenths of a second
// of work; more rounds tell more than longer ones.
const (
	enqueueFor = 500 * time.Millisecond
	latencyFor = 1500 * time.Millisecond
	restFor    = 1250 * time.Millisecond
	patience   = 3 * time.Minute // with one contender in one round
)

// Bounds of how many single jobs are followed in a round.
const (
	leastLatencies = 4
	mostLatencies  = 250
)

// asked is a contender, and what it has answered so far.
type asked struct {
	contender.Contender
	jobs                                 int
	drain, insert1, insert16, insertBulk []float64 // a value for each round
	latencies, rests                     []time.Duration
}

func newAsked(c contender.Contender, jobs int) *asked { return &asked{Contender: c, jobs: jobs} }

// ask is one round with one contender: first what is stored while nobody works, then, in
// another empty database, how a backlog is worked off, and how single jobs go through.
func (a *asked) ask(ctx context.Context, h *home) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it took more than %v", patience))
	defer cancel()
	err := a.opened(ctx, h, a.enqueues)
	if err == nil {
		err = a.opened(ctx, h, a.works)
	}
	if err != nil && ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

// opened calls f with the contender on an empty database.
func (a *asked) opened(ctx context.Context, h *home, f func(context.Context, contender.System) error) (err error) {
	at, leave, err := h.place(ctx, a.Contender)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	s, err := a.Open(ctx, at)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return f(ctx, s)
}

// enqueues measures what is stored while nobody works.
func (a *asked) enqueues(ctx context.Context, s contender.System) error {
	one, err := rateOf(ctx, 1, 1, s.Enqueue)
	if err != nil {
		return fmt.Errorf("enqueue one by one: %w", err)
	}
	many, err := rateOf(ctx, 16, 1, s.Enqueue)
	if err != nil {
		return fmt.Errorf("enqueue from 16 goroutines: %w", err)
	}
	a.insert1, a.insert16 = append(a.insert1, one), append(a.insert16, many)
	bulk, ok := s.(contender.ManyEnqueuer)
	if !ok {
		return nil
	}
	const each = 1000
	rate, err := rateOf(ctx, 1, each, func(ctx context.Context, in contender.Input) error {
		return bulk.EnqueueMany(ctx, inputs(in.Number, each))
	})
	if err != nil {
		return fmt.Errorf("enqueue many: %w", err)
	}
	a.insertBulk = append(a.insertBulk, rate)
	return nil
}

// rateOf calls f from some goroutines for a while, and returns how many jobs a second were
// stored, a call being so many.
func rateOf(ctx context.Context, callers, each int, f func(context.Context, contender.Input) error) (float64, error) {
	var next, stored atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, callers)
	began := time.Now()
	for i := range callers {
		all.Go(func() {
			for time.Since(began) < enqueueFor && errs[i] == nil {
				n := int(next.Add(int64(each))) - each
				if errs[i] = f(ctx, contender.InputOf(n)); errs[i] == nil {
					stored.Add(int64(each))
				}
			}
		})
	}
	all.Wait()
	return float64(stored.Load()) / time.Since(began).Seconds(), errors.Join(errs...)
}

func inputs(first, n int) []contender.Input {
	all := make([]contender.Input, n)
	for i := range all {
		all[i] = contender.InputOf(first + i)
	}
	return all
}

// works measures how a backlog is worked off, and how single jobs go through.
func (a *asked) works(ctx context.Context, s contender.System) (err error) {
	if err := fill(ctx, s, a.jobs); err != nil {
		return fmt.Errorf("enqueue %d jobs: %w", a.jobs, err)
	}
	watch := newWatch(a.jobs)
	stop, err := s.Work(ctx, watch.started)
	if err != nil {
		return fmt.Errorf("work: %w", err)
	}
	defer func() { err = errors.Join(err, stop()) }()
	took, err := watch.drained(ctx, s)
	if err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	a.drain = append(a.drain, float64(a.jobs)/took.Seconds())
	few, err := watch.latencies(ctx, s, latencyFor, func() time.Duration { return 3*time.Millisecond + rand.N(4*time.Millisecond) })
	if err != nil {
		return fmt.Errorf("latency: %w", err)
	}
	rest, err := watch.latencies(ctx, s, restFor, func() time.Duration { return 240*time.Millisecond + rand.N(20*time.Millisecond) })
	if err != nil {
		return fmt.Errorf("latency at rest: %w", err)
	}
	a.latencies, a.rests = append(a.latencies, few...), append(a.rests, rest...)
	if n := watch.twice.Load(); n > 0 {
		return fmt.Errorf("%d jobs ran twice, though nothing failed", n)
	}
	return nil
}

// fill enqueues jobs 0 to n-1 as fast as the contender can.
func fill(ctx context.Context, s contender.System, n int) error {
	if bulk, ok := s.(contender.ManyEnqueuer); ok {
		for first := 0; first < n; first += 1000 {
			if err := bulk.EnqueueMany(ctx, inputs(first, min(1000, n-first))); err != nil {
				return err
			}
		}
		return nil
	}
	const callers = 16
	var all sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		all.Go(func() {
			for number := i; number < n && errs[i] == nil; number += callers {
				errs[i] = s.Enqueue(ctx, contender.InputOf(number))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// watch is told of each start. The first jobs are a backlog; those after it come alone.
type watch struct {
	jobs   int
	seen   []atomic.Bool // of the backlog
	first  atomic.Int64  // when its first job started, in microseconds of the clock
	ran    atomic.Int64
	twice  atomic.Int64
	all    chan struct{} // closed when the whole backlog has started
	single chan time.Time
	number atomic.Int64 // of the single job that is waited for
}

func newWatch(jobs int) *watch {
	return &watch{jobs: jobs, seen: make([]atomic.Bool, jobs), all: make(chan struct{}), single: make(chan time.Time, 1)}
}

func (w *watch) started(number int, at time.Time) {
	if number >= w.jobs {
		if w.number.CompareAndSwap(int64(number), -1) {
			w.single <- at
		} else {
			w.twice.Add(1)
		}
		return
	}
	w.first.CompareAndSwap(0, at.UnixMicro())
	if w.seen[number].Swap(true) {
		w.twice.Add(1)
	} else if w.ran.Add(1) == int64(w.jobs) {
		close(w.all)
	}
}

// drained waits for the backlog, and returns the time from the start of its first job until
// the end of its last is stored. To start a process, or to connect, is no part of it.
func (w *watch) drained(ctx context.Context, s contender.System) (time.Duration, error) {
	select {
	case <-w.all:
	case <-ctx.Done():
		return 0, fmt.Errorf("%d of %d jobs had started: %w", w.ran.Load(), w.jobs, ctx.Err())
	}
	for {
		left, err := s.Left(ctx)
		if err != nil {
			return 0, err
		}
		if !left {
			break
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return 0, err
		}
	}
	return time.Since(time.UnixMicro(w.first.Load())), nil
}

// latencies enqueues single jobs for a while, each some time after the one before has
// started, and returns how long it took from the call until its handler started.
func (w *watch) latencies(ctx context.Context, s contender.System, while time.Duration, gap func() time.Duration) ([]time.Duration, error) {
	var took []time.Duration
	until := time.Now().Add(while)
	for time.Now().Before(until) && len(took) < mostLatencies || len(took) < leastLatencies {
		if err := pause(ctx, gap()); err != nil {
			return nil, err
		}
		number := w.jobs + len(took)
		w.number.Store(int64(number))
		began := time.Now()
		if err := s.Enqueue(ctx, contender.InputOf(number)); err != nil {
			return nil, err
		}
		select {
		case at := <-w.single:
			took = append(took, at.Sub(began))
		case <-ctx.Done():
			return nil, fmt.Errorf("job %d had not started: %w", number, ctx.Err())
		}
	}
	return took, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// result makes the figures of all rounds.
func (a *asked) result() result {
	slices.Sort(a.latencies)
	slices.Sort(a.rests)
	return result{
		Name: a.Name, System: a.System, Variant: a.Variant, Version: a.Version(), Store: string(a.Store), Peer: a.Peer, Tuned: a.Tuned,
		Settings: a.Settings, Durability: a.Durability, Notes: a.Notes, Many: a.Many,
		Jobs: a.jobs, Drain: median(a.drain), Insert1: median(a.insert1), Insert16: median(a.insert16), InsertBulk: median(a.insertBulk),
		P50: quantile(a.latencies, 0.50), P99: quantile(a.latencies, 0.99), RestP50: quantile(a.rests, 0.50), Latencies: len(a.latencies),
	}
}

// median is rounded to whole jobs; it is 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	m := len(values) / 2
	if len(values)%2 == 1 {
		return math.Round(values[m])
	}
	return math.Round((values[m-1] + values[m]) / 2)
}

// quantile is of sorted times, in milliseconds with two digits.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	d := sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
	return math.Round(float64(d.Microseconds())/10) / 100
}
