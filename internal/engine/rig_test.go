package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload/store"
)

// In a bubble chance is the same in each run: what is counted there must not be a throw of dice.
func TestMain(m *testing.M) {
	random = byTheTime
	goleak.VerifyTestMain(m)
}

// A rig is a process that works jobs of a store, in a bubble of fake time.
type rig struct {
	t      *testing.T
	store  *misbehaving
	config Config
	log    *logText
	cancel context.CancelFunc
	ended  chan struct{}
	engine *Engine
	err    error

	mu     sync.Mutex
	events []Event
}

// A handler is what a task of a rig does.
type handler = func(ctx context.Context, job *store.Claimed) error

// inBubble runs a test on a store with a process that works it, with 10 slots a queue.
func inBubble(t *testing.T, tasks map[string]handler, test func(*rig), shapes ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, misbehave(), tasks, shapes...)
		r.start()
		test(r)
		r.stop()
	})
}

func newRig(t *testing.T, s *misbehaving, tasks map[string]handler, shapes ...func(*Config)) *rig {
	r := &rig{t: t, store: s, log: &logText{}}
	r.config = Config{
		Store: s, Process: store.Process{Name: "test", Host: "here", PID: 1},
		Tasks: map[string]*Task{}, Workers: func(string) int { return 10 }, Total: 100, Grace: 5 * time.Second,
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
		Event: func(e Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
	}
	for name, run := range tasks {
		r.config.Tasks[name] = &Task{
			Run: func(ctx context.Context, job *store.Claimed) Verdict {
				return Verdict{Err: run(ctx, job), Result: []byte("1")}
			},
			Backoff: func(failures int, _ error) time.Duration { return time.Duration(failures) * time.Second },
		}
	}
	for _, shape := range shapes {
		shape(&r.config)
	}
	return r
}

func (r *rig) start() {
	r.engine = New(r.config)
	ctx, cancel := context.WithCancel(r.t.Context())
	r.cancel, r.ended = cancel, make(chan struct{})
	go func() {
		defer close(r.ended)
		r.err = r.engine.Run(ctx)
	}()
	synctest.Wait()
}

// stop ends the process and returns how long that took.
func (r *rig) stop() time.Duration {
	r.t.Helper()
	began := time.Now()
	r.cancel()
	<-r.ended
	if r.err != nil {
		r.t.Errorf("Run: %v", r.err)
	}
	return time.Since(began)
}

// insert stores jobs of a task, changed by shape, and wakes the engine.
func (r *rig) insert(task string, n int, shape func(i int, j *store.NewJob)) []store.ID {
	r.t.Helper()
	ids := insert(r.t, r.store, task, n, shape)
	r.engine.Wake(store.Wake{Priority: -1})
	return ids
}

func insert(t *testing.T, s *misbehaving, task string, n int, shape func(i int, j *store.NewJob)) (ids []store.ID) {
	t.Helper()
	jobs := make([]store.NewJob, n)
	for i := range jobs {
		jobs[i] = store.NewJob{ID: store.NewID(), Task: task, Queue: "q", Priority: 5, MaxAttempts: 3}
		if shape != nil {
			shape(i, &jobs[i])
		}
		ids = append(ids, jobs[i].ID)
	}
	if _, err := s.Store.Insert(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
	return ids
}

func (r *rig) job(id store.ID) store.Job {
	r.t.Helper()
	jobs, err := r.store.Store.Find(r.t.Context(), store.Filter{IDs: []store.ID{id}})
	if err != nil || len(jobs) != 1 {
		r.t.Fatalf("Find(%v) = %v, %v", id, jobs, err)
	}
	return jobs[0]
}

// want checks that the jobs are in a state.
func (r *rig) want(state store.State, ids ...store.ID) {
	r.t.Helper()
	wrong := map[store.State]int{}
	for _, id := range ids {
		if j := r.job(id); j.State != state {
			wrong[j.State]++
		}
	}
	if len(wrong) > 0 {
		r.t.Errorf("jobs are %v; want all %d %s", wrong, len(ids), state)
	}
}

func (r *rig) failures(id store.ID) []store.Failure {
	r.t.Helper()
	failures, err := r.store.Failures(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return failures
}

func (r *rig) control(c store.Control) {
	r.t.Helper()
	if err := r.store.Control(r.t.Context(), c); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) process() store.Process {
	r.t.Helper()
	all, err := r.store.Processes(r.t.Context())
	if err != nil || len(all) != 1 {
		r.t.Fatalf("Processes = %v, %v; want one", all, err)
	}
	return all[0]
}

// after lets time pass, and what happens in it happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// logText is a log as text.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), words)
}

func (l *logText) lines() int { return l.count("\n") }

// A crowd counts those that are there at once.
type crowd struct {
	mu        sync.Mutex
	now, most int
}

func (c *crowd) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now++
	c.most = max(c.most, c.now)
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
}

// nothing is a handler that does nothing.
func nothing(context.Context, *store.Claimed) error { return nil }

// obedient is a handler that goes on until its context ends, and says why that was.
func obedient(ctx context.Context, _ *store.Claimed) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// lasting is a handler that takes its time, and obeys its context.
func lasting(d time.Duration) handler {
	return func(ctx context.Context, _ *store.Claimed) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var errFailed = errors.New("failed")
