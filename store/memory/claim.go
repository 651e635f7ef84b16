package memory

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// Claim is that of store.Worker.
func (s *Store) Claim(ctx context.Context, req store.ClaimRequest) (claimed []store.Claimed, err error) {
	priorities := req.Priorities
	if priorities == nil {
		for p := range store.FairLane {
			priorities = append(priorities, p, store.FairLane+p)
		}
	}
	err = s.do(ctx, func(now time.Time) error {
		if s.processes[req.Process] == nil {
			return errLost("claim", req.Process)
		}
		if s.move != nil {
			return nil
		}
		for _, priority := range priorities {
			l := lane{req.Queue, priority}
			for len(claimed) < req.Limit && len(s.due[l]) > 0 && !s.due[l][0].order().After(now) {
				j := s.due[l][0]
				if s.take(j); j.undecided {
					s.decide(j, now)
				} else if at := s.barredBy(j, now); at != nil {
					s.wait(j, at)
				} else {
					claimed = append(claimed, s.lend(j, req.Process, now))
				}
			}
		}
		return nil
	})
	return claimed, err
}

// ClaimParked is that of store.Worker.
func (s *Store) ClaimParked(ctx context.Context, req store.ParkedRequest) (claimed []store.Claimed, err error) {
	limit := req.Limit
	if req.Suspect {
		limit = min(limit, 1)
	}
	err = s.do(ctx, func(now time.Time) error {
		if s.processes[req.Process] == nil {
			return errLost("claim parked", req.Process)
		}
		if s.move != nil {
			return nil
		}
		var ready []*job
		for _, j := range s.blocked {
			if j.Queue == req.Queue && j.waits == nil && !j.awaits && j.suspect == req.Suspect && !j.runAt.After(now) &&
				(req.Suspect || slices.Contains(req.Tasks, store.TaskNeeding(j.Task, j.need))) {
				ready = append(ready, j)
			}
		}
		slices.SortFunc(ready, func(a, b *job) int {
			if a.Priority != b.Priority {
				return a.Priority - b.Priority
			}
			return earlier(a, b)
		})
		for _, j := range ready {
			if len(claimed) >= limit {
				break
			}
			at := s.barredBy(j, now)
			if at != nil && j.suspect {
				continue // it may not start now, and is to be run alone
			}
			if s.take(j); at != nil {
				s.turn(j, now)
				s.wait(j, at)
				continue
			}
			claimed = append(claimed, s.lend(j, req.Process, now))
		}
		return nil
	})
	return claimed, err
}

// lend puts a job that was taken into a lease of a process.
func (s *Store) lend(j *job, process store.ID, now time.Time) store.Claimed {
	expires := j.expires()
	s.start(j, now)
	s.vacate(j, false)
	j.need = ""
	j.attempt++
	j.wasBegun, j.begun = j.begun, true
	j.process, j.holder, j.started = process, s.processes[process].String(), now
	j.cancel, j.progress = false, nil
	s.put(j, leased)

	c := store.Claimed{
		Fence: store.Fence{ID: j.ID, Attempt: j.attempt},
		Task:  j.Task, Queue: j.Queue, Priority: j.Priority,
		Large: j.large(), Tags: maps.Clone(j.Tags),
		Failures: j.failures, Crashes: j.crashesAt(now), MaxAttempts: j.MaxAttempts,
		Timeout: j.Timeout, GiveUpAfter: j.GiveUpAfter, Retain: j.Retain,
		RunAt: j.runAt, CreatedAt: j.created, ClaimedAt: now, ExpiresAt: expires,
		Terms: cloneTerms(j.Task, j.Terms),
	}
	if !c.Large {
		c.Input = bytes.Clone(j.Input)
	}
	return c
}

// Inputs is that of store.Worker.
func (s *Store) Inputs(ctx context.Context, ids []store.ID) (inputs map[store.ID][]byte, err error) {
	inputs = map[store.ID][]byte{}
	err = s.do(ctx, func(time.Time) error {
		for _, id := range ids {
			if j := s.known(id); j != nil {
				inputs[id] = bytes.Clone(j.Input)
			}
		}
		return nil
	})
	return inputs, err
}

// known returns the job with an id, or nil.
func (s *Store) known(id store.ID) *job {
	if j := s.jobs[id]; j != nil && j.place != deleted {
		return j
	}
	return nil
}

// held returns the job whose attempt a process holds, or nil.
func (s *Store) held(process store.ID, f store.Fence) *job {
	if j := s.leases[f.ID]; j != nil && j.process == process && j.attempt == f.Attempt {
		return j
	}
	return nil
}
