package engine

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

var seeds = flag.Uint64("seeds", 100, "how many simulations to run")

// TestSimulation runs three processes on one store for some minutes of fake time, while calls
// fail before and after their commit, hang, and are cut off altogether. In the end every job
// must have ended once, and no two attempts of a job may have overlapped.
func TestSimulation(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n = min(n, 20)
	}
	for seed := range n {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		})
	}
}

// A world is one simulation.
type world struct {
	t     *testing.T
	store *memory.Store

	mu      sync.Mutex
	random  *rand.Rand
	calm    bool                     // no more faults
	running map[store.ID]store.Fence // attempts whose handlers run
	ended   map[store.ID]int         // jobs whose end was told, and how often
	starts  int
}

func (w *world) chance(p float64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.calm && w.random.Float64() < p
}

func (w *world) upTo(d time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.random.Int64N(int64(d)))
}

func simulate(t *testing.T, seed uint64) {
	w := &world{
		t: t, store: memory.New(), random: rand.New(rand.NewPCG(seed, 1)),
		running: map[store.ID]store.Fence{}, ended: map[store.ID]int{},
	}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		all.Go(func() { w.process(ctx) })
	}
	e := NewEnqueuer(w.wire(), nil)
	var ids []store.ID
	for range 60 {
		job := store.NewJob{ID: store.NewID(), Task: "t", Queue: fmt.Sprint("q", w.upTo(3)), Priority: int(w.upTo(10)), MaxAttempts: 1000}
		if w.chance(0.2) {
			job.Delay = w.upTo(30 * time.Second)
		}
		if w.chance(0.1) {
			job.Input = make([]byte, 2*store.InlineInput)
		}
		if _, err := e.Insert(t.Context(), []store.NewJob{job}); err == nil {
			ids = append(ids, job.ID)
		} else if !store.Temporary(err) {
			t.Error(err)
		}
		time.Sleep(w.upTo(4 * time.Second))
	}
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	time.Sleep(10 * time.Minute)
	w.check(ids)
	cancel()
	all.Wait()
}

// check looks whether all jobs have ended, once.
func (w *world) check(ids []store.ID) {
	jobs, err := w.store.Find(w.t.Context(), store.Filter{Max: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	stored := map[store.ID]bool{}
	for _, j := range jobs {
		stored[j.ID] = true
		crashed := j.State == store.Discarded && j.Crashes >= store.CrashLimit
		if j.State != store.Completed && !crashed {
			w.t.Errorf("job %v is %s at attempt %d, after %d crashes", j.ID, j.State, j.Attempt, j.Crashes)
		}
	}
	for _, id := range ids {
		if !stored[id] {
			w.t.Errorf("job %v was accepted and is lost", id)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, n := range w.ended {
		if n > 1 {
			w.t.Errorf("the end of job %v was told %d times", id, n)
		}
	}
}

// process runs a process again and again until ctx ends.
func (w *world) process(ctx context.Context) {
	for ctx.Err() == nil {
		life := 5*time.Minute + w.upTo(time.Minute)
		if w.chance(0.7) {
			life = time.Second + w.upTo(time.Minute)
		}
		lifetime, cancel := context.WithTimeout(ctx, life)
		err := New(Config{
			Store: w.wire(), Process: store.Process{Name: "simulated"},
			Tasks:   map[string]*Task{"t": {Run: w.handle, Backoff: func(int, error) time.Duration { return w.upTo(5*time.Second) + 1 }}},
			Workers: func(string) int { return 3 }, Total: 5, Grace: 3 * time.Second,
			Log: slog.New(slog.DiscardHandler), Event: w.hear,
		}).Run(lifetime)
		cancel()
		if err != nil {
			w.t.Errorf("Run: %v", err)
		}
	}
}

// handle is a handler that obeys its context, and sees whether it is alone with its job.
func (w *world) handle(ctx context.Context, job *store.Claimed) Verdict {
	w.mu.Lock()
	w.starts++
	if other, overlaps := w.running[job.ID]; overlaps {
		w.t.Errorf("attempt %d of job %v began while attempt %d ran", job.Attempt, job.ID, other.Attempt)
	}
	w.running[job.ID] = job.Fence
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.running, job.ID)
		w.mu.Unlock()
	}()
	if job.Large && len(job.Input) != 2*store.InlineInput {
		w.t.Errorf("job %v got %d bytes of input", job.ID, len(job.Input))
	}
	d := w.upTo(2 * time.Second)
	if w.chance(0.5) {
		d = w.upTo(time.Minute)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Verdict{Err: context.Cause(ctx)}
	case <-timer.C:
	}
	switch {
	case w.chance(0.1):
		return Verdict{Err: errFailed}
	case w.chance(0.05):
		return Verdict{How: Snooze, In: w.upTo(5 * time.Second), Err: errFailed}
	}
	return Verdict{}
}

func (w *world) hear(e Event) {
	if !e.State.Ended() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[e.Job.ID]++
}

// A wire is the connection of one process, which is cut now and then.
type wire struct {
	world *world
	mu    sync.Mutex
	until time.Time // no call comes through before
	hangs bool      // meanwhile calls hang
}

func (w *world) wire() store.Store {
	m := &misbehaving{
		Store: w.store, away: map[string]bool{}, hang: map[string]bool{}, lose: map[string]int{}, calls: map[string]int{},
	}
	wire := &wire{world: w}
	m.meets = wire.meets
	return m
}

// meets decides what a call meets: nothing, an error before it is made, or after.
func (c *wire) meets(ctx context.Context, _ string) (before, after error) {
	c.mu.Lock()
	if c.world.chance(0.015) {
		c.until, c.hangs = time.Now().Add(c.world.upTo(40*time.Second)), c.world.chance(0.5)
	}
	cut, hangs := time.Now().Before(c.until), c.hangs
	c.mu.Unlock()
	switch {
	case cut && hangs:
		<-ctx.Done()
		return store.Unavailable("hang", ctx.Err()), nil
	case cut, c.world.chance(0.02):
		return errAway, nil
	case c.world.chance(0.02):
		return nil, errAway
	}
	time.Sleep(c.world.upTo(20 * time.Millisecond))
	return nil, nil
}
