package offload

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

// Watch yields changes of the jobs that f selects, whichever process makes them, from its call until
// ctx ends or the loop is left: new jobs, changes of their states, further attempts, and progress.
// f.States are the states that jobs come to.
//
// Changes by this app are seen at once, by others within a second. What a job went through between
// two looks is one event, with the state before and the last one: a change is never lost, but states
// in between may be. The same is true of a loop that is slow. An outage of the store is waited out.
// An error is the last that is yielded: f is wrong, or the app is closed.
//
// Each second it reads a page of 1,000 jobs, or three where f selects more than that, and a page more
// for each 1,000 new ones. At most 10,000 jobs that have not ended are watched, and those that run:
// with more, select fewer, or an older job that another process runs within a second is overlooked.
func (a *App) Watch(ctx context.Context, f Filter) iter.Seq2[Event, error] {
	w := &watch{app: a, known: map[ID]sight{}, ring: make(chan struct{}, 1)}
	err := w.prepare(f)
	if err == nil {
		err = w.look(ctx) // what is there now is no news
		w.begun = err == nil
	}
	return func(yield func(Event, error) bool) {
		if err != nil && !store.Temporary(err) {
			if ctx.Err() == nil {
				yield(Event{}, err)
			}
			return
		}
		a.watching.add(w)
		defer a.watching.remove(w)
		if err := w.run(ctx, yield); err != nil && ctx.Err() == nil {
			yield(Event{}, err)
		}
	}
}

// How Watch looks.
const (
	watchEvery = time.Second
	watchSoon  = 50 * time.Millisecond // from a change in this process to the look at it
	watchPage  = 1000
	watchPages = 10  // of jobs that have not ended, and of new ones in a look
	watchIDs   = 100 // jobs that are read by id at once: with their inputs
)

// A watch is one call of Watch. It belongs to the goroutine that is in its loop.
type watch struct {
	app    *App
	filter store.Filter // without states
	states []State
	known  map[ID]sight
	begun  bool // known is what was there at first
	events []Event

	ring chan struct{} // holds a token while there is news
	mu   sync.Mutex    // held for moments
	news map[ID]bool   // jobs that this process has changed
}

// A sight is how a job was when it was looked at last.
type sight struct {
	state    State
	attempt  int
	failures int
	said     int64 // when it told of its progress
}

func (w *watch) prepare(f Filter) error {
	if err := w.app.open(); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if f.Max != 0 || !f.Before.IsZero() {
		return &InputError{Field: "Filter", Got: fmt.Sprintf("Max %d, Before %s", f.Max, f.Before), Want: "neither: Watch has no pages"}
	}
	w.states, w.filter = f.States, store.Filter(f)
	if w.filter.Searches() {
		return &InputError{Field: "Filter", Got: "Input, Soonest or After", Want: "none of them: Watch does not look into inputs, and has no order"}
	}
	w.filter.States, w.filter.Max = nil, watchPage
	return nil
}

