package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/cause"
	"github.com/offloadhq/offload/store"
)

// An errorGroup is a group with all its hours.
type errorGroup struct {
	store.ErrorGroup
	hours map[int64]int64
}

// GroupErrors is that of store.ErrorGroups.
func (s *Store) GroupErrors(ctx context.Context, most int) (n int, err error) {
	err = s.do(ctx, func(time.Time) error {
		fresh := s.freshFailures()
		fresh = fresh[:min(most, len(fresh))]
		n = len(fresh)
		for i := range fresh {
			f := &fresh[i]
			s.jobs[f.Job].groups[f.Attempt] = cause.Of(f.Failure).Group
		}
		for _, sum := range cause.Sums(fresh) {
			g := s.errors[sum.Group]
			if g == nil {
				g = &errorGroup{hours: map[int64]int64{}}
				s.errors[sum.Group] = g
			}
			sum.AddTo(&g.ErrorGroup)
			for hour, n := range sum.Hours {
				g.hours[hour] += n
			}
		}
		return nil
	})
	return n, err
}

// freshFailures are those that have no group yet, oldest first.
func (s *Store) freshFailures() (fresh []cause.Fresh) {
	for _, j := range s.jobs {
		if j.groups == nil {
			j.groups = map[int]string{}
		}
		for _, f := range j.history {
			if j.place == deleted || j.groups[f.Attempt] != "" || f.Kind == store.KindAfter {
				continue
			}
			fresh = append(fresh, cause.Fresh{
				Failure: cause.Failure{Task: j.Task, Kind: f.Kind, Error: f.Error, Stack: f.Stack, Input: j.Input},
				Job:     j.ID, Attempt: f.Attempt, At: f.FailedAt, Tags: j.Tags, Terms: j.Terms,
			})
		}
	}
	slices.SortFunc(fresh, func(a, b cause.Fresh) int { return cmp.Or(a.At.Compare(b.At), a.Job.Compare(b.Job)) })
	return fresh
}

// ErrorGroups is that of store.ErrorGroups.
func (s *Store) ErrorGroups(ctx context.Context, q store.GroupQuery) (groups []store.ErrorGroup, err error) {
	most := q.Max
	if most <= 0 {
		most = 100
	}
	err = s.do(ctx, func(now time.Time) error {
		for _, e := range s.errors {
			if !e.matches(&q) {
				continue
			}
			g := e.ErrorGroup
			g.Hours, g.Keys = cause.Hours(e.hours, now, q.Hours), slices.Clone(e.Keys)
			if j := s.known(g.Job); j != nil && !g.Sealed {
				for _, f := range j.history {
					if f.Attempt == g.Attempt {
						g.Error = f.Error
					}
				}
			}
			cause.Retitle(&g)
			groups = append(groups, g)
		}
		slices.SortFunc(groups, func(a, b store.ErrorGroup) int { return -compareGroups(a, b.Last, b.Group) })
		groups = groups[:min(most, len(groups))]
		return nil
	})
	return groups, err
}

func (e *errorGroup) matches(q *store.GroupQuery) bool {
	return (len(q.Groups) == 0 || slices.Contains(q.Groups, e.Group)) &&
		(len(q.Tasks) == 0 || slices.Contains(q.Tasks, e.Task)) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, e.Status)) &&
		!e.Last.Before(q.Since) &&
		(q.Before.IsZero() || compareGroups(e.ErrorGroup, q.Before, q.BeforeID) < 0)
}

func compareGroups(g store.ErrorGroup, last time.Time, id string) int {
	return cmp.Or(g.Last.Compare(last), cmp.Compare(g.Group, id))
}

// setError gives a group a status.
func (s *Store) setError(group string, status store.ErrorStatus, now time.Time) (what string, err error) {
	g := s.errors[group]
	if g == nil {
		return "", fmt.Errorf("error %s: %w", group, store.ErrNotFound)
	}
	if g.Status != status {
		g.Status, g.Changed = status, now
	}
	return store.ErrorAct(group, status), nil
}

// pruneErrors removes groups that have not failed for long.
func (s *Store) pruneErrors(now time.Time) {
	maps.DeleteFunc(s.errors, func(_ string, g *errorGroup) bool { return now.Sub(g.Last) >= store.RetainErrors })
	for _, g := range s.errors {
		maps.DeleteFunc(g.hours, func(hour int64, _ int64) bool { return hour < cause.HourOf(now.Add(-store.RetainErrorHours)) })
	}
}

// inGroup reports whether the last failure of a job is of a group.
func (j *job) inGroup(group string) bool {
	n := len(j.history)
	return group == "" || n > 0 && j.history[n-1].Kind != store.KindAfter && j.groups[j.history[n-1].Attempt] == group
}
