package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A ticker says what a due schedule does.
type ticker = func(now time.Time, s store.Schedule) (store.Ticked, error)

// PutSchedules is that of store.Schedules.
func (s *Store) PutSchedules(ctx context.Context, schedules []store.Schedule) error {
	return s.do(ctx, func(now time.Time) error {
		for _, n := range schedules {
			n.Spec, n.Next = bytes.Clone(n.Spec), n.Next.UTC().Round(0)
			n.Paused, n.Declared, n.Last, n.LastJob, n.LastState = false, time.Time{}, time.Time{}, store.ID{}, ""
			if n.InCode {
				n.Declared = now
			}
			if old := s.schedules[n.Name]; old != nil {
				if n.InCode && !old.InCode {
					continue
				}
				n.Paused, n.Last, n.LastJob = old.Paused, old.Last, old.LastJob
				if bytes.Equal(n.Spec, old.Spec) {
					n.Next = old.Next
				}
			}
			s.schedules[n.Name] = &n
		}
		s.wake(anything)
		return nil
	})
}

// declared reports whether a schedule was made at run time, or is still declared by a program.
func declared(c *store.Schedule, now time.Time) bool {
	return !c.InCode || now.Sub(c.Declared) < store.DeclaredFor
}

// DropSchedule is that of store.Schedules.
func (s *Store) DropSchedule(ctx context.Context, name string) error {
	return s.do(ctx, func(now time.Time) error {
		c := s.schedules[name]
		if c == nil || c.InCode && declared(c, now) {
			return notFound("schedule", name)
		}
		delete(s.schedules, name)
		return nil
	})
}

// Schedules is that of store.Schedules.
func (s *Store) Schedules(ctx context.Context, names ...string) (all []store.Schedule, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for _, name := range slices.Sorted(maps.Keys(s.schedules)) {
			if len(names) == 0 || slices.Contains(names, name) {
				all = append(all, s.schedule(s.schedules[name], now))
			}
		}
		return nil
	})
	return all, err
}

// schedule is a schedule as it is shown.
func (s *Store) schedule(c *store.Schedule, now time.Time) store.Schedule {
	v := *c
	v.Spec = bytes.Clone(v.Spec)
	if j := s.known(v.LastJob); j != nil {
		v.LastState = j.stateAt(now)
	}
	return v
}

// ticks reports whether a schedule may tick by itself.
func ticks(c *store.Schedule, now time.Time) bool {
	return !c.Paused && !c.Next.IsZero() && declared(c, now)
}

// Tick is that of store.Schedules.
func (s *Store) Tick(ctx context.Context, most int, tick ticker) (took int, err error) {
	var names []string
	err = s.do(ctx, func(now time.Time) error {
		if s.move != nil {
			return nil
		}
		for _, name := range slices.Sorted(maps.Keys(s.schedules)) {
			if c := s.schedules[name]; len(names) < most && ticks(c, now) && !c.Next.After(now) {
				names = append(names, name)
			}
		}
		return nil
	})
	for _, name := range names {
		one := s.await(ctx, nil, func(now time.Time) error {
			c := s.schedules[name]
			if c == nil || !ticks(c, now) || c.Next.After(now) {
				return nil // somebody else has taken it meanwhile
			}
			if _, err := s.tick(c, tick, now); err != nil {
				return err
			}
			took++
			return nil
		})
		err = errors.Join(err, one)
	}
	return took, err
}

// Take is that of store.Schedules.
func (s *Store) Take(ctx context.Context, name string, tick ticker) (inserted []store.Inserted, err error) {
	err = s.await(ctx, nil, func(now time.Time) error {
		c := s.schedules[name]
		if c == nil {
			return notFound("schedule", name)
		}
		inserted, err = s.tick(c, tick, now)
		return err
	})
	return inserted, err
}

// tick asks what a schedule does, and does it.
func (s *Store) tick(c *store.Schedule, tick ticker, now time.Time) ([]store.Inserted, error) {
	t, err := tick(now, s.schedule(c, now))
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w", c.Name, err)
	}
	jobs := slices.Clone(t.Jobs)
	for i := range jobs {
		jobs[i].Terms = keepOnConflict(jobs[i].Terms)
	}
	if err := s.reserved(nil, uniqueKeys(jobs)...); err != nil {
		return nil, err
	}
	for _, id := range t.Cancel {
		if j := s.known(id); j != nil {
			s.cancel(j, j.stateAt(now), now)
		}
	}
	inserted, err := s.insertAll(jobs, now)
	if err != nil {
		return nil, err
	}
	c.Next = t.Next.UTC().Round(0)
	if !t.Last.IsZero() {
		c.Last, c.LastJob = t.Last.UTC().Round(0), store.ID{}
	}
	if len(inserted) > 0 {
		c.LastJob = inserted[len(inserted)-1].ID
	}
	return inserted, nil
}

// keepOnConflict makes terms that fail on a taken key pass it over.
func keepOnConflict(t *store.Terms) *store.Terms {
	if t == nil || t.Unique == nil || t.Unique.OnConflict != store.ConflictFail {
		return t
	}
	kept, u := *t, *t.Unique
	u.OnConflict, kept.Unique = store.ConflictKeep, &u
	return &kept
}

// tickAt is when Tick has something to do.
func (s *Store) tickAt(now time.Time) (at time.Time) {
	for _, c := range s.schedules {
		if ticks(c, now) {
			at = sooner(at, c.Next)
		}
	}
	return at
}

// controlSchedule pauses or resumes a schedule.
func (s *Store) controlSchedule(c store.Control) (what string, err error) {
	name, what, paused := c.PauseSchedule, "pause schedule ", true
	if name == "" {
		name, what, paused = c.ResumeSchedule, "resume schedule ", false
	}
	if s.schedules[name] == nil {
		return "", notFound("schedule", name)
	}
	s.schedules[name].Paused = paused
	return what + name, nil
}

func notFound(what, name string) error { return fmt.Errorf("%s %q: %w", what, name, store.ErrNotFound) }
