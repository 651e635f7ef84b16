package offload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// running is a Run under way.
type running struct {
	engine *engine.Engine
	stop   context.CancelFunc
	ended  chan struct{} // closed when Run has returned
}

// Run works jobs until ctx ends, then drains: it stops claiming, lets handlers end for the
// grace period, cancels their contexts, gives back what is left, and returns nil. Run works
// the named queues, or without names every queue. No outage of the store ends it: an error
// means that it could not start. Run may be called once at a time.
//
// It also returns nil when the process was told to stop by operate or the command, and when
// Close is called.
func (a *App) Run(ctx context.Context, queues ...string) error {
	for _, q := range queues {
		if err := checkName("", "queue", q); err != nil {
			return err
		}
	}
	run, ctx, err := a.begin(ctx, queues)
	if err != nil {
		return err
	}
	defer a.end(run)
	a.warnSmallPool()
	defer a.goBeside(ctx)()
	return run.engine.Run(ctx)
}

// goBeside calls what was given to Beside, and returns what ends and awaits it.
func (a *App) goBeside(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), appKey{}, a))
	var all sync.WaitGroup
	for _, f := range a.beside {
		all.Go(func() {
			defer func() {
				if value := recover(); value != nil {
					a.log.Error("offload: a function given to Beside has panicked", "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
				}
			}()
			f(ctx)
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// begin makes the Run that it begins the one under way.
func (a *App) begin(ctx context.Context, queues []string) (*running, context.Context, error) {
	if err := a.open(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	run := &running{engine: a.newEngine(queues), stop: cancel, ended: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		cancel()
		return nil, nil, ErrClosed
	case a.run != nil:
		cancel()
		return nil, nil, errRunning
	}
	a.run = run
	return run, ctx, nil
}

func (a *App) end(run *running) {
	run.stop()
	a.mu.Lock()
	a.run = nil
	a.mu.Unlock()
	close(run.ended)
}

var errRunning = errors.New("offload: Run is under way in this app; call it once, with all queues")

// newEngine makes an engine with a new identity. It starts nothing.
func (a *App) newEngine(queues []string) *engine.Engine {
	host, _ := os.Hostname() // shown only
	tasks := make(map[string]*engine.Task, len(a.tasks))
	for name, bound := range a.tasks {
		if !bound.worked() {
			continue // known only
		}
		task := &engine.Task{Backoff: bound.config.backoff, Offline: bound.config.offline}
		if bound.many != nil {
			task.Many = a.manyRunner(bound)
		} else {
			task.Run = a.runner(bound)
		}
		if task.Backoff == nil {
			task.Backoff = defaultBackoff
		}
		tasks[name] = task
	}
	return engine.New(engine.Config{
		Store:    a.store,
		Process:  store.Process{Host: host, PID: os.Getpid(), Version: Version},
		Tasks:    tasks,
		Queues:   queues,
		Workers:  a.workersOf,
		Total:    a.workers[""].or(defaultTotal),
		Grace:    a.grace,
		Log:      a.log,
		Event:    a.hear,
		Logged:   a.waiting.tell,
		Has:      a.keys.has,
		Register: a.register,
		Declare:  a.declareAgain,
		Tick:     tick,
		Inbox:    a.inbox,
	})
}

// Concurrency where Workers says nothing.
const (
	defaultWorkers = 100
	defaultTotal   = 500
)

func (a *App) workersOf(queue string) int {
	return a.workers[queue].or(defaultWorkers)
}

// working returns the engine of the Run under way, or nil.
func (a *App) working() *engine.Engine {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.run == nil {
		return nil
	}
	return a.run.engine
}

// wake tells the engine of this process that jobs may be due.
func (a *App) wake(w store.Wake) {
	if e := a.working(); e != nil {
		e.Wake(w)
	}
}

// A pooled store knows how many connections handlers and enqueues share.
type pooled interface{ PoolSize() int }

// warnSmallPool says once what is commonly forgotten when a pool's default is kept. A pool that
// Open made is not one that handlers use.
func (a *App) warnSmallPool() {
	p, ok := a.store.(pooled)
	if !ok || a.owned {
		return
	}
	if n := a.workersOf("default"); p.PoolSize() < n/4 {
		a.log.Warn(fmt.Sprintf("offload: %d jobs may run at once, but the pool has %d connections: handlers that use it will wait for each other; "+
			"raise pool_max_conns or lower offload.Workers", n, p.PoolSize()))
	}
}
