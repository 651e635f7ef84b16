package memory

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// Insert is that of store.Writer.
func (s *Store) Insert(ctx context.Context, jobs []store.NewJob) (inserted []store.Inserted, err error) {
	err = s.await(ctx, nil, func(now time.Time) error {
		inserted, err = s.insertAll(jobs, now)
		return err
	})
	return inserted, err
}

// insertAll stores jobs, all or none: what their unique keys make of them is decided before
// the first is stored, their limits and turns one after the other.
func (s *Store) insertAll(jobs []store.NewJob, now time.Time) ([]store.Inserted, error) {
	if err := s.reserved(nil, uniqueKeys(jobs)...); err != nil {
		return nil, err
	}
	verdicts, err := judge(jobs, s.exists, s.ownerAt(now), s.waiting)
	if err != nil {
		return nil, err
	}
	d := s.draft()
	for i, n := range jobs {
		if err := d.check(n, verdicts[i]); err != nil {
			return nil, err
		}
	}
	inserted := make([]store.Inserted, len(jobs))
	for i, n := range jobs {
		inserted[i] = d.enter(n, verdicts[i], firstRun(n, now), now)
	}
	s.heed(now)
	s.settle(now, all)
	for i, in := range inserted {
		if j := s.jobs[in.ID]; !in.Existing && (j.place == blocked || j.place == done) {
			inserted[i].State = j.stateAt(now)
		}
	}
	return inserted, nil
}

func (s *Store) exists(id store.ID) bool { return s.jobs[id] != nil }

// ownerAt says who holds a unique key.
func (s *Store) ownerAt(now time.Time) func(uniqueKey) store.ID {
	return func(k uniqueKey) store.ID {
		if h := s.holderOf(k, now); h != nil {
			return h.id
		}
		return store.ID{}
	}
}

// enter stores a job, or does what its unique key says instead.
func (s *Store) enter(n store.NewJob, v verdict, runAt, now time.Time) store.Inserted {
	switch {
	case v.replaced && s.waiting(v.old):
		s.replace(v.old, n, runAt, now)
		fallthrough
	case !v.replaced && !v.old.IsZero():
		return store.Inserted{ID: v.old, Existing: true, Replaced: v.replaced}
	}
	j := s.add(n, runAt, now)
	if k, u := uniqueOf(j.Task, j.Terms); u != nil {
		s.occupy(k, u, j.ID, now)
	}
	if j.batch() || len(n.After) > 0 {
		s.hang(j, n.After, now)
	} else {
		j.fresh = true
		s.place(j, now)
	}
	return store.Inserted{ID: n.ID}
}

// add makes a job known that is in no place yet.
func (s *Store) add(n store.NewJob, runAt, now time.Time) *job {
	n.Input, n.Tags, n.Terms = bytes.Clone(n.Input), maps.Clone(n.Tags), cloneTerms(n.Task, n.Terms)
	n.After = nil // they are kept as edges
	j := &job{NewJob: n, created: now, runAt: runAt}
	s.jobs[n.ID] = j
	return j
}

// cloneTerms copies the terms of a job.
func cloneTerms(task string, t *store.Terms) *store.Terms {
	if t == nil {
		return nil
	}
	c := *t
	c.Limits = slices.Clone(t.Limits)
	if t.Unique != nil {
		u := *t.Unique
		u.Task, c.Unique = task, &u
	}
	if t.Turn != nil {
		turn := *t.Turn
		c.Turn = &turn
	}
	return &c
}

// firstRun is when a new job may run.
func firstRun(n store.NewJob, now time.Time) time.Time {
	if n.RunAt.IsZero() {
		return now.Add(n.Delay)
	}
	return notBefore(n.RunAt, now)
}

func notBefore(t, now time.Time) time.Time {
	if t.Before(now) {
		return now
	}
	return t.UTC().Round(0)
}
