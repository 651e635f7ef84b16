package offload

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// An outcomeError is an error that says how the job goes on. It wraps its cause.
type outcomeError struct {
	how   engine.How
	in    time.Duration
	err   error
	limit *Limit // whose key is paused meanwhile; nil is none
}

func (e *outcomeError) Error() string {
	if e.err == nil {
		return map[engine.How]string{
			engine.Cancel:  "cancelled by its handler",
			engine.Discard: "discarded by its handler",
			engine.RetryIn: "failed, retried in " + e.in.String(),
			engine.Snooze:  "snoozed for " + e.in.String(),
		}[e.how]
	}
	return e.err.Error()
}

func (e *outcomeError) Unwrap() error { return e.err }

// Cancel ends the job as cancelled when a handler returns it: nobody needs the job any more.
// err says why, and may be nil.
func Cancel(err error) error { return &outcomeError{how: engine.Cancel, err: err} }

// Discard ends the job as discarded when a handler returns it: trying again would not help.
func Discard(err error) error { return &outcomeError{how: engine.Discard, err: err} }

// RetryIn fails the attempt with err and tries again after d instead of the backoff, as long
// as attempts are left. A d below 0 is taken as 0.
func RetryIn(d time.Duration, err error) error {
	return &outcomeError{how: engine.RetryIn, in: max(d, 0), err: err}
}

// Snooze runs the job again after d. It is no failure and costs no attempt. A d below 0 is
// taken as 0.
func Snooze(d time.Duration) error { return &outcomeError{how: engine.Snooze, in: max(d, 0)} }

// verdictOf says what follows of what a handler returned.
func verdictOf(result []byte, err error) engine.Verdict {
	if err == nil {
		return engine.Verdict{Result: result}
	}
	v := engine.Verdict{Err: err, Kind: kindOf(err)}
	var outcome *outcomeError
	if errors.As(err, &outcome) {
		v.How, v.In = outcome.how, outcome.in
	}
	var panicked *PanicError
	if errors.As(err, &panicked) {
		v.Stack = panicked.Stack
	}
	return v
}

// outcomeOf tells what follows of an attempt's error, as far as it is known before it is written, and
// the kind of it: for those who tell of attempts.
func outcomeOf(ctx context.Context, err error) (outcome store.Outcome, kind string) {
	if err == nil {
		return store.OutcomeCompleted, ""
	}
	v, job := verdictOf(nil, err), JobOf(ctx)
	switch cause := context.Cause(ctx); {
	case cause == ErrStopping, cause == ErrLeaseLost:
		return outcomeReleased, v.Kind
	case cause == ErrCancelled, v.How == engine.Cancel:
		return store.OutcomeCancelled, v.Kind
	case v.How == engine.Snooze:
		return store.OutcomeSnooze, ""
	case v.How == engine.Discard, job.Failures+1 >= job.MaxAttempts:
		return store.OutcomeDiscarded, v.Kind
	}
	return store.OutcomeRetry, v.Kind
}

// outcomeReleased is that of an attempt that is not counted: its process stops, or is cut off.
const outcomeReleased store.Outcome = "released"

// kindOf names the kind of an error: "panic", "timeout", or the Go type of the outermost
// error that is no mere wrapping, so that adding context doesn't change it.
func kindOf(err error) string {
	var panicked *PanicError
	switch {
	case errors.As(err, &panicked):
		return "panic"
	case errors.Is(err, ErrTimeout):
		return "timeout"
	}
	for {
		kind := reflect.TypeOf(err).String()
		inner := errors.Unwrap(err)
		if inner == nil || kind != "*fmt.wrapError" && kind != "*offload.outcomeError" {
			return kind
		}
		err = inner
	}
}
