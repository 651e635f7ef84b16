package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// enqueued is the outcome under which inserts are counted.
const enqueued = "enqueued"

// A figureKey names a row of figures.
type figureKey struct {
	start                int64 // in minutes since 1970
	task, queue, outcome string
	hour                 bool // it is of an hour
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// count counts the end of an attempt.
func (s *Store) count(e store.Ended, outcome store.Outcome, now time.Time) {
	f := s.figure(figureKey{minuteOf(now), e.Task, e.Queue, string(outcome), false})
	f.Count++
	f.Wait.Count(e.Waited)
	f.Run.Count(e.Ran)
}

func (s *Store) figure(k figureKey) *store.Figure {
	if s.figures[k] == nil {
		s.figures[k] = &store.Figure{}
	}
	return s.figures[k]
}

// Figures is that of store.Reader.
func (s *Store) Figures(ctx context.Context, q store.FigureQuery) (figures []store.Figure, err error) {
	step := max(int64(q.Step/time.Minute), 1)
	err = s.do(ctx, func(time.Time) error {
		sums := map[figureKey]*store.Figure{}
		for k, f := range s.figures {
			at := time.Unix(k.start*60, 0)
			if len(q.Tasks) > 0 && !slices.Contains(q.Tasks, k.task) ||
				len(q.Queues) > 0 && !slices.Contains(q.Queues, k.queue) ||
				!q.Since.IsZero() && at.Before(q.Since.Truncate(time.Minute)) && (!k.hour || at.Before(q.Since.Truncate(time.Hour))) ||
				!q.Until.IsZero() && !at.Before(q.Until) {
				continue
			}
			k.start, k.hour = k.start-k.start%step, false
			if sums[k] == nil {
				sums[k] = &store.Figure{
					Start: time.Unix(k.start*60, 0).UTC(),
					Task:  k.task, Queue: k.queue, Outcome: k.outcome,
				}
			}
			sums[k].Count += f.Count
			if !q.CountsOnly {
				sums[k].Wait.Add(&f.Wait)
				sums[k].Run.Add(&f.Run)
			}
		}
		for f := range maps.Values(sums) {
			figures = append(figures, *f)
		}
		slices.SortFunc(figures, func(a, b store.Figure) int {
			return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Task, b.Task),
				cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Outcome, b.Outcome))
		})
		return nil
	})
	return figures, err
}

// CountEnqueued is that of store.Duties.
func (s *Store) CountEnqueued(ctx context.Context) error {
	return s.do(ctx, func(now time.Time) error {
		until := now.Truncate(time.Minute)
		for id, j := range s.jobs {
			if at := id.Time(); j.place != deleted && !at.Before(s.counted) && at.Before(until) {
				s.figure(figureKey{minuteOf(at), j.Task, j.Queue, enqueued, false}).Count++
			}
		}
		s.counted = until
		return nil
	})
}

// foldFigures adds up figures of minutes that are long gone by the hour.
func (s *Store) foldFigures(now time.Time) {
	before := now.Add(-store.FiguresByMinute).Truncate(time.Hour).Unix() / 60
	for k, f := range s.figures {
		if k.hour || k.start >= before {
			continue
		}
		delete(s.figures, k)
		k.start, k.hour = k.start-k.start%60, true
		sum := s.figure(k)
		sum.Count += f.Count
		sum.Wait.Add(&f.Wait)
		sum.Run.Add(&f.Run)
	}
}