// run yields events until ctx ends, the loop is left or an error comes that will not pass.
func (w *watch) run(ctx context.Context, yield func(Event, error) bool) error {
	for next := time.Now(); ; {
		var err error
		if now := time.Now(); !now.Before(next) {
			err = w.look(ctx)
			w.begun = w.begun || err == nil
			next = now.Add(watchEvery)
		} else {
			err = w.lookAtNews(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !store.Temporary(err):
			return err
		}
		for _, e := range w.events {
			if !yield(e, nil) || ctx.Err() != nil {
				return nil
			}
		}
		w.events = nil
		if !w.wait(ctx, time.Until(next)) {
			return nil
		}
	}
}

// wait waits until there is news, or d is over, and reports whether ctx goes on.
func (w *watch) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.ring:
		soon := time.NewTimer(watchSoon) // for more of it
		defer soon.Stop()
		select {
		case <-soon.C:
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// look looks at everything.
func (w *watch) look(ctx context.Context) error {
	seen := map[ID]bool{}
	whole, err := w.lookAtNewest(ctx, seen)
	if err != nil {
		return err
	}
	if whole {
		return w.lookAtMissing(ctx, seen, true)
	}
	all, err := w.pages(ctx, openStates, func(store.Job) bool { return true }, seen)
	if err != nil {
		return err
	}
	if !all {
		if _, err := w.pages(ctx, []State{Running}, func(store.Job) bool { return true }, seen); err != nil {
			return err
		}
	}
	return w.lookAtMissing(ctx, seen, all)
}

// openStates are those of jobs that have not ended.
var openStates = []State{Scheduled, Available, Blocked, Running, Retryable}

// lookAtNewest looks at the newest jobs, as long as pages bring new ones, and reports whether these
// were all jobs.
func (w *watch) lookAtNewest(ctx context.Context, seen map[ID]bool) (whole bool, err error) {
	return w.pages(ctx, nil, func(j store.Job) bool { _, known := w.known[j.ID]; return !known }, seen)
}

// pages looks at jobs in some states, newest first, as long as a page has one that is worth another
// page, and reports whether these were all.
func (w *watch) pages(ctx context.Context, states []State, worth func(store.Job) bool, seen map[ID]bool) (all bool, err error) {
	f := w.filter
	f.States = states
	for range watchPages {
		jobs, err := w.app.store.Find(ctx, f)
		if err != nil {
			return false, fmt.Errorf("offload: watch jobs: %w", err)
		}
		more := slices.ContainsFunc(jobs, worth)
		for i := range jobs {
			seen[jobs[i].ID] = true
			w.note(&jobs[i])
		}
		if len(jobs) < watchPage {
			return true, nil
		}
		if !more {
			return false, nil
		}
		f.Before = jobs[len(jobs)-1].ID
	}
	return false, nil
}

// lookAtMissing looks at jobs that had not ended and were not among those that still have not:
// they have ended, do not match any more, or were deleted. If those were not all that there are, it
// looks at what ran.
func (w *watch) lookAtMissing(ctx context.Context, seen map[ID]bool, all bool) error {
	var missing []ID
	for id, s := range w.known {
		switch {
		case seen[id] || s.state.Ended():
		case all || s.state == Running:
			missing = append(missing, id)
		default:
			delete(w.known, id) // it is found again when it runs
		}
	}
	if err := w.lookAt(ctx, missing, store.Filter{}); err != nil {
		return err
	}
	w.forget()
	return nil
}

// lookAtNews looks at what this process has changed.
func (w *watch) lookAtNews(ctx context.Context) error {
	w.mu.Lock()
	news := slices.Collect(maps.Keys(w.news))
	w.news = nil
	w.mu.Unlock()
	var known, unknown []ID
	for _, id := range news {
		switch _, ok := w.known[id]; {
		case ok:
			known = append(known, id) // whether it still matches or not
		case len(w.filter.IDs) == 0 || slices.Contains(w.filter.IDs, id):
			unknown = append(unknown, id)
		}
	}
	if err := w.lookAt(ctx, known, store.Filter{}); err != nil {
		return err
	}
	return w.lookAt(ctx, unknown, w.filter)
}

// lookAt looks at jobs by their ids, those that f selects. offload's own jobs are left out, as they
// are from lists.
func (w *watch) lookAt(ctx context.Context, ids []ID, f store.Filter) error {
	slices.SortFunc(ids, ID.Compare)
	for some := range slices.Chunk(ids, watchIDs) {
		f.IDs, f.Max = some, len(some)
		jobs, err := w.app.store.Find(ctx, f)
		if err != nil {
			return fmt.Errorf("offload: watch jobs: %w", err)
		}
		found := map[ID]bool{}
		for i := range jobs {
			if jobs[i].Queue == store.SystemQueue && len(w.filter.Queues)+len(w.filter.IDs) == 0 {
				continue
			}
			found[jobs[i].ID] = true
			w.note(&jobs[i])
		}
		for _, id := range some {
			if !found[id] {
				delete(w.known, id)
			}
		}
	}
	return nil
}

// forget keeps what is known of ended jobs within bounds. The newest are met again.
func (w *watch) forget() {
	const most = 3 * watchPage * watchPages
	if len(w.known) <= most {
		return
	}
	var ended []ID
	for id, s := range w.known {
		if s.state.Ended() {
			ended = append(ended, id)
		}
	}
	slices.SortFunc(ended, ID.Compare)
	for _, id := range ended[:len(ended)/2] {
		delete(w.known, id)
	}
}

// note takes what was seen of a job, and makes an event of it if that is news.
func (w *watch) note(s *store.Job) {
	before, known := w.known[s.ID]
	now := sight{state: s.State, attempt: s.Attempt, failures: s.Failures, said: before.said}
	if s.Progress != nil {
		now.said = s.Progress.At.UnixNano()
	}
	w.known[s.ID] = now
	if !w.begun || now == before || len(w.states) > 0 && !slices.Contains(w.states, s.State) {
		return
	}
	job := jobOf(s)
	e := Event{Job: bare(*job), From: before.state, Time: whenIn(job)}
	if known && now.state == before.state && now.attempt == before.attempt && now.failures == before.failures {
		e.Time, e.Progress = job.Progress.At, job.Progress
	}
	w.events = append(w.events, e)
}

// whenIn is when a job came into its state, as far as it tells.
func whenIn(job *Job) time.Time {
	switch {
	case job.State.Ended():
		return job.FinishedAt
	case job.State == Running:
		return job.StartedAt
	case job.Attempt == 0 && job.State != Available:
		return job.CreatedAt
	}
	return time.Now()
}

// watchers are the calls of Watch in this process. The zero value is ready.
type watchers struct {
	count atomic.Int64 // so that a change that nobody watches costs next to nothing
	mu    sync.Mutex   // held for moments
	all   map[*watch]bool
}

func (w *watchers) add(one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[*watch]bool{}
	}
	w.all[one] = true
	w.count.Store(int64(len(w.all)))
}

func (w *watchers) remove(one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
	w.count.Store(int64(len(w.all)))
}

func (w *watchers) none() bool { return w.count.Load() == 0 }

// tell says that this process has changed a job.
func (w *watchers) tell(id ID) {
	if w.none() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all {
		one.mu.Lock()
		if one.news == nil {
			one.news = map[ID]bool{}
		}
		if len(one.news) < watchPage { // more is seen by the next look at everything
			one.news[id] = true
		}
		one.mu.Unlock()
		select {
		case one.ring <- struct{}{}:
		default:
		}
	}
}
