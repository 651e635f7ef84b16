package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

// A group is jobs of a task with Many that are one call, in one slot. It gathers in the hand;
// when it has started, jobs stays as it is.
type group struct {
	task  *Task
	jobs  []*attempt
	first int       // the lowest priority number among them
	since time.Time // when it began to gather
	until time.Time // when it stops to
	timer *time.Timer

	up    bool // its time is up
	asked bool // the claimer was asked to fill it
	ready bool // it starts as soon as there is a slot

	begun []*attempt   // those given to the handler; of the runner
	left  atomic.Int64 // those of begun that were not cancelled
}

// members returns the attempts that are one call with a: those of its group, or itself alone.
func (a *attempt) members() []*attempt {
	if a.group != nil {
		return a.group.jobs
	}
	return []*attempt{a}
}

// size is how many members there are.
func (a *attempt) size() int {
	if a.group != nil {
		return len(a.group.jobs)
	}
	return 1
}

// leads reports whether a speaks for all that are one call with it.
func (a *attempt) leads() bool { return a.group == nil || a.group.jobs[0] == a }

// run calls the handler once for the jobs of a group that may still begin, and decides what
// follows for each of begun. The others go to over at once.
func (g *group) run(s *shift, over func(*attempt)) {
	for _, a := range g.jobs {
		if a.late() {
			a.expire()
			a.returned()
			over(a)
			continue
		}
		g.begun = append(g.begun, a)
		s.begins(a)
	}
	if len(g.begun) > 0 {
		g.try(s, over)
	}
}

func (g *group) try(s *shift, over func(*attempt)) {
	ctx, stop := g.begin(s.base)
	defer stop()
	if slices.ContainsFunc(g.begun, func(a *attempt) bool { return a.job.Large }) {
		g.keep(s.able(ctx, g.begun), over)
	}
	if len(g.begun) == 0 {
		return
	}
	verdicts := g.call(ctx)
	now := time.Now()
	for i, a := range g.begun {
		a.verdict, a.ended = verdicts[i], now
		why := a.endedBy()
		if why == nil {
			why = context.Cause(ctx)
		}
		a.conclude(why)
	}
}

// keep leaves only those in the call that are able to begin.
func (g *group) keep(able []*attempt, over func(*attempt)) {
	if len(able) == len(g.begun) {
		return
	}
	for _, a := range g.begun {
		if !slices.Contains(able, a) {
			a.cancel(store.ErrLeaseLost) // it is not one of those for whom the call goes on
			a.returned()
			over(a)
		}
	}
	g.begun = able
}

// begin makes the context of the call. The caller calls stop when the handler has returned.
func (g *group) begin(base context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(base)
	stop = func() { cancel(nil) }
	g.left.Store(int64(len(g.begun)))
	var timeout time.Duration
	for _, a := range g.begun {
		if t := a.job.Timeout; t > 0 && (timeout == 0 || t < timeout) {
			timeout = t
		}
		a.attend(func(why error) {
			if g.left.Add(-1) == 0 {
				cancel(why)
			}
		})
	}
	if timeout > 0 {
		var cancelTimer func()
		ctx, cancelTimer = context.WithTimeoutCause(ctx, timeout, ErrTimeout)
		stop = func() {
			cancelTimer()
			cancel(nil)
		}
	}
	return ctx, stop
}

// call calls the handler, and makes sure that it has judged each job.
func (g *group) call(ctx context.Context) (verdicts []Verdict) {
	defer func() {
		if value := recover(); value != nil {
			verdicts = g.same(Verdict{Err: fmt.Errorf("panic: %v", value), Kind: "panic", Stack: string(debug.Stack())})
		}
	}()
	jobs := make([]*store.Claimed, len(g.begun))
	for i, a := range g.begun {
		jobs[i] = &a.job
	}
	verdicts = g.task.Many.Run(ctx, jobs)
	if len(verdicts) != len(jobs) {
		return g.same(Verdict{Err: fmt.Errorf("the handler has judged %d of %d jobs", len(verdicts), len(jobs))})
	}
	return verdicts
}

// same is one verdict for each.
func (g *group) same(v Verdict) []Verdict { return slices.Repeat([]Verdict{v}, len(g.begun)) }

// deserted reports whether all jobs of a call have been cancelled, so that its context has ended.
func (g *group) deserted() bool { return g.left.Load() <= 0 }
