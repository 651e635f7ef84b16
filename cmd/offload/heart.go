package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload"
)

// heart is the suite of plain jobs.
type heart struct {
	*bench
	runs  *runs
	queue string
}

func newHeart(b *bench) *heart { return &heart{b, newRuns(), b.queue("")} }

func (h *heart) parts() []offload.Part { return []offload.Part{h.runs.task} }

// measure takes all figures: first what is stored while nobody works, then how it is worked
// off, then the way of single jobs through an idle process.
func (h *heart) measure(ctx context.Context, f *figures) error {
	one, many := min(max(h.jobs/100, 50), 2000), min(max(h.jobs/10, 160), 20_000)
	for _, insert := range []struct {
		name                string
		jobs, callers, each int
	}{
		{"insert_1", one, 1, 1},
		{"insert_16", many, 16, 1},
		{"insert_bulk", h.jobs, 1, 1000},
	} {
		took, err := h.insert(ctx, insert.name, insert.jobs, insert.callers, insert.each)
		if err != nil {
			return err
		}
		f.add(insert.name, "jobs/s", rate(insert.jobs, took), 0)
	}
	f.jobs = one + many + h.jobs
	h.runs.expect(f.jobs)
	began := time.Now()
	return h.working(ctx, h.queue, func(ctx context.Context) error {
		if err := h.drained(ctx, h.runs, h.queue); err != nil {
			return err
		}
		f.add("drain", "jobs/s", rate(f.jobs, time.Since(began)), 0)
		p50, p99, err := h.latency(ctx)
		f.add("latency_p50_ms", "ms", milliseconds(p50), 2)
		f.add("latency_p99_ms", "ms", milliseconds(p99), 2)
		return err
	})
}

// insert enqueues n jobs by some callers, so many a call, and returns how long it took.
func (h *heart) insert(ctx context.Context, name string, n, callers, each int) (time.Duration, error) {
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
				if errs[i] = h.enqueue(ctx, first, min(last, n)); errs[i] != nil {
					cancel()
					return
				}
				if now := stored.Add(int64(each)); now%1000 == 0 {
					h.progress("%s: %d of %d jobs", name, now, n)
				}
			}
		})
	}
	all.Wait()
	return time.Since(began), errors.Join(errs...)
}

func (h *heart) enqueue(ctx context.Context, first, last int) error {
	_, err := h.runs.task.EnqueueMany(ctx, h.app, loads(first, last, "ada.lovelace"), offload.Queue(h.queue))
	return err
}

// Bounds of how many single jobs are followed.
const (
	leastLatencies = 20
	latencies      = 500
)

// latency enqueues single jobs a few milliseconds apart and returns how long it took until
// their handler began.
func (h *heart) latency(ctx context.Context) (p50, p99 time.Duration, err error) {
	h.runs.listen.Store(true)
	defer h.runs.listen.Store(false)
	if err := pause(ctx, time.Second); err != nil { // so that nothing of the drain is under way
		return 0, 0, err
	}
	took := make([]time.Duration, min(max(h.jobs, leastLatencies), latencies))
	for i := range took {
		began := time.Now()
		if err := h.enqueue(ctx, i, i+1); err != nil {
			return 0, 0, err
		}
		select {
		case started := <-h.runs.starts:
			took[i] = started.Sub(began)
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
		if i%20 == 0 {
			h.progress("latency: %d of %d jobs", i, len(took))
		}
		if err := pause(ctx, 3*time.Millisecond+rand.N(4*time.Millisecond)); err != nil {
			return 0, 0, err
		}
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100], nil
}

// A load is an input of about 100 bytes of JSON, such as a mail in the background has.
type load struct {
	Number  int    `json:"number"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Letter  string `json:"letter"`
}

func loadOf(n int, to string) load {
	return load{n, to + "@example.com", "Your order is on its way", "shipped"}
}

// loads are inputs with numbers from first up to last, all to one.
func loads(first, last int, to string) []load {
	inputs := make([]load, 0, last-first)
	for n := first; n < last; n++ {
		inputs = append(inputs, loadOf(n, to))
	}
	return inputs
}

// runs is a handler of the bench: it counts, and tells when a job starts.
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

// expect makes it count from 0 to n.
func (r *runs) expect(n int) {
	r.count.Store(0)
	r.goal.Store(int64(n))
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

// working lets the app work a queue while f runs.
func (b *bench) working(ctx context.Context, queue string, f func(ctx context.Context) error) error {
	return during(ctx, b.app, f, queue)
}

// during lets an app work queues while f runs.
func during(ctx context.Context, app *offload.App, f func(ctx context.Context) error, queues ...string) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var ran error
	running.Go(func() {
		defer cancel() // a Run that could not start ends the measuring
		ran = app.Run(ctx, queues...)
	})
	err = f(ctx)
	cancel()
	running.Wait()
	return errors.Join(ran, err)
}

// drained returns when all jobs have run that are expected, and their ends are in the store.
func (b *bench) drained(ctx context.Context, r *runs, queue string) error {
	tick := time.NewTicker(time.Second / 4)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.done:
			running = false
		case <-tick.C:
			b.progress("drain: %d of %d jobs", r.count.Load(), r.goal.Load())
		}
	}
	return b.none(ctx, queue, offload.Running)
}

// drain lets an app run the n jobs of a queue, and returns how long that takes.
func (b *bench) drain(ctx context.Context, app *offload.App, r *runs, queue string, n int) (took time.Duration, err error) {
	r.expect(n)
	began := time.Now()
	err = during(ctx, app, func(ctx context.Context) error {
		err := b.drained(ctx, r, queue)
		took = time.Since(began)
		return err
	}, queue)
	return took, err
}

// fill enqueues n jobs of a task, 1,000 a call.
func (b *bench) fill(ctx context.Context, app *offload.App, task *offload.Task[load], name, queue string, n int) error {
	for done := 0; done < n; {
		last := min(done+1000, n)
		if _, err := task.EnqueueMany(ctx, app, loads(done, last, "ada.lovelace"), offload.Queue(queue)); err != nil {
			return err
		}
		done = last
		b.progress("%s: %d of %d jobs enqueued", name, done, n)
	}
	return nil
}

// none returns when no job of a queue is in a state any more.
func (b *bench) none(ctx context.Context, queue string, state offload.State) error {
	for {
		left, err := b.app.Jobs(ctx, offload.Filter{Queues: []string{queue}, States: []offload.State{state}, Max: 1})
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

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
