package engine

import (
	"context"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// accept sorts what a claim has brought: jobs to run, jobs of tasks that are not known here or
// are paused, which are parked, and suspects, which run alone.
func (c *claimer) accept(queue string, claimed []store.Claimed, now time.Time) {
	run := make([]*attempt, 0, len(claimed))
	var made []attempt // some at a time: fewer allocations, and a long attempt keeps few others
	var park, alone []*attempt
	slots := c.s.slotsOf(queue)
	for i := range claimed {
		if len(made) == 0 {
			made = make([]attempt, min(16, len(claimed)-i))
		}
		a := &made[0]
		made = made[1:]
		c.s.prepare(a, c.process, &claimed[i], now)
		switch {
		case a.task == nil || slices.Contains(c.view.Tasks, a.job.Task):
			park = append(park, a)
		case a.job.Suspect():
			alone = append(alone, a)
		default:
			run = append(run, a)
		}
	}
	c.put(queue, slots, run)
	for _, a := range alone {
		if c.s.hand.takeSuspect(queue, slots) {
			c.put(queue, slots, []*attempt{a})
		} else {
			c.s.finisher.giveBack([]*attempt{a}, endAlone)
		}
	}
	c.s.finisher.giveBack(park, endPark)
}

// put hands jobs over to be run, or gives them back if it is too late for that.
func (c *claimer) put(queue string, slots int, jobs []*attempt) {
	if len(jobs) == 0 || c.s.hand.put(c.process, queue, slots, jobs) {
		return
	}
	if jobs[0].job.Suspect() {
		c.s.hand.dropSuspect()
	}
	c.s.finisher.giveBack(jobs, endRelease)
}

// prepare makes an attempt of a claimed job.
func (s *shift) prepare(a *attempt, process store.ID, job *store.Claimed, now time.Time) {
	a.job, a.process, a.claimed, a.started, a.ended = *job, process, now, now, now
	a.task, a.tell, a.journal = s.Tasks[job.Task], s.finisher.note, s.journal
}

// claimParked claims jobs that were parked by a process that did not know their tasks.
func (c *claimer) claimParked(ctx context.Context, queue string, src *source, limit int) {
	claimed, err := c.call(queue, func(ctx context.Context) ([]store.Claimed, error) {
		return c.s.Store.ClaimParked(ctx, store.ParkedRequest{Process: c.process, Queue: queue, Tasks: src.parked, Limit: limit})
	})
	if err != nil {
		return
	}
	if len(claimed) < limit {
		src.parked = nil
	}
	c.accept(queue, claimed, time.Now())
	src.parked = slices.DeleteFunc(src.parked, func(name string) bool { return !c.s.takes(name) })
}

// takes reports whether this process can run jobs that are parked under a name: those of a task,
// or with store.TaskNeeding those that need more than that.
func (s *shift) takes(name string) bool {
	task, need := store.NeedOf(name)
	return s.Tasks[task] != nil && (need == "" || s.Has != nil && s.Has(need))
}

// claimSuspect claims one job that waits to be run alone, if none is here, and reports whether
// it has asked for one.
func (c *claimer) claimSuspect(ctx context.Context, queue string, src *source) bool {
	slots := c.s.slotsOf(queue)
	if !c.s.hand.takeSuspect(queue, slots) {
		return false
	}
	claimed, err := c.call(queue, func(ctx context.Context) ([]store.Claimed, error) {
		return c.s.Store.ClaimParked(ctx, store.ParkedRequest{Process: c.process, Queue: queue, Suspect: true, Limit: 1})
	})
	c.s.hand.dropSuspect() // accept takes it again
	if err != nil {
		return true
	}
	if len(claimed) == 0 {
		src.suspects = false
	}
	c.accept(queue, claimed, time.Now())
	for i := range claimed {
		if c.s.Tasks[claimed[i].Task] == nil || slices.Contains(c.view.Tasks, claimed[i].Task) {
			// It would come again and again: from here, and, where those who know its task have
			// their hands full with another suspect, from them.
			c.shuns[queue] = time.Now().Add(jitter(lookEvery))
		}
	}
	return true
}
