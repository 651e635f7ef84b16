package engine

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/offloadhq/offload/store"
)

// conclude decides what becomes of an attempt whose handler has returned, by its verdict and
// by why its context ended, if it did.
func (a *attempt) conclude(why error) {
	err := a.verdict.Err
	switch {
	case err == nil:
		a.finishAs(store.OutcomeCompleted, 0)
		a.row.Result = a.verdict.Result
	case a.verdict.How == Park:
		a.end, a.need = endPark, a.verdict.Need
	case why == ErrStopping || why == store.ErrLeaseLost:
		a.end = endRelease // the process has failed the handler, not the handler the job
	case why == ErrCancelled:
		a.finishAs(store.OutcomeCancelled, 0)
		if !errors.Is(err, context.Canceled) && !errors.Is(err, ErrCancelled) {
			a.row.Failure = a.problem(why)
		}
	case a.verdict.How == Snooze:
		a.finishAs(store.OutcomeSnooze, runIn(a.verdict.In))
		a.row.Pause = a.verdict.Pause
	default:
		a.fail(why)
	}
}

// fail decides what follows of an error.
func (a *attempt) fail(why error) {
	in := runIn(a.verdict.In)
	if a.verdict.How == Retry {
		in = runIn(a.backoff())
	}
	switch {
	case a.verdict.How == Cancel:
		a.finishAs(store.OutcomeCancelled, 0)
	case a.verdict.How == Discard, a.job.Failures+1 >= a.job.MaxAttempts, a.givesUp(in):
		a.finishAs(store.OutcomeDiscarded, 0)
	default:
		a.finishAs(store.OutcomeRetry, in)
	}
	a.row.Failure = a.problem(why)
}

func (a *attempt) finishAs(outcome store.Outcome, in time.Duration) {
	a.end = endFinish
	a.row = store.Ended{
		Fence: a.job.Fence, Task: a.job.Task, Queue: a.job.Queue, Outcome: outcome, RunIn: in,
		Retain: a.job.Retain,
		Waited: max(a.job.ClaimedAt.Sub(a.job.RunAt), 0) + max(a.started.Sub(a.claimed), 0),
		Ran:    a.ended.Sub(a.started),
		InTx:   a.verdict.InTx,
		Terms:  a.job.Terms,
	}
}

// late reports whether the time is over in which the job had to be started, by the store's
// clock as far as it is known here.
func (a *attempt) late() bool {
	return !a.job.ExpiresAt.IsZero() && a.job.ClaimedAt.Add(time.Since(a.claimed)).After(a.job.ExpiresAt)
}

// giveBack decides how the lease of an attempt is given back that has not begun. The store takes
// what is released as started, so that it would neither expire any more nor take a newer input:
// a job that still may is parked instead.
func (a *attempt) giveBack() {
	switch {
	case a.late():
		a.expire()
	case !a.job.ExpiresAt.IsZero() || a.replaceable():
		a.end = endPark
	default:
		a.end = endRelease
	}
}

// replaceable reports whether a later job with the job's unique key may give it its input. One that
// holds its key until it starts has lost it by its claim; one that is debounced would be given a time
// too, for which no parked job waits.
func (a *attempt) replaceable() bool {
	if a.job.Terms == nil || a.job.Terms.Unique == nil || a.job.Failures > 0 {
		return false
	}
	u := a.job.Terms.Unique
	return u.Until != store.UntilStarted && u.OnConflict == store.ConflictReplace
}

// expire ends an attempt that has not begun in time.
func (a *attempt) expire() {
	a.ended = a.started
	a.finishAs(store.OutcomeExpired, 0)
}

// givesUp reports whether the next try would come too late, by the store's clock.
func (a *attempt) givesUp(in time.Duration) bool {
	if a.job.GiveUpAfter <= 0 {
		return false
	}
	now := a.job.ClaimedAt.Add(a.ended.Sub(a.claimed))
	return now.Add(in).After(a.job.CreatedAt.Add(a.job.GiveUpAfter))
}

// backoff asks the task how long to wait; a panic in there is no reason to lose the job.
func (a *attempt) backoff() (d time.Duration) {
	failures := a.job.Failures + 1
	if a.task.Backoff == nil {
		return defaultBackoff(failures)
	}
	defer func() {
		if recover() != nil {
			d = defaultBackoff(failures)
		}
	}()
	return a.task.Backoff(failures, a.verdict.Err)
}

// defaultBackoff is n⁴ + 15 s and up to 10 % more, at most a day.
func defaultBackoff(failures int) time.Duration {
	seconds := min(math.Pow(float64(failures), 4)+15, 24*60*60)
	d := time.Duration(seconds * float64(time.Second))
	return d + rand.N(d/10+1)
}

// runIn keeps a wait within what every store can add to its time.
func runIn(d time.Duration) time.Duration {
	const century = 100 * 365 * 24 * time.Hour
	return min(max(d, 0), century)
}

// problem is what is kept of a failure.
func (a *attempt) problem(why error) *store.Problem {
	kind := a.verdict.Kind
	if kind == "" {
		kind = kindOf(a.verdict.Err)
		if why == ErrTimeout {
			kind = "timeout"
		}
	}
	hide := a.verdict.Hide
	if hide == nil {
		hide = func(text string) string { return text }
	}
	return &store.Problem{
		Error: store.CleanText(hide(textOf(a.verdict.Err)), store.MaxErrorText),
		Kind:  store.CleanText(kind, store.MaxErrorText),
		Stack: store.CleanText(hide(a.verdict.Stack), store.MaxErrorStack),
	}
}

// textOf is err.Error(), which may panic.
func textOf(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "an error of type " + reflect.TypeOf(err).String() + " whose text cannot be had: it panics"
		}
	}()
	return err.Error()
}

// kindOf is the type of an error below those that only add words to it.
func kindOf(err error) string {
	for {
		kind := reflect.TypeOf(err).String()
		inner := errors.Unwrap(err)
		if inner == nil || kind != "*fmt.wrapError" {
			return kind
		}
		err = inner
	}
}

// stateAfter is where a job went, for those who listen.
func (a *attempt) stateAfter() store.State {
	switch a.end {
	case endRelease:
		return store.Available
	case endPark, endAlone:
		return store.Blocked
	}
	switch a.row.Outcome {
	case store.OutcomeCompleted:
		return store.Completed
	case store.OutcomeDiscarded:
		return store.Discarded
	case store.OutcomeCancelled:
		return store.Cancelled
	case store.OutcomeExpired:
		return store.Expired
	case store.OutcomeRetry:
		return store.Retryable
	}
	if a.row.RunIn > 0 {
		return store.Scheduled
	}
	return store.Available
}
