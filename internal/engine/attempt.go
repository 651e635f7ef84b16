package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

// An attempt is one claimed job on its way through the process. It belongs to the hand, then
// to its runner, then to the finisher; what others do to it on the way is guarded by mu.
type attempt struct {
	job     store.Claimed
	process store.ID // that holds the lease
	task    *Task
	claimed time.Time // when the claim returned
	started time.Time
	ended   time.Time
	begun   bool // it was told
	verdict Verdict
	end     ending // what becomes of the lease
	need    string // with endPark: see Verdict.Need
	row     store.Ended
	group   *group // it is one call with others; nil for most

	progress atomic.Pointer[store.Progress] // not written yet
	tell     func(*attempt)                 // that there is progress to write; nil in Drain
	rate     rate
	journal  *journal
	log      logged      // of the journal
	logs     atomic.Bool // the journal has something of it to write

	mu      sync.Mutex // held for moments
	why     error      // why its context ended, nil if it has not
	whyAt   time.Time
	told    bool // it was logged as stuck
	over    bool // its handler has returned
	cancelf context.CancelCauseFunc
}

// An ending is what becomes of a lease.
type ending int

const (
	endFinish  ending = iota // as row says
	endRelease               // given back
	endPark                  // its task is unknown here, or paused; or see giveBack
	endAlone                 // a suspect, to be run alone
)

type attemptKey struct{}

// begin makes the context of the handler. The caller calls stop when the handler has returned.
func (a *attempt) begin(base context.Context) (ctx context.Context, stop func()) {
	if a.job.Attempt == 1 {
		a.rate.start(a.started) // a later attempt may go on where another one stopped
	}
	ctx, cancel := context.WithCancelCause(context.WithValue(base, attemptKey{}, a))
	stop = func() { cancel(nil) }
	a.attend(cancel)
	if a.job.Timeout > 0 {
		var cancelTimer func()
		ctx, cancelTimer = context.WithTimeoutCause(ctx, a.job.Timeout, ErrTimeout)
		stop = func() {
			cancelTimer()
			cancel(nil)
		}
	}
	return ctx, stop
}

// attend has f called when the attempt is cancelled, or at once if it was.
func (a *attempt) attend(f context.CancelCauseFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cancelf = f
	if a.why != nil {
		f(a.why)
	}
}

// cancel ends the handler's context, if nothing else has, and if no others are one call with it.
func (a *attempt) cancel(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.why != nil {
		return
	}
	a.why, a.whyAt = why, time.Now()
	if a.cancelf != nil {
		a.cancelf(why)
	}
}

// endedBy returns what has ended the handler's context, or nil, its timeout apart.
func (a *attempt) endedBy() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.why
}

// patience is how long a handler may go on after its context has ended, before it is shown
// as stuck.
const patience = 5 * time.Second

// stuck reports whether the handler ignores that its context has ended, and whether that is
// news.
func (a *attempt) stuck(now time.Time) (is, news bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	since := a.whyAt
	if a.group != nil && !a.group.deserted() {
		since = time.Time{} // the handler goes on for the others
	}
	if a.job.Timeout > 0 && !a.started.IsZero() {
		if timeout := a.started.Add(a.job.Timeout); since.IsZero() || timeout.Before(since) {
			since = timeout
		}
	}
	if is = !a.over && !since.IsZero() && now.Sub(since) >= patience; is {
		news, a.told = !a.told, true
	}
	return is, news
}

// returned says that the handler has returned, though the attempt still has its slot.
func (a *attempt) returned() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
}

// Fence returns what names the attempt that a handler's context belongs to; ok is false for
// any other context.
func Fence(ctx context.Context) (process store.ID, f store.Fence, ok bool) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return process, f, false
	}
	return a.process, a.job.Fence, true
}

// Log returns what keeps lines with the job of a handler's context, with their time, level, text
// and attributes; ok is false for any other context. It never blocks, and may be called by many.
func Log(ctx context.Context) (keep func(store.LogLine), ok bool) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok || a.journal == nil {
		return nil, false
	}
	return func(line store.LogLine) { a.journal.put(a, line) }, true
}

// Progress keeps how far the attempt of a handler's context is. The latest is written each
// second and before the attempt is finished. It never blocks, and does nothing with any other
// context.
func Progress(ctx context.Context, done, total int, note string) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return
	}
	first := a.progress.Swap(&store.Progress{
		Fence: a.job.Fence, Done: done, Total: total, Note: note, Rate: a.rate.add(done, time.Now()),
	}) == nil
	if first && a.tell != nil {
		a.tell(a)
	}
}
