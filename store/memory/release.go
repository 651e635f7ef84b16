package memory

import (
	"context"
	"encoding/json"
	"time"

	"github.com/offloadhq/offload/store"
)

// Release is that of store.Worker.
func (s *Store) Release(ctx context.Context, process store.ID, fences []store.Fence) error {
	return s.do(ctx, func(now time.Time) error {
		for _, f := range fences {
			if j := s.held(process, f); j != nil {
				s.giveBack(j, due, now)
			}
		}
		return nil
	})
}

// Park is that of store.Worker.
func (s *Store) Park(ctx context.Context, process store.ID, suspect bool, fences []store.Fence) error {
	return s.park(ctx, process, suspect, "", fences)
}

// ParkFor is that of store.Worker.
func (s *Store) ParkFor(ctx context.Context, process store.ID, need string, fences []store.Fence) error {
	return s.park(ctx, process, false, need, fences)
}

func (s *Store) park(ctx context.Context, process store.ID, suspect bool, need string, fences []store.Fence) error {
	return s.do(ctx, func(now time.Time) error {
		for _, f := range fences {
			if j := s.held(process, f); j != nil {
				if j.need, j.suspect = need, suspect; !suspect {
					j.begun = j.wasBegun // who does not know its task has not begun it
					s.leave(j, true)
				}
				s.giveBack(j, blocked, now)
			}
		}
		return nil
	})
}

// giveBack ends a lease without an end of its attempt. run_at is as it was, so that the job
// is in front of what is behind it, and of those that have a turn. It keeps what it holds. A
// signal to cancel is obeyed, or it would be forgotten.
func (s *Store) giveBack(j *job, to place, now time.Time) {
	s.take(j)
	j.turned = false
	if j.cancel {
		s.putDone(j, store.Cancelled, now)
		return
	}
	s.put(j, to)
}

// Reap is that of store.Member.
func (s *Store) Reap(ctx context.Context, lost []store.Beaten) (r store.Reaped, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for _, b := range lost {
			if p := s.processes[b.ID]; p != nil && (b.Count == -1 || b.Count == p.Count) {
				value, err := json.Marshal(store.LostProcess{Name: p.Name, Host: p.Host, PID: p.PID})
				if err != nil {
					return err
				}
				s.documented++
				s.documents[documentKey{store.LostKind, b.ID.String()}] = store.Document{
					Kind: store.LostKind, Key: b.ID.String(), Version: s.documented, Value: value, At: now, Expires: now.Add(store.LostKept),
				}
				delete(s.processes, b.ID)
				r.Processes++
			}
		}
		strays, beside := []*job{}, map[store.ID]int{}
		for _, j := range s.leases {
			if s.processes[j.process] == nil {
				strays = append(strays, j)
				beside[j.process]++
			}
		}
		for _, j := range strays {
			s.crash(j, beside[j.process] > 1, now, &r)
		}
		return nil
	})
	return r, err
}

// crash moves the lease of a lost process, which may have held others beside it.
func (s *Store) crash(j *job, beside bool, now time.Time, r *store.Reaped) {
	limit := store.CrashLimit
	if beside {
		limit = store.CrashLimitMost
	}
	before := j.crashesAt(now)
	j.crashes, j.crashed = before+1, now
	switch {
	case j.cancel:
		s.giveBack(j, due, now)
		r.Cancelled++
	case before >= store.SuspectAt && j.crashes >= limit:
		j.fail(store.Problem{Error: "the process was lost while it ran the job", Kind: "crash"}, now)
		j.failures++
		s.take(j)
		s.putDone(j, store.Discarded, now)
		r.Discarded++
	case j.crashes >= store.SuspectAt:
		j.suspect = true
		j.runAt = now.Add(store.SuspectDelay)
		s.giveBack(j, blocked, now)
		r.Suspects++
	default:
		s.giveBack(j, due, now)
		r.Released++
	}
}
