package offload

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/internal/cause"
	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// Job returns the job with the id, with input and result however large, or ErrNotFound.
func (a *App) Job(ctx context.Context, id ID) (*Job, error) {
	found, err := a.stored(ctx, id)
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, found)
}

// stored returns a job as it is stored, or ErrNotFound.
func (a *App) stored(ctx context.Context, id ID) (*store.Job, error) {
	if err := a.open(); err != nil {
		return nil, err
	}
	jobs, err := a.store.Find(ctx, store.Filter{IDs: []ID{id}, Max: 1})
	if err != nil {
		return nil, fmt.Errorf("offload: read job %s: %w", id, err)
	}
	if len(jobs) == 0 {
		return nil, fmt.Errorf("job %s: %w", id, ErrNotFound)
	}
	return &jobs[0], nil
}

// Jobs returns the jobs that f selects, newest first, at most f.Max (100). The next page
// has f.Before set to the last id of this one. Inputs and results over 4 KiB are left out,
// unless f.IDs names the jobs: read them with Job.
func (a *App) Jobs(ctx context.Context, f Filter) ([]*Job, error) {
	if err := a.open(); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	if (*store.Filter)(&f).Searches() {
		found, err := a.Search(ctx, f, 0)
		return found.Jobs, err
	}
	found, err := a.store.Find(ctx, store.Filter(f))
	if err != nil {
		return nil, fmt.Errorf("offload: list jobs: %w", err)
	}
	return a.showAll(ctx, found)
}

// showAll returns jobs as others see them.
func (a *App) showAll(ctx context.Context, found []store.Job) (_ []*Job, err error) {
	jobs, show := make([]*Job, len(found)), &shower{app: a}
	for i := range found {
		if jobs[i], err = show.job(ctx, &found[i]); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// check refuses what can select nothing because it is misspelt.
func (f *Filter) check() error {
	for _, s := range f.States {
		if !slices.Contains(store.States, s) {
			return &InputError{Field: "State", Got: string(s), Want: "one of " + stateNames}
		}
	}
	if f.Max < 0 || f.Max > 10_000 {
		return &InputError{Field: "Max", Got: f.Max, Want: "0 (100) to 10,000"}
	}
	if err := f.checkSearch(); err != nil {
		return err
	}
	return f.checkNames()
}

// checkNames refuses names that nothing can have, and text that no error can contain.
func (f *Filter) checkNames() error {
	for _, task := range f.Tasks {
		if err := checkName("", "Tasks", task); err != nil {
			return err
		}
	}
	for _, queue := range f.Queues {
		if err := checkName("", "Queues", queue); err != nil {
			return err
		}
	}
	if f.Tag != "" {
		name, value, _ := strings.Cut(f.Tag, "=")
		if err := checkName("", "Tag", name); err != nil {
			return err
		}
		if !inside.IsText(value) {
			return &InputError{Field: "Tag", Got: f.Tag, Want: textWant}
		}
	}
	if !inside.IsText(f.Search) {
		return &InputError{Field: "Search", Got: f.Search, Want: textWant}
	}
	if !inside.IsText(f.Key) || len(f.Key) > store.MaxKey {
		return &InputError{Field: "Key", Got: f.Key, Want: fmt.Sprintf("%s, at most %d bytes", textWant, store.MaxKey)}
	}
	if f.Limit != "" {
		if err := checkName("", "Limit", f.Limit); err != nil {
			return err
		}
	}
	if f.Group != "" && !cause.IsGroup(f.Group) {
		return &InputError{Field: "Group", Got: f.Group, Want: inside.GroupWant}
	}
	if f.Schedule != "" {
		return checkName("", "Schedule", f.Schedule)
	}
	return nil
}

var stateNames = func() string {
	names := make([]string, len(store.States))
	for i, s := range store.States {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}()

// Failures returns the failed attempts of a job, oldest first.
func (a *App) Failures(ctx context.Context, id ID) ([]Failure, error) {
	if err := a.open(); err != nil {
		return nil, err
	}
	found, err := a.store.Failures(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("offload: failures of job %s: %w", id, err)
	}
	failures := make([]Failure, len(found))
	for i, f := range found {
		failures[i] = Failure(f)
	}
	return failures, nil
}

// Wait blocks until the job has ended, in whatever process, or ctx ends, and returns it. If
// it ended other than completed, the error is an *EndedError; without such a job it is
// ErrNotFound. An outage of the store is waited out.
func (a *App) Wait(ctx context.Context, id ID) (*Job, error) {
	if err := a.open(); err != nil {
		return nil, err
	}
	ended, forget := a.waiting.add(id)
	defer forget()
	for pause := waitLeast; ; pause = min(pause*3/2, waitMost) {
		found, err := a.stored(ctx, id)
		var job *Job
		if err == nil && found.State.Ended() {
			job, err = a.shown(ctx, found)
		}
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("offload: wait for job %s: %w", id, ctx.Err())
		case err == nil && job != nil && job.State == Completed:
			return job, nil
		case err == nil && job != nil:
			return job, &EndedError{job}
		case err != nil && !store.Temporary(err):
			return nil, err
		}
		select {
		case <-ctx.Done():
		case <-ended:
		case <-time.After(pause):
		}
	}
}

// How often Wait looks: soon after the enqueue, seldom for long jobs. The end of a job in
// this process is heard of at once.
const (
	waitLeast = 5 * time.Millisecond
	waitMost  = 500 * time.Millisecond
)

// waiters are the calls of Wait in this process, and of Logs that follow. The zero value is
// ready.
type waiters struct {
	count atomic.Int64 // so that an end that nobody waits for costs next to nothing
	mu    sync.Mutex
	byID  map[ID][]chan struct{}
}

func (w *waiters) add(id ID) (ended <-chan struct{}, forget func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byID == nil {
		w.byID = map[ID][]chan struct{}{}
	}
	w.byID[id] = append(w.byID[id], c)
	w.count.Add(1)
	return c, func() { w.remove(id, c) }
}

func (w *waiters) remove(id ID, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byID[id] = slices.DeleteFunc(w.byID[id], func(other chan struct{}) bool { return other == c })
	if len(w.byID[id]) == 0 {
		delete(w.byID, id)
	}
	w.count.Add(-1)
}

// hear tells those who wait for a job that something has become of it.
func (w *waiters) hear(e engine.Event) {
	if e.State != Running {
		w.tell(e.Job.ID)
	}
}

// tell tells those who wait for a job, or follow its log, that there is news.
func (w *waiters) tell(id ID) {
	if w.count.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.byID[id] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
