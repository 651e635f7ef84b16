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

	"github.com/offloadhq/offload"
)

// A load is an input of about 100 bytes of JSON, such as a mail in the background has.
type load struct {
	Number  int    `json:"number"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Letter  string `json:"letter"`
}

func loadOf(n int) load {
	return load{n, "ada.lovelace@example.com", "Your order is on its way", "shipped"}
}

// runs is the handler of the bench: it counts, and tells when a job starts.
type runs struct {
	task   *offload.Task[load]
	count  atomic.Int64
	goal   atomic.Int64
	done   chan struct{}  // gets a value when count reaches goal
	starts chan time.Time // gets the start of each job while listening
	listen atomic.Bool
}

func newRuns() *runs {
	r := &runs{done: make(chan struct{}, 1), starts: make(chan time.Time, 1)}
	r.task = offload.NewTask("bench", r.run)
	return r
}

func (r *runs) run(ctx context.Context, in load) error {
	if r.listen.Load() {
		select {
		case r.starts <- time.Now():
		case <-ctx.Done():
		}
	}
	if in.To == "" {
		return errors.New("the input was not decoded")
	}
	if r.count.Add(1) == r.goal.Load() {
		r.done <- struct{}{}
	}
	return nil
}

// measure takes all figures: first what is stored while nobody works, then how it is worked
// off, then the way of single jobs through an idle process.
func (b *bench) measure(ctx context.Context, f *figures) (err error) {
	one, many := min(max(b.jobs/100, 50), 2000), min(max(b.jobs/10, 160), 20_000)
	if f.Insert1, err = b.insert(ctx, "insert_1", one, 1, 1); err != nil {
		return err
	}
	if f.Insert16, err = b.insert(ctx, "insert_16", many, 16, 1); err != nil {
		return err
	}
	if f.InsertBulk, err = b.insert(ctx, "insert_bulk", b.jobs, 1, 1000); err != nil {
		return err
	}
	f.Jobs = one + many + b.jobs

	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var ran error
	defer func() {
		cancel()
		running.Wait()
		err = errors.Join(ran, err)
	}()
	b.runs.goal.Store(int64(f.Jobs))
	began := time.Now()
	running.Go(func() {
		defer cancel() // a Run that could not start ends the measuring
		ran = b.app.Run(ctx, b.queue)
	})
	if err := b.drained(ctx, f.Jobs); err != nil {
		return err
	}
	f.Drain = rate(f.Jobs, time.Since(began))
	f.P50, f.P99, err = b.latency(ctx)
	return err
}

// insert enqueues n jobs by some callers, so many a call, and returns how many a second.
func (b *bench) insert(ctx context.Context, name string, n, callers, each int) (float64, error) {
	var taken, stored atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, callers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := time.Now()
	for i := range callers {
		all.Go(func() {
			for {
				last := int(taken.Add(int64(each)))
				first := last - each
				if first >= n {
					return
				}
				if errs[i] = b.enqueue(ctx, first, min(last, n)); errs[i] != nil {
					cancel()
					return
				}
				if now := stored.Add(int64(each)); now%1000 == 0 {
					b.progress("%s: %d of %d jobs", name, now, n)
				}
			}
		})
	}
	all.Wait()
	return rate(n, time.Since(began)), errors.Join(errs...)
}

func (b *bench) enqueue(ctx context.Context, first, last int) error {
	inputs := make([]load, 0, last-first)
	for n := first; n < last; n++ {
		inputs = append(inputs, loadOf(n))
	}
	_, err := b.runs.task.EnqueueMany(ctx, b.app, inputs, offload.Queue(b.queue))
	return err
}

// drained returns when all jobs have run and their ends are in the store.
func (b *bench) drained(ctx context.Context, jobs int) error {
	tick := time.NewTicker(time.Second / 4)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.runs.done:
			running = false
		case <-tick.C:
			b.progress("drain: %d of %d jobs", b.runs.count.Load(), jobs)
		}
	}
	for {
		left, err := b.app.Jobs(ctx, offload.Filter{Queues: []string{b.queue}, States: []offload.State{offload.Running}, Max: 1})
		if err != nil {
			return fmt.Errorf("wait for the last job: %w", err)
		}
		if len(left) == 0 {
			return nil
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// Bounds of how many single jobs are followed.
const (
	leastLatencies = 20
	latencies      = 500
)

// latency enqueues single jobs a few milliseconds apart and returns how long it took until
// their handler began, in milliseconds.
func (b *bench) latency(ctx context.Context) (p50, p99 float64, err error) {
	b.runs.listen.Store(true)
	defer b.runs.listen.Store(false)
	if err := pause(ctx, time.Second); err != nil { // so that nothing of the drain is under way
		return 0, 0, err
	}
	took := make([]time.Duration, min(max(b.jobs, leastLatencies), latencies))
	for i := range took {
		began := time.Now()
		if err := b.enqueue(ctx, i, i+1); err != nil {
			return 0, 0, err
		}
		select {
		case started := <-b.runs.starts:
			took[i] = started.Sub(began)
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
		if i%20 == 0 {
			b.progress("latency: %d of %d jobs", i, len(took))
		}
		if err := pause(ctx, 3*time.Millisecond+rand.N(4*time.Millisecond)); err != nil {
			return 0, 0, err
		}
	}
	slices.Sort(took)
	return milliseconds(took[len(took)/2]), milliseconds(took[len(took)*99/100]), nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func rate(n int, d time.Duration) float64 { return math.Round(float64(n) / d.Seconds()) }

func milliseconds(d time.Duration) float64 { return math.Round(float64(d.Microseconds())/10) / 100 }
