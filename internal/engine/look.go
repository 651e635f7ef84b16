package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// startTimes are when to look whether jobs have started that a limit has let through: only then
// is it known when one with a rate lets the next through. Whoever starts them was woken.
func startTimes(now time.Time) []time.Time {
	return []time.Time{now.Add(10 * time.Millisecond), now.Add(50 * time.Millisecond), now.Add(250 * time.Millisecond)}
}

// look looks at the store, which is the truth, and obeys what it says.
func (c *claimer) look(ctx context.Context) {
	var v store.View
	began := time.Now()
	err := c.s.within(ctx, func(ctx context.Context) (err error) {
		v, err = c.s.Store.Look(ctx, c.process)
		return err
	})
	now := time.Now()
	if ctx.Err() != nil {
		return
	}
	c.s.trouble.settle("look at the store", err)
	if err != nil {
		c.avoid(now)
		return
	}
	c.tries.reset()
	c.lookAt = now.Add(lookEvery - upTo(lookEvery/10)) // spread, but not later
	if !c.asleep && c.full {
		c.lookAt = now.Add(jitter(lookEveryBusy))
	}
	for len(c.starts) > 0 && (!v.Admit.IsZero() || !now.Before(c.starts[0])) {
		c.starts = c.starts[1:]
	}
	if len(c.starts) > 0 {
		c.lookAt = earliest(c.lookAt, c.starts[0])
	}
	c.s.noteAway(ctx, &v)
	c.s.steward.see(&v, began, now)
	c.obey(&v, now)
	c.findStrays(now)
}

// obey takes a view over.
func (c *claimer) obey(v *store.View, now time.Time) {
	if len(v.Dead) > 0 {
		c.s.reaper.dead(v.Dead)
	}
	if v.Lost {
		c.loseIdentity()
		return
	}
	c.s.workers.Store(&v.Workers)
	c.s.hand.resize(c.s.slotsOf, now)
	c.giveBack(v)
	c.view = *v
	c.note(v, now)
	c.s.noteUnworked(v)
	c.s.hand.tidy()
	if v.Stop {
		c.s.stop()
	}
}

// giveBack gives back what shall not be started: jobs of paused queues and tasks, cancelled
// ones, all if the process was told to be quiet, and what waits behind slow handlers.
func (c *claimer) giveBack(v *store.View) {
	hand, finisher := c.s.hand, c.s.finisher
	if v.Quiet || c.view.Quiet {
		finisher.giveBack(hand.hush(v.Quiet), endRelease)
	}
	if len(v.Cancel) > 0 {
		finisher.giveBack(hand.cancel(v.Cancel), endRelease)
	}
	if len(v.Paused) > 0 {
		finisher.giveBack(hand.take(func(a *attempt) bool {
			return a.job.Queue != store.SystemQueue && slices.Contains(v.Paused, a.job.Queue)
		}), endRelease)
	}
	if len(v.Tasks) > 0 {
		finisher.giveBack(hand.take(func(a *attempt) bool { return slices.Contains(v.Tasks, a.job.Task) }), endPark)
	}
	finisher.giveBack(hand.surplus(), endRelease)
}

// note keeps what the view says of each queue.
func (c *claimer) note(v *store.View, now time.Time) {
	maps.DeleteFunc(c.shuns, func(_ string, until time.Time) bool { return until.Before(now) })
	old := c.queues
	c.queues = make(map[string]*source, len(old))
	at := func(queue string) *source {
		src := c.queues[queue]
		if src == nil {
			src = &source{}
			if known := old[queue]; known != nil {
				src.next, src.turns, src.refused = known.next, known.turns, known.refused
			}
			c.queues[queue] = src
			if slots := c.s.slotsOf(queue); slots > 0 {
				c.s.hand.known(queue, slots, false)
			}
		}
		return src
	}
	for _, lane := range v.Lanes {
		if lane.Priority < 0 || lane.Priority >= lanes {
			continue
		}
		src := at(lane.Queue)
		if in := lane.RunAt.Sub(v.Now); in > 0 {
			src.next[lane.Priority] = now.Add(in)
		} else {
			src.now[lane.Priority] = true // what was known of later ones still holds
		}
	}
	for _, p := range v.Parked {
		if c.s.takes(p.Task) && !slices.Contains(v.Tasks, p.Task) {
			src := at(p.Queue)
			src.parked = append(src.parked, p.Task)
		}
	}
	for _, queue := range v.Suspects {
		at(queue).suspects = true
	}
	var next string
	if len(c.order) > 0 {
		next = c.order[c.first%len(c.order)]
	}
	c.order = slices.Sorted(maps.Keys(c.queues))
	c.first, _ = slices.BinarySearch(c.order, next)
}
