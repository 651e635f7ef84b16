package offload

import (
	"context"
	"slices"
)

// A Middleware is what Around makes. Given to a task it wraps that task's function, as a Part
// those of all tasks of the app.
type Middleware struct{ around aroundFunc }

type aroundFunc = func(ctx context.Context, job *Job, next func(context.Context) error) error

// Around wraps each attempt in f: next runs what is inside, with the context that it is given, and
// returns the error of the attempt, a panic as a *PanicError. What f returns decides how the job goes
// on, as what a handler returns: so f may change an error, or not call next at all. It must be safe
// for concurrent use. With an error from f a result is not kept.
//
// What is given first is outermost, the app's before the task's own. Functions given to Go have
// returned when next does. A call of HandleMany is wrapped once: JobsOf has its jobs, job is the
// first.
func Around(f func(ctx context.Context, job *Job, next func(context.Context) error) error) Middleware {
	return Middleware{f}
}

func (m Middleware) applyTask(c *taskConfig) {
	c.around = append(c.around[:len(c.around):len(c.around)], m.around)
}

func (m Middleware) part(p *parts) {
	if m.around == nil {
		p.refuse(errNoAround(""))
		return
	}
	p.defaults = append(p.defaults, m)
}

func errNoAround(task string) error {
	return &InputError{Task: task, Field: "Around", Got: "nil", Want: "a function"}
}

// wrapped returns a call of handle with everything around it.
func (at *attempt) wrapped(around []aroundFunc, handle func(context.Context) error) func(context.Context) error {
	for _, f := range slices.Backward(around) {
		inside := handle
		handle = func(ctx context.Context) (err error) {
			defer recoverAs(&err)
			return f(ctx, at.job, inside)
		}
	}
	return handle
}

type (
	storeFunc   = func(ctx context.Context, calls []*Call) ([]*Job, error)
	enqueueFunc = func(ctx context.Context, calls []*Call, next storeFunc) ([]*Job, error)
)

// AroundEnqueue wraps each call of App.Enqueue and Tx.Enqueue, and all that come to these, in f: next
// stores the calls that it is given and returns their jobs in order. f may give it others: Call.With adds
// options and keeps the id. What f returns is what the caller gets: a job for each call, or an
// error. It must be safe for concurrent use.
//
// What is given first is outermost. Jobs of schedules and of the inbox, which no program of yours
// enqueues, don't pass it.
func AroundEnqueue(f func(ctx context.Context, calls []*Call, next func(context.Context, []*Call) ([]*Job, error)) ([]*Job, error)) Part {
	return partFunc(func(p *parts) {
		if f == nil {
			p.refuse(&InputError{Field: "AroundEnqueue", Got: "nil", Want: "a function"})
			return
		}
		p.aroundEnqueue = append(p.aroundEnqueue, f)
	})
}

// enqueueAround stores calls by store, with everything around it.
func (a *App) enqueueAround(ctx context.Context, calls []*Call, store storeFunc) ([]*Job, error) {
	if len(a.aroundEnqueue) > 0 {
		ctx = context.WithValue(ctx, appKey{}, a)
	}
	for _, f := range slices.Backward(a.aroundEnqueue) {
		inside := store
		store = func(ctx context.Context, calls []*Call) ([]*Job, error) { return f(ctx, calls, inside) }
	}
	return store(ctx, calls)
}
