package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/batch"
	"github.com/offloadhq/offload/store"
)

const (
	bigInsert      = 500     // jobs from which a call goes alone
	bigInsertBytes = 1 << 20 // of input from which a call goes alone
	maxInsert      = 1000    // jobs that share a call
	insertFor      = 10 * time.Second
)

// An Enqueuer stores jobs. Callers that come at the same time share a commit; each returns
// after its own jobs are durable. A job that comes alone while the engine of its program is at
// rest is not claimed from there: it is stored as a lease, and started.
type Enqueuer struct {
	store store.Store
	wake  func(store.Wake)
	work  func() *Engine
	batch batch.Batch[[]store.NewJob, []store.Inserted]
}

// NewEnqueuer makes an Enqueuer. wake is told what was inserted; nil is nobody.
func NewEnqueuer(s store.Store, wake func(store.Wake)) *Enqueuer {
	e := &Enqueuer{store: s, wake: wake}
	e.batch.Call, e.batch.Fits, e.batch.Whole = e.insertAll, fits, store.Temporary
	return e
}

// StartIn has jobs started by the engine of this program, which f returns; nil while there is
// none. It must be called before the first Insert.
func (e *Enqueuer) StartIn(f func() *Engine) { e.work = f }

// Insert stores jobs, all or none, and answers in their order. While the store is away the
// same ids are sent again, so that none is doubled, until 10 s have passed or ctx ends; then
// it is not known whether they are stored. If ctx ends while they are being committed, Insert
// returns what the commit returns.
func (e *Enqueuer) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	until := time.Now().Add(insertFor)
	pause := newPause(20*time.Millisecond, 2*time.Second)
	var doubt error // an earlier try may have stored them, though its answer was lost
	for {
		inserted, err := e.insert(ctx, jobs)
		if err == nil {
			return inserted, nil
		}
		if doubt != nil && !errors.Is(err, store.ErrUnavailable) {
			return nil, fmt.Errorf("%w; then: %w", doubt, err)
		}
		if !store.Temporary(err) || ctx.Err() != nil {
			return nil, err
		}
		doubt = err
		wait := pause.step()
		if time.Now().Add(wait).After(until) {
			return nil, err
		}
		sleep(ctx, wait)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w; it was not tried again: %w", err, context.Cause(ctx))
		}
	}
}

func (e *Enqueuer) insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	if !big(jobs) {
		return e.batch.Do(ctx, jobs)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answers, err := e.insertAll(context.WithoutCancel(ctx), [][]store.NewJob{jobs})
	if err != nil {
		return nil, err
	}
	return answers[0], nil
}

// insertAll stores the jobs of several callers in one call.
func (e *Enqueuer) insertAll(ctx context.Context, groups [][]store.NewJob) ([][]store.Inserted, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	jobs := groups[0]
	if len(groups) > 1 {
		jobs = nil
		for _, g := range groups {
			jobs = append(jobs, g...)
		}
	}
	if r := e.reserve(jobs); r != nil {
		inserted, err := r.insert(ctx, jobs[0])
		if err != nil {
			return nil, err
		}
		return [][]store.Inserted{{inserted}}, nil
	}
	inserted, err := e.store.Insert(ctx, jobs)
	if err != nil {
		return nil, err
	}
	if len(inserted) != len(jobs) {
		return nil, fmt.Errorf("insert of %d jobs was answered for %d", len(jobs), len(inserted))
	}
	e.wakeFor(jobs)
	answers := make([][]store.Inserted, len(groups))
	for i, g := range groups {
		answers[i], inserted = inserted[:len(g):len(g)], inserted[len(g):]
	}
	return answers, nil
}

// reserve keeps a slot of this program's engine for a job that has come alone, or returns nil.
func (e *Enqueuer) reserve(jobs []store.NewJob) *reserved {
	if len(jobs) != 1 || e.work == nil {
		return nil
	}
	engine := e.work()
	if engine == nil {
		return nil
	}
	s := engine.shift.Load()
	if s == nil {
		return nil
	}
	return s.reserve(&jobs[0])
}

// wakeFor wakes the engine of this process, once for each queue and priority.
func (e *Enqueuer) wakeFor(jobs []store.NewJob) {
	if e.wake == nil {
		return
	}
	var last store.Wake
	var woken map[store.Wake]bool
	for i := range jobs {
		j := &jobs[i]
		w := store.Wake{Queue: j.Queue, Priority: j.Terms.Lane(j.Priority)}
		if j.Delay > 0 || !j.RunAt.IsZero() || w == last || woken[w] {
			continue // what is due later the next look finds
		}
		if last.Queue != "" {
			if woken == nil {
				woken = map[store.Wake]bool{}
			}
			woken[last] = true
		}
		last = w
		e.wake(w)
	}
}

// big reports whether a call is large enough to be worth a commit of its own.
func big(jobs []store.NewJob) bool {
	return len(jobs) >= bigInsert || inputBytes(jobs) >= bigInsertBytes
}

// fits reports whether a caller's jobs may join those of others.
func fits(cut [][]store.NewJob, jobs []store.NewJob) bool {
	n, bytes := len(jobs), inputBytes(jobs)
	for _, g := range cut {
		n += len(g)
		bytes += inputBytes(g)
	}
	return n <= maxInsert && bytes <= bigInsertBytes
}

func inputBytes(jobs []store.NewJob) (n int) {
	for i := range jobs {
		n += len(jobs[i].Input)
	}
	return n
}
