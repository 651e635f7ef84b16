package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// searchStep is how many jobs are looked at between two looks at the time.
const searchStep = 100

// Search is that of store.Reader.
func (s *Store) Search(ctx context.Context, q store.Search) (found store.Found, err error) {
	most := q.Max
	if most <= 0 {
		most = 100
	}
	began := time.Now()
	err = s.do(ctx, func(now time.Time) error {
		for i, j := range s.inOrder(&q.Filter, now) {
			if i > 0 && i%searchStep == 0 && q.Budget > 0 && time.Since(began) >= q.Budget {
				return nil
			}
			at := store.Cursor{ID: j.ID}
			if q.Soonest {
				at.At = j.runAt.Truncate(time.Microsecond) // as people write it
			}
			found.Reached = at
			if s.matches(j, &q.Filter, now) && s.says(j, &q, now) {
				found.Jobs = append(found.Jobs, s.view(j, now, len(q.IDs) > 0))
				if len(found.Jobs) == most {
					return nil
				}
			}
		}
		found.Reached = store.Cursor{}
		return nil
	})
	return found, err
}

// inOrder are the jobs behind where a search goes on, in its order.
func (s *Store) inOrder(f *store.Filter, now time.Time) (jobs []*job) {
	order := func(a, b *job) int { return b.ID.Compare(a.ID) }
	if f.Soonest {
		order = func(a, b *job) int {
			return cmp.Or(cmp.Compare(a.runAt.UnixMicro(), b.runAt.UnixMicro()), a.ID.Compare(b.ID))
		}
	}
	after := &job{NewJob: store.NewJob{ID: f.After.ID}, runAt: f.After.At}
	for _, j := range s.jobs {
		switch {
		case f.Soonest && (j.place != due || !j.runAt.After(now)):
		case f.After.IsZero() || order(after, j) < 0:
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, order)
	return jobs
}

// says reports whether the input of a job says what is wanted.
func (s *Store) says(j *job, q *store.Search, now time.Time) bool {
	if len(q.Input) == 0 {
		return true
	}
	shown := s.view(j, now, true)
	return store.MatchAll(q.Shown(&shown), q.Input)
}

// CountUpTo is that of store.Reader.
func (s *Store) CountUpTo(ctx context.Context, f store.Filter, most int) (*store.Counted, error) {
	counted := store.NewCounted()
	states := f.States
	f.States, f.IDs, f.Before = nil, nil, store.ID{}
	err := s.do(ctx, func(now time.Time) error {
		looked := map[store.State]int{}
		for _, j := range s.inOrder(&store.Filter{}, now) {
			state := j.stateAt(now)
			if j.place == deleted || counted.More[state] {
				continue
			}
			if looked[state]++; s.matches(j, &f, now) {
				counted.Add(len(states) == 0 || slices.Contains(states, state), state, j.Queue, j.Task, j.Tags, 1, most)
			}
			if counted.States[state] >= most || looked[state] >= store.CountLook*most {
				counted.More[state] = true
			}
		}
		return nil
	})
	return counted, err
}
