package memory

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

// Finish is that of store.Worker.
func (s *Store) Finish(ctx context.Context, process store.ID, ended []store.Ended) (lost []store.Fence, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for _, e := range ended { // all are looked at before the first is moved
			if err := check(e); err != nil {
				return err
			}
		}
		for _, e := range ended {
			if j := s.held(process, e.Fence); j != nil {
				s.finish(j, e, now)
			} else if !s.closedBy(process, e.Fence) {
				lost = append(lost, e.Fence)
			}
		}
		return nil
	})
	return lost, err
}

func check(e store.Ended) error {
	switch e.Outcome {
	case store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeSnooze, store.OutcomeDiscarded, store.OutcomeCancelled,
		store.OutcomeExpired:
		return nil
	}
	return fmt.Errorf("finish job %s: outcome %q is none", e.ID, e.Outcome)
}

// closedBy reports whether a process has finished the attempt already, by a call whose answer
// was lost or in a transaction of its own.
func (s *Store) closedBy(process store.ID, f store.Fence) bool {
	j := s.jobs[f.ID]
	return j != nil && j.closer == closer{process, f.Attempt}
}

// finish moves a lease to where its attempt has ended.
func (s *Store) finish(j *job, e store.Ended, now time.Time) {
	outcome := e.Outcome
	if j.cancel && outcome != store.OutcomeCompleted {
		outcome = store.OutcomeCancelled
	}
	if e.Failure != nil {
		j.fail(*e.Failure, now)
	}
	s.count(e, outcome, now)
	s.take(j)
	j.closer = closer{j.process, j.attempt}
	if outcome == store.OutcomeSnooze && e.Pause != "" {
		s.pause(j, e.Pause, now.Add(e.RunIn))
	}
	switch outcome {
	case store.OutcomeRetry, store.OutcomeSnooze:
		if outcome == store.OutcomeRetry {
			j.failures++
		}
		j.runAt = now.Add(e.RunIn)
		s.leave(j, true)
		j.undecided, j.turned = j.Terms.Gated(), false
		s.put(j, due)
	case store.OutcomeCompleted:
		j.result, j.crashes, j.memos = bytes.Clone(e.Result), 0, nil
		s.putDone(j, store.Completed, now)
	case store.OutcomeDiscarded:
		j.failures++
		s.putDone(j, store.Discarded, now)
	case store.OutcomeCancelled:
		s.putDone(j, store.Cancelled, now)
	case store.OutcomeExpired:
		s.putDone(j, store.Expired, now)
	}
}

// fail keeps what went wrong in the running attempt.
func (j *job) fail(p store.Problem, now time.Time) {
	j.history = append(j.history, store.Failure{
		Attempt: j.attempt,
		Error:   store.CleanText(p.Error, store.MaxErrorText),
		Kind:    store.CleanText(p.Kind, store.MaxErrorText),
		Stack:   store.CleanText(p.Stack, store.MaxErrorStack),
		Process: j.holder, StartedAt: j.started, FailedAt: now,
	})
}

// WriteProgress is that of store.Worker.
func (s *Store) WriteProgress(ctx context.Context, process store.ID, progress []store.Progress) error {
	return s.do(ctx, func(now time.Time) error {
		for _, p := range progress {
			if j := s.held(process, p.Fence); j != nil {
				p.Note, p.At = store.CleanText(p.Note, store.MaxErrorText), now
				j.progress = &p
			}
		}
		return nil
	})
}
