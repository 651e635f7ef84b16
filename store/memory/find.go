package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

// Find is that of store.Reader.
func (s *Store) Find(ctx context.Context, f store.Filter) (found []store.Job, err error) {
	if f.Searches() {
		all, err := s.Search(ctx, store.Search{Filter: f})
		return all.Jobs, err
	}
	most := f.Max
	if most <= 0 {
		most = 100
	}
	err = s.do(ctx, func(now time.Time) error {
		var match []*job
		for _, j := range s.jobs {
			if s.matches(j, &f, now) {
				match = append(match, j)
			}
		}
		slices.SortFunc(match, func(a, b *job) int { return b.ID.Compare(a.ID) })
		for _, j := range match[:min(most, len(match))] {
			found = append(found, s.view(j, now, len(f.IDs) > 0))
		}
		return nil
	})
	return found, err
}

func (s *Store) matches(j *job, f *store.Filter, now time.Time) bool {
	switch {
	case j.place == deleted,
		len(f.IDs) > 0 && !slices.Contains(f.IDs, j.ID),
		len(f.States) > 0 && !slices.Contains(f.States, j.stateAt(now)),
		len(f.Tasks) > 0 && !slices.Contains(f.Tasks, j.Task),
		len(f.Queues) > 0 && !slices.Contains(f.Queues, j.Queue),
		len(f.Priorities) > 0 && !slices.Contains(f.Priorities, j.Priority),
		len(f.Queues) == 0 && len(f.IDs) == 0 && j.Queue == store.SystemQueue,
		!f.Process.IsZero() && (j.place != leased || j.process != f.Process),
		!f.Since.IsZero() && j.created.Before(f.Since),
		!f.Until.IsZero() && !j.created.Before(f.Until),
		!f.Before.IsZero() && j.ID.Compare(f.Before) >= 0:
		return false
	}
	return j.tagged(f.Tag) && j.failedWith(f.Search) && j.keyed(f.Key) && j.limited(f.Limit) && j.inGroup(f.Group) &&
		(f.Schedule == "" || j.Terms != nil && j.Terms.Schedule == f.Schedule) &&
		(f.Flow.IsZero() || j.ID == f.Flow || j.Terms != nil && j.Terms.Flow == f.Flow) &&
		(f.Batch.IsZero() || slices.ContainsFunc(s.after[j.ID], func(e *edge) bool { return e.member && e.job.ID == f.Batch }))
}

// keyed reports whether a key is one of the job's.
func (j *job) keyed(key string) bool {
	if key == "" {
		return true
	}
	t := j.Terms
	return t != nil && (t.Unique != nil && t.Unique.Key == key || t.Turn != nil && t.Turn.Key == key ||
		slices.ContainsFunc(t.Limits, func(u store.Use) bool { return u.Key == key }))
}

func (j *job) limited(name string) bool {
	return name == "" || slices.ContainsFunc(j.uses(), func(u store.Use) bool { return u.Limit == name })
}

func (j *job) tagged(tag string) bool {
	name, value, valued := strings.Cut(tag, "=")
	has, ok := j.Tags[name]
	return tag == "" || ok && (!valued || has == value)
}

func (j *job) failedWith(text string) bool {
	if text == "" {
		return true
	}
	return len(j.history) > 0 &&
		strings.Contains(strings.ToLower(j.history[len(j.history)-1].Error), strings.ToLower(text))
}

// Failures is that of store.Reader.
func (s *Store) Failures(ctx context.Context, id store.ID) (failures []store.Failure, err error) {
	err = s.do(ctx, func(time.Time) error {
		if j := s.known(id); j != nil {
			failures = slices.Clone(j.history)
		}
		return nil
	})
	return failures, err
}

// Counts is that of store.Reader.
func (s *Store) Counts(ctx context.Context) (counts map[store.State]int, err error) {
	counts = map[store.State]int{}
	err = s.do(ctx, func(now time.Time) error {
		for _, j := range s.jobs {
			if j.place != deleted && j.Queue != store.SystemQueue {
				counts[j.stateAt(now)]++
			}
		}
		return nil
	})
	return counts, err
}

// Queues is that of store.Reader.
func (s *Store) Queues(ctx context.Context, most int) (queues []store.Queue, err error) {
	err = s.do(ctx, func(now time.Time) error {
		byName := map[string]*store.Queue{}
		queue := func(name string) *store.Queue {
			if byName[name] == nil {
				byName[name] = &store.Queue{Name: name, Paused: s.pausedQueues[name], Workers: s.workers[name], Counts: map[store.State]int{}}
			}
			return byName[name]
		}
		for name := range s.pausedQueues {
			queue(name)
		}
		for name := range s.workers {
			queue(name)
		}
		for _, j := range s.jobs {
			if j.place == deleted || j.place == done || j.Queue == store.SystemQueue {
				continue
			}
			q, state := queue(j.Queue), j.stateAt(now)
			if most <= 0 || q.Counts[state] < most {
				q.Counts[state]++
			}
			if state == store.Available && (q.Oldest.IsZero() || j.runAt.Before(q.Oldest)) {
				q.Oldest = j.runAt
			}
		}
		for _, q := range byName {
			queues = append(queues, *q)
		}
		slices.SortFunc(queues, func(a, b store.Queue) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
	return queues, err
}
