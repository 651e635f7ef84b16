package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// TakeDuty is that of store.Duties.
func (s *Store) TakeDuty(ctx context.Context, name string, every time.Duration) (mine bool, err error) {
	err = s.do(ctx, func(now time.Time) error {
		if mine = !now.Before(s.duties[name]); mine {
			s.duties[name] = now.Add(every)
		}
		return nil
	})
	return mine, err
}

// Prune is that of store.Duties.
func (s *Store) Prune(ctx context.Context, most int) (removed int, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for id, j := range s.jobs {
			switch {
			case j.place == deleted && now.Sub(j.finished) >= store.Tombstone:
				delete(s.jobs, id)
			case j.place == done && now.Sub(j.finished) >= j.kept() && removed < most && !s.needed(j):
				s.unlink(j)
				delete(s.jobs, id)
				removed++
			}
		}
		maps.DeleteFunc(s.uniques, func(_ uniqueKey, h holder) bool { return !h.expires.IsZero() && !h.expires.After(now) })
		maps.DeleteFunc(s.keys, func(_ string, k *key) bool { return !s.speaks(k, now) })
		s.forgetTurns(now)
		maps.DeleteFunc(s.figures, func(k figureKey, _ *store.Figure) bool {
			return k.start < minuteOf(now.Add(-store.RetainFigures))
		})
		s.foldFigures(now)
		maps.DeleteFunc(s.documents, func(_ documentKey, d store.Document) bool { return !d.Expires.IsZero() && !d.Expires.After(now) })
		maps.DeleteFunc(s.tasks, func(_ string, t store.Task) bool { return now.Sub(t.Seen) >= store.RetainTasks })
		s.pruneErrors(now)
		s.inbox = slices.DeleteFunc(s.inbox, func(r store.InboxRow) bool { return r.Error != "" && now.Sub(r.At) >= store.RetainEnded })
		s.records = slices.DeleteFunc(s.records, func(r store.Record) bool { return now.Sub(r.Time) >= store.RetainActs })
		return nil
	})
	return removed, err
}

// kept is how long a job is kept after its end.
func (j *job) kept() time.Duration {
	retain := j.Retain
	switch {
	case retain > 0:
	case j.state == store.Completed:
		retain = store.RetainDone
	case j.state == store.Discarded:
		retain = store.RetainGaveUp
	default:
		retain = store.RetainEnded
	}
	return max(retain, store.Tombstone)
}
