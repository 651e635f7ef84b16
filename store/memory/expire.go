package memory

import (
	"context"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// expires is when a job expires that has not begun by then; the zero time is never.
func (j *job) expires() time.Time {
	if j.Terms == nil || j.Terms.Expire == 0 || j.begun || j.awaits {
		return time.Time{}
	}
	return j.runAt.Add(j.Terms.Expire) // it is first due then: what changes run_at later has begun
}

// Expire is that of store.Gates.
func (s *Store) Expire(ctx context.Context, most int) (expired int, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for _, j := range s.expiring {
			if expired < most && !j.expires().After(now) {
				s.take(j)
				s.putDone(j, store.Expired, now)
				expired++
			}
		}
		return nil
	})
	return expired, err
}

// expireAt is when Expire has something to do.
func (s *Store) expireAt() (at time.Time) {
	for _, j := range s.expiring {
		at = sooner(at, j.expires())
	}
	return at
}

// Place is that of store.Gates.
func (s *Store) Place(ctx context.Context, id store.ID) (p store.Place, err error) {
	err = s.do(ctx, func(now time.Time) error {
		j := s.known(id)
		if j == nil {
			return notFound("job", id.String())
		}
		p = store.Place{
			Job: s.view(j, now, false), ExpiresAt: j.expires(),
			QueuePaused: s.pausedQueues[j.Queue], TaskPaused: s.pausedTasks[j.Task],
		}
		if k := j.waits; k != nil {
			l := s.limitState(j.use(k).Limit)
			l.Keys = []store.KeyState{s.keyState(k, now)}
			p.Limit, p.Line = &l, slices.Index(k.waiters, j)+1
		}
		p.Ahead = s.aheadOf(j, now)
		p.Finished = s.finished(j.Queue, now)
		return nil
	})
	return p, err
}

// aheadOf counts the due jobs of a job's queue that come before it.
func (s *Store) aheadOf(j *job, now time.Time) (n int) {
	if j.place != due && j.place != blocked {
		return 0
	}
	for _, other := range s.jobs {
		if other.place == due && other.Queue == j.Queue && other != j && other.stateAt(now) == store.Available &&
			claimOrder(other, j) < 0 {
			n++
		}
	}
	return min(n, 10_000)
}

// claimOrder is the order in which jobs of a queue are claimed.
func claimOrder(a, b *job) int {
	if a.Priority != b.Priority {
		return a.Priority - b.Priority
	}
	return before(a, b)
}

// finished is how many jobs of a queue ended a second, in the last five minutes.
func (s *Store) finished(queue string, now time.Time) float64 {
	var n int64
	for k, f := range s.figures {
		switch store.Outcome(k.outcome) {
		case enqueued, store.OutcomeRetry, store.OutcomeSnooze:
			continue
		}
		if k.queue == queue && k.start > minuteOf(now.Add(-5*time.Minute)) {
			n += f.Count
		}
	}
	return float64(n) / (5 * time.Minute).Seconds()
}
