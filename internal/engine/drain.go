package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A Count is how the attempts of a Drain ended.
type Count struct{ Completed, Retried, Discarded, Cancelled, Snoozed int }

// Drain runs what is due in the caller's goroutine, attempt by attempt, of every queue in
// turn, until nothing is due that this process can run; jobs of tasks with Many gather until
// nothing else is due. It does what the steward does too. It claims nothing ahead and starts no
// goroutine. It is for tests, with a store whose clock stands still.
func (e *Engine) Drain(ctx context.Context) (Count, error) {
	d := &drainer{shift: newShift(ctx, e), ctx: ctx}
	defer e.scribe.flush()
	defer d.cancel()
	d.journal.inline = true
	d.process.ID = store.NewID()
	if err := e.Store.Join(ctx, d.describe(d.process.ID)); err != nil {
		return Count{}, err
	}
	err := d.run()
	if left := e.Store.Leave(context.WithoutCancel(ctx), d.process.ID); err == nil {
		err = left
	}
	return d.count, err
}

// A drainer is one call of Drain.
type drainer struct {
	*shift
	ctx     context.Context
	process store.Process
	groups  []*group // that gather
	count   Count
}

func (d *drainer) run() error {
	if d.Declare != nil {
		if err := d.Declare(d.ctx); err != nil {
			return err
		}
	}
	for {
		view, err := d.Store.Look(d.ctx, d.process.ID)
		if err != nil {
			return err
		}
		found, err := d.chores(&view)
		if err != nil {
			return err
		}
		ran, err := d.round(&view)
		if err != nil {
			return err
		}
		if ran || found {
			continue
		}
		if len(d.groups) == 0 {
			return nil
		}
		if err := d.runGroup(d.groups[0]); err != nil {
			return err
		}
	}
}

// chores does what the steward would do, and reports whether there was any of it.
func (d *drainer) chores(v *store.View) (some bool, err error) {
	for _, c := range d.steward.chores {
		if c.seen == nil {
			continue
		}
		if at := c.seen(v); at.IsZero() || at.After(v.Now) {
			continue
		}
		found, _, err := c.do(d.ctx)
		if err != nil {
			return some, fmt.Errorf("%s: %w", c.doing, err)
		}
		some = some || found > 0
	}
	return some, nil
}

// round runs at most one job of each queue and reports whether there was any.
func (d *drainer) round(v *store.View) (ran bool, err error) {
	done := map[string]bool{}
	for _, lane := range v.Lanes {
		if done[lane.Queue] || lane.RunAt.After(v.Now) || paused(v, lane.Queue) {
			continue
		}
		done[lane.Queue] = true
		claimed, err := d.Store.Claim(d.ctx, store.ClaimRequest{Process: d.process.ID, Queue: lane.Queue, Limit: 1})
		if err != nil {
			return ran, err
		}
		if err := d.runAll(claimed, v); err != nil {
			return ran, err
		}
		ran = ran || len(claimed) > 0
	}
	for _, p := range v.Parked {
		if !d.takes(p.Task) || paused(v, p.Queue) {
			continue
		}
		some, err := d.parked(v, store.ParkedRequest{Queue: p.Queue, Tasks: []string{p.Task}})
		if ran = ran || some; err != nil {
			return ran, err
		}
	}
	for _, queue := range v.Suspects {
		if paused(v, queue) {
			continue
		}
		some, err := d.parked(v, store.ParkedRequest{Queue: queue, Suspect: true})
		if ran = ran || some; err != nil {
			return ran, err
		}
	}
	return ran, nil
}

func paused(v *store.View, queue string) bool {
	return queue != store.SystemQueue && slices.Contains(v.Paused, queue)
}

func (d *drainer) parked(v *store.View, req store.ParkedRequest) (ran bool, err error) {
	req.Process, req.Limit = d.process.ID, 1
	claimed, err := d.Store.ClaimParked(d.ctx, req)
	if err != nil {
		return false, err
	}
	return len(claimed) > 0, d.runAll(claimed, v)
}

func (d *drainer) runAll(claimed []store.Claimed, v *store.View) error {
	for i := range claimed {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		if err := d.runOne(&claimed[i], v); err != nil {
			return err
		}
	}
	return nil
}

// runOne runs one job as a runner would and finishes it at once.
func (d *drainer) runOne(job *store.Claimed, v *store.View) error {
	a := &attempt{}
	d.prepare(a, d.process.ID, job, time.Now())
	if a.task == nil || slices.Contains(v.Tasks, job.Task) {
		a.end = endPark
		return d.handBack(d.ctx, []*attempt{a})
	}
	if a.task.Many != nil {
		return d.gather(a)
	}
	a.started = time.Now()
	if a.late() {
		a.expire()
	} else {
		d.begins(a)
		d.try(a)
	}
	return d.end(a)
}

// gather adds a job to the group of its task, and runs that if it is full. A suspect is one by
// itself.
func (d *drainer) gather(a *attempt) error {
	i := slices.IndexFunc(d.groups, func(g *group) bool { return g.task == a.task })
	if i < 0 || a.job.Suspect() {
		i = len(d.groups)
		d.groups = append(d.groups, &group{task: a.task})
	}
	g := d.groups[i]
	a.group, g.jobs = g, append(g.jobs, a)
	if len(g.jobs) < a.task.Many.Most && !a.job.Suspect() {
		return nil
	}
	return d.runGroup(g)
}

func (d *drainer) runGroup(g *group) error {
	d.groups = slices.DeleteFunc(d.groups, func(other *group) bool { return other == g })
	for _, a := range g.jobs {
		a.started = time.Now()
	}
	var ended []*attempt
	g.run(d.shift, func(a *attempt) { ended = append(ended, a) })
	for _, a := range append(ended, g.begun...) {
		if err := d.end(a); err != nil {
			return err
		}
	}
	return nil
}

// end writes down what became of an attempt.
func (d *drainer) end(a *attempt) error {
	d.finisher.writeProgress(d.ctx, []*attempt{a})
	d.journal.flush(d.ctx, []*attempt{a})
	if a.end != endFinish {
		return d.handBack(d.ctx, []*attempt{a})
	}
	if err := d.finish(d.ctx, []*attempt{a}); err != nil {
		return err
	}
	d.counted(a.row.Outcome)
	return nil
}

func (d *drainer) counted(outcome store.Outcome) {
	switch outcome {
	case store.OutcomeCompleted:
		d.count.Completed++
	case store.OutcomeRetry:
		d.count.Retried++
	case store.OutcomeDiscarded:
		d.count.Discarded++
	case store.OutcomeCancelled:
		d.count.Cancelled++
	case store.OutcomeSnooze:
		d.count.Snoozed++
	}
}
