package offload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// The functions of this file are for handlers, and work on the ctx given to them. With any
// other context they do nothing more than they must, so that a handler can be tested as a
// plain function.

// An attempt is what a handler's context knows.
type attempt struct {
	app     *App
	job     *Job
	jobs    []*Job // of a call of many, job being the first
	many    bool
	claimed *store.Claimed
	started time.Time
	logOnce sync.Once
	logger  *slog.Logger    // made by logOnce
	beside  sync.WaitGroup  // functions given to Go
	mu      sync.Mutex      // guards what follows
	errs    []error         // of functions given to Go
	inTx    bool            // Complete was called
	noted   bool            // it may have written memos
	steps   map[string]bool // names of its steps so far
	loops   int             // calls of Each so far
	looping bool            // one is under way

	seals bool                // what the job says is encrypted
	hide  func(string) string // takes secrets of the input out of texts; nil: there are none
}

type attemptKey struct{}

func attemptOf(ctx context.Context) *attempt {
	at, _ := ctx.Value(attemptKey{}).(*attempt)
	return at
}

// JobOf returns the running job, the first of those of a call of HandleMany. It is never nil:
// outside a handler it is an empty job.
func JobOf(ctx context.Context) *Job {
	if at := attemptOf(ctx); at != nil {
		return at.job
	}
	return &Job{}
}

// AppOf returns the app that runs the job, to enqueue more; in a function given to OnEvent or
// AroundEnqueue that app; elsewhere nil, which refuses.
func AppOf(ctx context.Context) *App {
	if app, ok := ctx.Value(appKey{}).(*App); ok { // it is the one within, if there are both
		return app
	}
	if at := attemptOf(ctx); at != nil {
		return at.app
	}
	return nil
}

// Go runs f beside the handler. The attempt lasts until f has returned; its error or panic is
// the handler's, if that has returned none itself. Outside a handler f is run before Go
// returns, and its error logged.
func Go(ctx context.Context, f func(context.Context) error) {
	at := attemptOf(ctx)
	if at == nil {
		if err := f(ctx); err != nil {
			slog.ErrorContext(ctx, "offload.Go outside a handler", "error", err)
		}
		return
	}
	at.beside.Go(func() {
		if err := runRecovered(ctx, f); err != nil {
			at.mu.Lock()
			at.errs = append(at.errs, err)
			at.mu.Unlock()
		}
	})
}

func runRecovered(ctx context.Context, f func(context.Context) error) (err error) {
	defer recoverAs(&err)
	return f(ctx)
}

// runner returns how the engine runs a task's jobs.
func (a *App) runner(bound *boundTask) func(context.Context, *store.Claimed) engine.Verdict {
	return func(ctx context.Context, claimed *store.Claimed) engine.Verdict {
		job, err := a.opened(bound, claimed)
		if err != nil {
			return a.parked(claimed, err)
		}
		at := &attempt{app: a, job: job, claimed: claimed, started: time.Now()}
		at.seals, at.hide = bound.config.encrypt, bound.config.secrets.hider(job.Input)
		var result []byte
		err = at.call(ctx, bound.config.around, func(ctx context.Context) (err error) {
			result, err = bound.run(ctx, job.Input)
			return err
		})
		if err != nil {
			result = nil
		}
		verdict := at.verdict(job, result, err)
		pauseLimit(&verdict, err, bound.definition, claimed)
		verdict.InTx = at.inTx
		return verdict
	}
}

// call calls a handler with the attempt in its context, and what is around it, waits for what runs
// beside it, and returns the error of all.
func (at *attempt) call(ctx context.Context, around []aroundFunc, handle func(context.Context) error) error {
	whole := func(inner context.Context) error { return timedOut(ctx, at.joined(handle(inner))) }
	err := at.wrapped(around, whole)(context.WithValue(ctx, attemptKey{}, at))
	if len(around) > 0 {
		err = timedOut(ctx, at.joined(err))
	}
	return err
}

// joined waits for what runs beside a handler that has returned, and returns the error of all.
func (at *attempt) joined(err error) error {
	at.beside.Wait()
	at.mu.Lock()
	defer at.mu.Unlock()
	if err == nil && at.errs != nil {
		err = errors.Join(at.errs...)
	}
	at.errs = nil // told
	return err
}

// timedOut marks an error that came because the attempt took too long.
func timedOut(ctx context.Context, err error) error {
	if err == nil || context.Cause(ctx) != ErrTimeout || errors.Is(err, ErrTimeout) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}
