package engine

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A run is a call of a handler.
type run struct {
	wire      *wire
	process   store.ID
	job       *store.Claimed
	ctx       context.Context
	started   time.Time
	cancelled time.Time // when its process has read that the job is cancelled
	beside    []*run    // of the same call, with itself; nil for a call of one job
}

// The tasks of the simulation.
const (
	plain    = "plain"
	offline  = "offline"  // goes on while its process is cut off
	within   = "within"   // completes in a transaction
	stubborn = "stubborn" // ignores its context
	poison   = "poison"   // kills its process
	rare     = "rare"     // not every process knows it
	many     = "many"     // its jobs are run together
)

// tasks are those of one life of a process.
func (l *wire) tasks(names ...string) map[string]*Task {
	tasks := map[string]*Task{}
	for _, name := range names {
		tasks[name] = &Task{
			Run:     l.handle,
			Offline: name == offline,
			Backoff: func(failures int, _ error) time.Duration { return time.Duration(failures) * 700 * time.Millisecond },
		}
		if name == many {
			tasks[name].Many = &Many{Most: 3, Wait: 1700 * time.Millisecond, Run: l.handleMany}
		}
	}
	return tasks
}

// handle is every task's handler. What it does is up to the job and its attempt.
func (l *wire) handle(ctx context.Context, job *store.Claimed) (v Verdict) {
	w := l.w
	r := w.begin(ctx, l, job)
	random := w.stream(uint64(numberOf(job.ID))<<16 | uint64(job.Attempt))
	defer func() {
		if value := recover(); value != nil {
			w.returns(r, Verdict{Err: errFailed})
			panic(value)
		}
	}()
	if !w.rest(r, random) {
		v = Verdict{Err: context.Cause(ctx)}
		w.returns(r, v)
		return v
	}
	switch {
	case job.Task == poison:
		l.kill()
		<-ctx.Done()
	case w.isCalm():
	default:
		v = l.misbehave(r, random)
	}
	if v.Err == nil && job.Task == within {
		v.InTx = true
		v.Err = l.complete(ctx, r.process, store.Ended{Fence: job.Fence, Task: job.Task, Queue: job.Queue, Outcome: store.OutcomeCompleted, InTx: true})
	}
	w.returns(r, v)
	return v
}

// misbehave decides how a handler ends that has had its time.
func (l *wire) misbehave(r *run, random *rand.Rand) Verdict {
	switch random.IntN(20) {
	case 0, 1:
		return Verdict{Err: errFailed}
	case 2:
		return Verdict{Err: errFailed, How: Snooze, In: time.Duration(random.Int64N(int64(5 * time.Second)))}
	case 3:
		return Verdict{Err: errFailed, How: RetryIn, In: time.Duration(random.Int64N(int64(5 * time.Second)))}
	case 4:
		if random.IntN(4) == 0 {
			return Verdict{Err: errFailed, How: Discard}
		}
	case 5:
		if random.IntN(4) == 0 {
			l.w.mu.Lock()
			l.w.mayCancel[r.job.ID] = true
			for _, other := range r.beside {
				l.w.mayCancel[other.job.ID] = true
			}
			l.w.mu.Unlock()
			return Verdict{Err: errFailed, How: Cancel}
		}
	case 6:
		if random.IntN(2) == 0 {
			panic("simulated")
		}
	case 7:
		if random.IntN(2) == 0 {
			l.w.returns(r, Verdict{Err: errExit})
			runtime.Goexit()
		}
	}
	return Verdict{}
}

// rest takes the time of a handler and reports whether it has had all of it.
func (w *world) rest(r *run, random *rand.Rand) bool {
	d := time.Duration(random.Int64N(int64(2 * time.Second)))
	switch {
	case w.isCalm():
		if r.job.Timeout > 0 {
			d = min(d, r.job.Timeout/2)
		}
	case random.IntN(5) == 0:
		d = time.Duration(random.Int64N(int64(time.Millisecond)))
	case random.IntN(4) == 0:
		d = time.Duration(random.Int64N(int64(20 * time.Second)))
	case r.job.Task == offline, r.job.Task == stubborn:
		d = time.Duration(random.Int64N(int64(longest)))
	}
	if random.IntN(3) == 0 {
		some := time.Duration(random.Int64N(int64(d) + 1))
		if !w.restFor(r, some) {
			return false
		}
		Progress(r.ctx, r.job.Attempt, 10, "")
		d -= some
	}
	return w.restFor(r, d)
}

func (w *world) restFor(r *run, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	ends := r.ctx.Done()
	if r.job.Task == stubborn {
		ends = nil
	}
	select {
	case <-timer.C:
		return true
	case <-ends:
		pass(time.Duration(numberOf(r.job.ID)+1) * time.Microsecond) // never two at once
	case <-r.wire.dead:
	}
	return false
}

