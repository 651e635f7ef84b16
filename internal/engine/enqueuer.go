package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/batch"
	"github.com/offloadhq/offload/store"
)

const (
	bigInsert      = 500     // jobs from which a call goes alone
	bigInsertBytes = 1 << 20 // of input from which a call goes alone
	maxInsert      = 1000    // jobs that share a call
	insertFor      = 10 * time.Second

	// sharedFor is how long callers with terms may share a call: a unique key of one may be
	// locked by a transaction that lasts.
	sharedFor = time.Second
)

// An Enqueuer stores jobs. Callers that come at the same time share a commit; each returns
// after its own jobs are durable. A job that comes alone while the engine of its program is at
// rest is not claimed from there: it is stored as a lease, and started.
//
// Callers with terms share calls of their own, since such a call may have to wait for a
// transaction that has to do with one of their unique keys. Where it waits for long, each of them
// goes on alone, and so does whoever comes with the same key meanwhile.
type Enqueuer struct {
	store  store.Store
	wake   func(store.Wake)
	work   func() *Engine
	plain  batch.Batch[[]store.NewJob, []store.Inserted]
	termed batch.Batch[[]store.NewJob, []store.Inserted]
	apart  apart
}

// NewEnqueuer makes an Enqueuer. wake is told what was inserted; nil is nobody.
func NewEnqueuer(s store.Store, wake func(store.Wake)) *Enqueuer {
	e := &Enqueuer{store: s, wake: wake}
	e.plain.Call, e.plain.Fits, e.plain.Whole = e.insertAll, fits, store.Temporary
	e.termed.Call, e.termed.Fits, e.termed.Whole = e.insertShared, fits, store.Temporary
	e.termed.Slow, e.termed.Alone = isSlow, e.insertApart
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
	switch {
	case big(jobs):
	case !termed(jobs):
		return e.plain.Do(ctx, jobs)
	case !e.apart.has(jobs):
		return e.termed.Do(ctx, jobs)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.apart.add(jobs)
	return e.insertApart(context.WithoutCancel(ctx), jobs)
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
	e.wakeFor(jobs, inserted)
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

// insertShared is insertAll for callers with terms, as long as none has to wait for long.
func (e *Enqueuer) insertShared(ctx context.Context, groups [][]store.NewJob) ([][]store.Inserted, error) {
	var answers [][]store.Inserted
	err := errWaitsForKey
	if !slices.ContainsFunc(groups, e.apart.has) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, sharedFor)
		defer cancel()
		answers, err = e.insertAll(ctx, groups)
	}
	if err == errWaitsForKey || err != nil && ctx.Err() != nil {
		for _, jobs := range groups {
			e.apart.add(jobs) // before others take the lead
		}
		return nil, slowError{err}
	}
	return answers, err
}

var errWaitsForKey = errors.New("a unique key has to be waited for")

// insertApart stores the jobs of one caller, whose keys are apart until it is answered.
func (e *Enqueuer) insertApart(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	defer e.apart.remove(jobs)
	answers, err := e.insertAll(ctx, [][]store.NewJob{jobs})
	if err != nil {
		return nil, err
	}
	return answers[0], nil
}

// A slowError is that of a shared call which took too long, or would.
type slowError struct{ error }

// Unwrap returns what the store has said.
func (e slowError) Unwrap() error { return e.error }

func isSlow(err error) bool { return errors.As(err, new(slowError)) }

// wakeFor wakes the engine of this process, once for each queue and lane, of the jobs that did
// not have to wait.
func (e *Enqueuer) wakeFor(jobs []store.NewJob, inserted []store.Inserted) {
	if e.wake == nil {
		return
	}
	var last store.Wake
	var woken map[store.Wake]bool
	for i := range jobs {
		j := &jobs[i]
		w := store.Wake{Queue: j.Queue, Priority: j.Terms.Lane(j.Priority)}
		if j.Delay > 0 || !j.RunAt.IsZero() || inserted[i].State != "" || w == last || woken[w] {
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

// termed reports whether jobs have terms.
func termed(jobs []store.NewJob) bool {
	for i := range jobs {
		if jobs[i].Terms != nil {
			return true
		}
	}
	return false
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
