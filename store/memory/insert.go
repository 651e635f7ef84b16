package memory

import (
	"bytes"
	"context"
	"maps"
	"time"

	"github.com/offloadhq/offload/store"
)

// Insert is that of store.Writer.
func (s *Store) Insert(ctx context.Context, jobs []store.NewJob) (inserted []store.Inserted, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for _, n := range jobs {
			inserted = append(inserted, s.insert(n, firstRun(n, now), now))
		}
		return nil
	})
	return inserted, err
}

func (s *Store) insert(n store.NewJob, runAt, now time.Time) store.Inserted {
	if s.jobs[n.ID] != nil {
		return store.Inserted{ID: n.ID, Existing: true}
	}
	s.put(s.add(n, runAt, now), due)
	return store.Inserted{ID: n.ID}
}

// add makes a job known that is in no place yet.
func (s *Store) add(n store.NewJob, runAt, now time.Time) *job {
	n.Input, n.Tags = bytes.Clone(n.Input), maps.Clone(n.Tags)
	j := &job{NewJob: n, created: now, runAt: runAt}
	s.jobs[n.ID] = j
	return j
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
