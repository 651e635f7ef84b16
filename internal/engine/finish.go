package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/offloadhq/offload/internal/batch"
	"github.com/offloadhq/offload/store"
)

// systemic is how many attempts are refused alone, and none taken, before the reason is
// looked for in the store and not in them.
const systemic = 8

// finish finishes attempts of one identity. A batch that is refused is split until the bad
// attempt stands alone; that one ends as a failure.
func (f *finisher) finish(ctx context.Context, list []*attempt) {
	taken, refused := 0, 0
	var reason error
	batch.Split(list, func(some []*attempt) error {
		if refused >= systemic && taken == 0 {
			return reason
		}
		err := f.s.finish(ctx, some)
		switch {
		case err == nil:
			taken += len(some)
		case ctx.Err() != nil || store.Temporary(err):
			f.putAside(some, err)
		case len(some) > 1:
			return err
		case f.finishBad(ctx, some[0], err) == nil:
			taken++
		default:
			refused++
			reason = err
			return err
		}
		return nil
	}, func(a *attempt, err error) { f.putAside([]*attempt{a}, err) })
	if taken > 0 {
		f.s.trouble.clear("write down how attempts ended")
	}
}

// finishBad ends an attempt as a failure whose end was refused. If the store refuses that as
// well, it is not the attempt's fault, and it stays as it was.
func (f *finisher) finishBad(ctx context.Context, a *attempt, refusal error) error {
	row, verdict := a.row, a.verdict
	a.verdict = Verdict{
		Err:  fmt.Errorf("the end of the attempt (%s) could not be stored: %w", row.Outcome, refusal),
		Kind: "refused", InTx: verdict.InTx,
	}
	a.fail(nil)
	err := f.s.finish(ctx, []*attempt{a})
	if err != nil {
		a.row, a.verdict = row, verdict
		return err
	}
	f.s.Log.Error("offload: the end of an attempt was refused; it is kept as a failure",
		"job", a.job.ID.String(), "task", a.job.Task, "attempt", a.job.Attempt, "error", refusal)
	return nil
}

// finishNow finishes one attempt in the goroutine of its runner, because its handler had a
// transaction of its own: if that is still open, the store waits for it, and the finisher
// must not.
func (f *finisher) finishNow(a *attempt) {
	ctx := f.s.calls
	a.returned()
	list := []*attempt{a}
	f.writeProgress(ctx, list)
	f.s.journal.flush(ctx, list)
	if a.end != endFinish {
		if err := f.s.handBack(ctx, list); err != nil {
			f.putAside(list, err)
		}
		return
	}
	f.finish(ctx, list)
}

// finish makes one call of Finish, for as long as an outage lasts or ctx, and tells what has
// become of the attempts.
func (s *shift) finish(ctx context.Context, list []*attempt) error {
	rows := make([]store.Ended, len(list))
	for i, a := range list {
		rows[i] = a.row
	}
	var lost []store.Fence
	err := s.insist(ctx, "finish attempts", func(ctx context.Context) (err error) {
		lost, err = s.Store.Finish(ctx, list[0].process, rows)
		return err
	})
	if err != nil {
		return err
	}
	refused := map[store.Fence]bool{}
	for _, fence := range lost {
		refused[fence] = true
	}
	if len(lost) > 0 {
		s.Log.Warn("offload: results were refused, because other processes have the jobs now",
			"attempts", len(lost), "job", lost[0].ID.String())
	}
	for _, a := range list {
		if !refused[a.job.Fence] {
			s.written(a)
		}
	}
	return nil
}

// handBack gives leases of one identity back, or parks them.
func (s *shift) handBack(ctx context.Context, list []*attempt) error {
	fences := make([]store.Fence, len(list))
	for i, a := range list {
		fences[i] = a.job.Fence
	}
	process := list[0].process
	err := s.insist(ctx, "give jobs back", func(ctx context.Context) error {
		switch list[0].end {
		case endPark:
			if need := list[0].need; need != "" {
				return s.Store.ParkFor(ctx, process, need, fences)
			}
			return s.Store.Park(ctx, process, false, fences)
		case endAlone:
			return s.Store.Park(ctx, process, true, fences)
		}
		return s.Store.Release(ctx, process, fences)
	})
	if err != nil {
		return err
	}
	for _, a := range list {
		s.written(a)
	}
	return nil
}

// written tells of a change that the store has committed.
func (s *shift) written(a *attempt) {
	state := a.stateAfter()
	e := a.event(state)
	if a.end == endFinish {
		e.Err, e.RunIn, e.Failure = a.verdict.Err, a.row.RunIn, a.row.Failure
	}
	if state == store.Retryable || state == store.Scheduled {
		// The next look would find it too, but maybe late.
		s.mail.post(store.Wake{Queue: a.job.Queue, Priority: a.job.Priority}, a.row.RunIn)
	}
	s.Event(e)
}

// event returns an event of the attempt.
func (a *attempt) event(state store.State) Event {
	from := store.Available
	if a.begun {
		from = store.Running
	}
	return Event{Job: a.job.Fence, Task: a.job.Task, Queue: a.job.Queue, From: from, State: state, Claimed: &a.job}
}

// begins tells that an attempt begins.
func (s *shift) begins(a *attempt) {
	e := a.event(store.Running)
	a.begun = true
	s.Event(e)
}

// insist makes a call until it is answered otherwise than by an outage, or ctx ends.
func (s *shift) insist(ctx context.Context, doing string, call func(context.Context) error) error {
	pause := newPause(retryFirst, retryMost)
	for {
		err := s.within(ctx, call)
		if err == nil || !store.Temporary(err) || ctx.Err() != nil {
			if err == nil || !errors.Is(err, context.Canceled) {
				s.trouble.clear(doing)
			}
			return err
		}
		s.trouble.report(doing, err)
		pause.wait(ctx)
	}
}

// within makes a call with a deadline.
func (s *shift) within(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return call(ctx)
}
