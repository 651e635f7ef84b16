package offload

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// An Event is a change of a job.
type Event struct {
	Job      *Job          `json:"job"`                // after it, without Input and Result
	From     State         `json:"from,omitempty"`     // the state before it; "" if the job is new, or was not known
	Time     time.Time     `json:"time"`               // when it happened, or was seen
	Progress *ProgressInfo `json:"progress,omitempty"` // it says how far the job is: the state is as before
}

// OnEvent calls f after each change of state that this process has made and the store has
// committed: an attempt has begun, ended or was given back, and App has enqueued, cancelled,
// retried or hurried a job. Changes of others, and those in transactions of the caller's, are seen
// by App.Watch.
//
// f is called in a goroutine of its own, one event after another, and may use AppOf(ctx). It must be
// quick: at most 10,000 events wait for it, and those beyond are left out, counted and logged. A
// panic is logged. Several functions are called in the order they are given.
func OnEvent(f func(ctx context.Context, e Event)) Part {
	return partFunc(func(p *parts) {
		if f == nil {
			p.refuse(&InputError{Field: "OnEvent", Got: "nil", Want: "a function"})
			return
		}
		p.onEvent = append(p.onEvent, f)
	})
}

// Bounds of hooks.
const (
	mostEvents   = 10_000          // that wait
	hookPatience = 5 * time.Second // for what waits, when the app is closed
)

// hooks are the functions given to OnEvent. Events are told in a goroutine that lasts as long as
// there are some, so that nobody waits for those functions.
type hooks struct {
	fs  []func(context.Context, Event)
	ctx context.Context // has the app
	log *slog.Logger

	mu      sync.Mutex // held for moments
	events  []Event
	dropped int
	telling bool
	idle    chan struct{} // closed when there is no goroutine any more
}

func newHooks(a *App, fs []func(context.Context, Event)) *hooks {
	return &hooks{fs: fs, ctx: context.WithValue(context.Background(), appKey{}, a), log: a.log}
}

func (h *hooks) none() bool { return len(h.fs) == 0 }

// tell has the functions called with an event, later.
func (h *hooks) tell(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.events) >= mostEvents {
		h.dropped++
		return
	}
	h.events = append(h.events, e)
	if !h.telling {
		h.telling, h.idle = true, make(chan struct{})
		go h.run()
	}
}

func (h *hooks) run() {
	for {
		events, dropped := h.take()
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			for _, f := range h.fs {
				h.call(f, e)
			}
		}
		if dropped > 0 {
			h.log.Warn("offload: a function given to OnEvent was too slow, and events were left out", "events", dropped)
		}
	}
}

// take takes what is to be told, or ends the telling.
func (h *hooks) take() (events []Event, dropped int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	events, dropped = h.events, h.dropped
	h.events, h.dropped = nil, 0
	if len(events) == 0 {
		h.telling = false
		close(h.idle)
	}
	return events, dropped
}

func (h *hooks) call(f func(context.Context, Event), e Event) {
	defer func() {
		if value := recover(); value != nil {
			h.log.Error("offload: a function given to OnEvent has panicked", "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
		}
	}()
	f(h.ctx, e)
}

// flush waits until all events have been told, a while at most.
func (h *hooks) flush() {
	h.mu.Lock()
	idle := h.idle
	h.mu.Unlock()
	if idle == nil {
		return
	}
	timer := time.NewTimer(hookPatience)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}

type appKey struct{}

// hear tells those who listen of a change that the engine has made.
func (a *App) hear(e engine.Event) {
	a.waiting.hear(e)
	if e.From == e.State { // it was given back without having begun
		return
	}
	a.watching.tell(e.Job.ID)
	if a.hooks.none() {
		return
	}
	now := time.Now()
	job := jobOfClaim(e.Claimed)
	job.Input, job.State = nil, e.State
	if e.Failure != nil {
		job.Error = e.Failure.Error
	}
	switch {
	case e.State == Retryable, e.State == Discarded:
		job.Failures++
		job.RunAt = now.Add(e.RunIn)
	case e.State == Scheduled:
		job.RunAt = now.Add(e.RunIn)
	}
	if e.State.Ended() {
		job.FinishedAt = now
	}
	a.hooks.tell(Event{Job: job, From: e.From, Time: now})
}

// hearEnqueued tells those who listen of new jobs.
func (a *App) hearEnqueued(jobs []*Job) {
	if a.hooks.none() && a.watching.none() {
		return
	}
	for _, job := range jobs {
		if job.Existing {
			continue
		}
		a.watching.tell(job.ID)
		if !a.hooks.none() {
			a.hooks.tell(Event{Job: bare(*job), Time: job.CreatedAt})
		}
	}
}

// hearActed tells those who listen of jobs that were acted on. Running ones that were cancelled
// have not changed yet.
func (a *App) hearActed(ctx context.Context, acted []store.Acted) {
	if a.hooks.none() && a.watching.none() {
		return
	}
	for _, one := range acted {
		if one.Effect != store.Done || one.State == Running {
			continue
		}
		a.watching.tell(one.ID)
		if a.hooks.none() {
			continue
		}
		if job, err := a.Job(ctx, one.ID); err == nil { // or it was deleted
			a.hooks.tell(Event{Job: bare(*job), From: one.State, Time: time.Now()})
		}
	}
}

// bare returns a job without what may be long.
func bare(job Job) *Job {
	job.Input, job.Result = nil, nil
	return &job
}