// begin takes note that a handler begins, and judges whether it may.
func (w *world) begin(ctx context.Context, l *wire, job *store.Claimed) *run {
	process, _, ok := Fence(ctx)
	if !ok {
		process = l.processNow()
	}
	r := &run{wire: l, process: process, job: job, ctx: ctx, started: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.killed {
		return r
	}
	w.noteFence(l, job.Fence, "begins")
	if h := w.jobs[job.ID]; h == nil || h.holder != process || h.attempt != job.Attempt {
		w.broken(job.ID, "attempt %d began on %s without a lease", job.Attempt, l.name)
	} else {
		w.checkInTime(job, h)
		h.begun = true
	}
	if job.Large && len(job.Input) != 2*store.InlineInput {
		w.broken(job.ID, "it got %d bytes of input", len(job.Input))
	}
	if job.Suspect() {
		for _, all := range w.running {
			for _, other := range all {
				if other.wire == l && other.job.Suspect() {
					w.broken(job.ID, "a suspect began beside another")
				}
			}
		}
	}
	w.checkAlone(r)
	w.running[job.ID] = append(w.running[job.ID], r)
	return r
}

// starts judges whether an attempt may start, by what its process has read.
func (l *wire) starts(e Event) {
	w, id := l.w, e.Job.ID
	if l.viewer != l.process || !time.Now().After(l.viewAt) {
		return
	}
	if h := w.jobs[id]; h != nil && e.Job.Attempt == 1 && !h.leased.Before(l.viewAt) {
		return // the store has let it start, and knows better than the view
	}
	if slices.Contains(l.view.Paused, e.Queue) {
		w.broken(id, "it starts on %s, which knows that queue %s is paused", l.name, e.Queue)
	}
	if slices.Contains(l.view.Tasks, e.Task) {
		w.broken(id, "it starts on %s, which knows that task %s is paused", l.name, e.Task)
	}
	if l.view.Quiet {
		w.broken(id, "it starts on %s, which knows that it shall be quiet", l.name)
	}
}

// checkAlone judges whether a run may overlap with those of the same job.
func (w *world) checkAlone(r *run) {
	if r.excused() {
		return
	}
	for _, other := range w.running[r.job.ID] {
		if other != r && !other.excused() {
			w.broken(r.job.ID, "attempt %d runs on %s while attempt %d runs on %s", r.job.Attempt, r.wire.name, other.job.Attempt, other.wire.name)
		}
	}
}

// excused reports whether a run may go on though its lease is lost.
func (r *run) excused() bool {
	l := r.wire
	return l.killed || l.frozen || time.Since(l.thawed) < time.Second || r.job.Task == offline || r.job.Task == stubborn
}

// checkAwake judges a second after a process was thawed whether it has ended what it has lost.
func (l *wire) checkAwake() {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	for _, all := range l.w.running {
		for _, r := range all {
			if r.wire == l {
				l.w.checkAlone(r)
			}
		}
	}
}

// runs returns the run of an attempt, or nil.
func (w *world) runs(f store.Fence) *run {
	for _, r := range w.running[f.ID] {
		if r.job.Fence == f {
			return r
		}
	}
	return nil
}

// returns takes note that a handler returns.
func (w *world) returns(r *run, v Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := r.job.ID
	for i, other := range w.running[id] {
		if other == r {
			w.running[id] = append(w.running[id][:i:i], w.running[id][i+1:]...)
			break
		}
	}
	h := w.jobs[id]
	if r.wire.killed || h == nil {
		return
	}
	w.noteFence(r.wire, r.job.Fence, "returns")
	now, ended := time.Now(), r.ctx.Err() != nil
	obeys := r.job.Task != stubborn
	if obeys && !ended && !slices.ContainsFunc(r.beside, func(r *run) bool { return r.cancelled.IsZero() }) && !r.cancelled.IsZero() && now.Sub(r.cancelled) > time.Millisecond {
		w.broken(id, "the context of attempt %d went on for %v after %s knew that the job is cancelled", r.job.Attempt, now.Sub(r.cancelled), r.wire.name)
	}
	if obeys && r.job.Timeout > 0 && now.Sub(r.started) > r.job.Timeout+time.Millisecond && r.job.Task != within {
		w.broken(id, "attempt %d went on for %v, with a timeout of %v", r.job.Attempt, now.Sub(r.started), r.job.Timeout)
	}
	if ended && !obeys && context.Cause(r.ctx) == ErrTimeout {
		ended = false // what it returns then counts
	}
	switch {
	case v.Err == nil && h.holder == r.process && h.attempt == r.job.Attempt:
		h.done = h.attempt
	case v.Err != nil && (!ended || context.Cause(r.ctx) == ErrTimeout):
		h.errs++
	}
}
