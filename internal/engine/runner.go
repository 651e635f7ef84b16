package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/pprof"
	"time"
)

// A runner is a goroutine that runs attempts of one queue, one after another.
type runner struct {
	line    *line
	jobs    chan *attempt // where an idle runner gets its next one; closed to end it
	current *attempt      // guarded by hand.mu
	idle    time.Time     // since when; guarded by hand.mu

	doing  *attempt // of the goroutine
	task   string   // its label
	labels map[string]context.Context
}

// run runs a first attempt, if there is one, then those that come until the hand closes r.jobs.
func (r *runner) run(s *shift, first *attempt) {
	defer r.revive(s)
	r.doing = first
	for open := true; open; r.doing, open = <-r.jobs {
		for r.doing != nil {
			r.attempt(s, r.doing)
			r.doing = s.hand.next(r, time.Now())
		}
	}
}

// errExit is the failure of a handler that has ended its goroutine.
var errExit = errors.New("the handler called runtime.Goexit")

// revive fails the attempt whose handler has ended the goroutine, if one has, and goes on in a
// new one.
func (r *runner) revive(s *shift) {
	if r.doing == nil || s.gone() {
		return
	}
	failed := []*attempt{r.doing}
	if g := r.doing.group; g != nil {
		failed = g.begun
	}
	for _, a := range failed {
		a.verdict, a.ended = Verdict{Err: errExit, Kind: "exit"}, time.Now()
		a.conclude(a.endedBy())
	}
	s.finisher.add(failed...)
	r.task = ""
	go r.run(s, s.hand.next(r, time.Now())) // hand.ended tells when it has returned, as of every runner
}

// attempt runs a handler and hands over what became of it.
func (r *runner) attempt(s *shift, a *attempt) {
	r.label(a.job.Task)
	switch {
	case a.group != nil:
		a.group.run(s, func(a *attempt) { s.finisher.add(a) })
	case a.late():
		a.expire()
	default:
		s.begins(a)
		s.try(a)
	}
	if s.gone() {
		return // Run has returned without this handler; its lease was given back
	}
	if a.group != nil {
		s.finisher.add(a.group.begun...)
		return
	}
	if a.verdict.InTx {
		s.finisher.finishNow(a) // it may wait for the handler's transaction: not among others
		return
	}
	s.finisher.add(a)
}

// label names the goroutine in profiles, when the task has changed.
func (r *runner) label(task string) {
	if r.task == task {
		return
	}
	r.task = task
	ctx := r.labels[task]
	if ctx == nil {
		ctx = pprof.WithLabels(context.Background(), pprof.Labels("task", task, "queue", r.line.queue))
		if r.labels == nil || len(r.labels) > 100 {
			r.labels = map[string]context.Context{}
		}
		r.labels[task] = ctx
	}
	pprof.SetGoroutineLabels(ctx)
}

// try runs the handler of an attempt, and decides what follows.
func (s *shift) try(a *attempt) {
	ctx, stop := a.begin(s.base)
	defer stop()
	if a.job.Large && len(s.able(ctx, []*attempt{a})) == 0 {
		return
	}
	a.verdict = call(ctx, a)
	a.ended = time.Now()
	a.conclude(context.Cause(ctx))
}

// call calls the handler. Its owner recovers from panics; this is for a panic in there.
func call(ctx context.Context, a *attempt) (v Verdict) {
	defer func() {
		if value := recover(); value != nil {
			v = Verdict{Err: fmt.Errorf("panic: %v", value), Kind: "panic", Stack: string(debug.Stack())}
		}
	}()
	return a.task.Run(ctx, &a.job)
}
