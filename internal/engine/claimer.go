package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	lookEvery     = time.Second            // at most between two looks: wakes only make it quicker
	lookEveryBusy = 200 * time.Millisecond // while this process has told nobody to wake it
	lookAgainMost = 5 * time.Second        // between looks that fail
	busyRate      = 1000                   // jobs a second from which waking costs more than it gives
)

// A claimer decides for all queues what is claimed, and when. It is one goroutine, which owns
// all of this.
type claimer struct {
	s      *shift
	queues map[string]*source
	order  []string // of queues, by name; the next to be served is at first
	first  int
	shuns  map[string]time.Time // until when no suspect of a queue is claimed, because the last could not be run here

	view    store.View // of the last look
	lookAt  time.Time
	away    time.Time // until when the store is left alone, since a call has met an outage
	tries   *pause    // between tries while it is away
	asleep  bool      // the store was told to wake this process
	full    bool      // the last claim brought as many as were wanted
	pace    pace      // of jobs claimed
	process store.ID
	lost    store.ID    // the identity that is lost, until the heart has joined again
	strays  []time.Time // when to look for leases that nobody here knows of
	starts  []time.Time // when to look whether jobs that a limit has let through have started
}

// lanes is how many lanes a queue has: one of each priority, and one of its jobs with turns.
const lanes = 2 * store.FairLane

// A source is what is known of a queue in the store.
type source struct {
	now      [lanes]bool      // of each lane: jobs may be due
	next     [lanes]time.Time // of each lane: when one becomes due; zero if that is not known
	turns    bool             // of each priority the jobs with turns come first in the next claim
	parked   []string         // tasks that this process knows
	suspects bool
	refused  time.Time // until when nothing is claimed, because a claim was refused
}

func newClaimer(s *shift) *claimer {
	return &claimer{s: s, queues: map[string]*source{}, shuns: map[string]time.Time{}, tries: newPause(lookEvery, lookAgainMost)}
}

// run claims until ctx ends, or the process is told to stop.
func (c *claimer) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if c.known() {
			c.turn(ctx)
		}
		timer.Reset(c.rest())
		c.s.hand.rest(c.resting())
		select {
		case <-ctx.Done():
		case <-c.s.mail.ring:
		case <-c.s.hand.poke:
		case <-timer.C:
		}
		c.s.hand.rest(false)
	}
}

// resting reports whether all is done that there was to do. New jobs of this program then need
// no claim. While the claimer is at work there is none: what it asks the store, such as for
// leases that nobody here knows of, must not change under its hands.
func (c *claimer) resting() bool {
	return c.asleep && c.process != c.lost && !time.Now().Before(c.away) && len(c.s.mail.ring) == 0
}

// known reports whether the process has an identity. A new one knows nothing yet.
func (c *claimer) known() bool {
	process, _ := c.s.hand.who()
	if process != c.process {
		c.process, c.asleep, c.strays, c.away = process, false, nil, time.Time{}
		c.lookAt = time.Now()
	}
	return !process.IsZero() && process != c.lost
}

// loseIdentity stops all claiming until the heart has joined again.
func (c *claimer) loseIdentity() {
	c.lost = c.process
	c.s.heart.tellLost(c.process)
}

// turn does what there is to do now.
func (c *claimer) turn(ctx context.Context) {
	for ctx.Err() == nil && c.process != c.lost {
		c.readMail()
		if time.Now().Before(c.away) {
			return
		}
		if !time.Now().Before(c.lookAt) {
			c.look(ctx)
			continue
		}
		if c.claimNext(ctx) {
			continue
		}
		if c.asleep || c.busy() || !c.sleep(ctx) {
			return
		}
		c.lookAt = time.Now() // what was inserted before that sent no wake
	}
}

// rest returns how long there is nothing to do by itself.
func (c *claimer) rest() time.Duration {
	if c.process.IsZero() || c.process == c.lost {
		return time.Hour // until the hand has a new identity, and pokes
	}
	now := time.Now()
	until := c.lookAt
	for queue, src := range c.queues {
		if c.s.slotsOf(queue) == 0 {
			continue
		}
		for _, at := range src.next {
			// What is due already waits for a slot: the hand pokes.
			if at.After(now) && at.Before(until) {
				until = at
			}
		}
	}
	if until.Before(c.away) {
		until = c.away
	}
	return until.Sub(now)
}

// avoid leaves the store alone for a while. The next call is a look.
func (c *claimer) avoid(now time.Time) {
	c.away = now.Add(c.tries.step())
	c.lookAt = c.away
}

// readMail takes note of wakes.
func (c *claimer) readMail() {
	if told := c.s.mail.told(); told != 0 {
		now := time.Now()
		c.lookAt = now
		if told&answerLost != 0 {
			c.strays = strayTimes(now)
		}
		if told&letThrough != 0 {
			c.starts = startTimes(now)
		}
	}
	for w, n := range c.s.mail.take() {
		if w.Queue == "" {
			c.lookAt = time.Now()
			continue
		}
		src := c.source(w.Queue)
		for lane := range src.now {
			if w.Priority == lane || w.Priority < 0 {
				src.now[lane] = src.now[lane] || n.now
				src.next[lane] = earliest(src.next[lane], n.next)
			}
		}
	}
}

func (c *claimer) source(queue string) *source {
	src := c.queues[queue]
	if src == nil {
		src = &source{}
		c.queues[queue] = src
		c.order = slices.Sorted(maps.Keys(c.queues))
	}
	return src
}

// busy reports whether waking this process would cost more than it gives: jobs wait, and it
// comes for them by itself many times a second.
func (c *claimer) busy() bool {
	now := time.Now()
	if c.pace.rate(now) < busyRate/2 {
		return false
	}
	for queue, src := range c.queues {
		if c.open(queue) && len(src.ready(now)) > 0 {
			return true
		}
	}
	return false
}

// open reports whether a queue is worked here and now.
func (c *claimer) open(queue string) bool {
	return c.s.slotsOf(queue) > 0 && !c.view.Quiet &&
		(queue == store.SystemQueue || !slices.Contains(c.view.Paused, queue))
}

// ready returns the lanes that have due jobs, by priority.
func (src *source) ready(now time.Time) (ready []int) {
	if now.Before(src.refused) {
		return nil
	}
	for i := range lanes {
		lane := i/2 + i%2*store.FairLane
		if src.turns {
			lane = i/2 + (1-i%2)*store.FairLane
		}
		if at := src.next[lane]; src.now[lane] || !at.IsZero() && !at.After(now) {
			ready = append(ready, lane)
		}
	}
	return ready
}

// empty says that a claim, which began at a time, has left no due jobs in some lanes.
func (src *source) empty(lanes []int, began time.Time) {
	for _, lane := range lanes {
		src.now[lane] = false
		if !src.next[lane].After(began) {
			src.next[lane] = time.Time{}
		}
	}
}

// claimNext claims from one queue, beginning with the one after the last, and reports whether
// there was one to claim from.
func (c *claimer) claimNext(ctx context.Context) bool {
	if c.s.finisher.full() {
		return false // the finisher pokes
	}
	for i := range c.order {
		at := (c.first + i) % len(c.order)
		queue := c.order[at]
		if c.open(queue) && c.claimFrom(ctx, queue, c.queues[queue]) {
			c.first = at + 1
			return true
		}
	}
	return false
}

// claimFrom makes one claim from a queue, if there is reason for one.
func (c *claimer) claimFrom(ctx context.Context, queue string, src *source) bool {
	if time.Now().Before(src.refused) {
		return false
	}
	if src.suspects && !time.Now().Before(c.shuns[queue]) && c.claimSuspect(ctx, queue, src) {
		return true
	}
	slots := c.s.slotsOf(queue)
	if len(src.parked) > 0 {
		if limit := c.s.hand.want(queue, slots); limit > 0 {
			c.claimParked(ctx, queue, src, limit)
			return true
		}
		return false
	}
	ready := src.ready(time.Now())
	if len(ready) == 0 {
		return false
	}
	limit := c.s.hand.want(queue, slots)
	if limit == 0 {
		return false
	}
	c.claim(ctx, queue, src, ready, limit)
	return true
}

// claim claims due jobs of some lanes of a queue.
func (c *claimer) claim(ctx context.Context, queue string, src *source, lanes []int, limit int) {
	began := time.Now()
	claimed, err := c.call(queue, func(ctx context.Context) ([]store.Claimed, error) {
		return c.s.Store.Claim(ctx, store.ClaimRequest{Process: c.process, Queue: queue, Priorities: lanes, Limit: limit})
	})
	if err != nil {
		return
	}
	now := time.Now()
	src.turns = !src.turns // else the one lane of a priority would wait until the other is empty
	if c.full = len(claimed) >= limit; !c.full {
		src.empty(lanes, began)
		c.s.hand.sated(queue)
	}
	c.pace.begin(now)
	c.pace.add(len(claimed), now)
	c.accept(queue, claimed, now)
	if !c.full {
		c.s.hand.settle(queue)
	}
	if c.full && c.asleep && c.pace.rate(now) >= busyRate {
		c.wakeUp(ctx)
	}
}

// call makes one claim. What an error leaves behind is looked for later.
func (c *claimer) call(queue string, claim func(context.Context) ([]store.Claimed, error)) ([]store.Claimed, error) {
	var claimed []store.Claimed
	err := c.s.within(c.s.calls, func(ctx context.Context) (err error) {
		claimed, err = claim(ctx)
		return err
	})
	now := time.Now()
	switch {
	case err == nil:
		c.s.trouble.clear("claim jobs")
		return claimed, nil
	case errors.Is(err, store.ErrLeaseLost):
		c.loseIdentity()
	case store.Temporary(err):
		c.s.trouble.report("claim jobs", err)
		c.strays = strayTimes(now)
		c.avoid(now)
	default:
		c.s.trouble.report("claim jobs", err)
		c.source(queue).refused = now.Add(jitter(lookEvery))
	}
	return nil, err
}

// sleep tells the store that this process wants to be woken, and reports whether it knows.
func (c *claimer) sleep(ctx context.Context) bool {
	err := c.s.within(ctx, func(ctx context.Context) error { return c.s.Store.Sleep(ctx, c.process, true) })
	if ctx.Err() != nil {
		return false
	}
	c.s.trouble.settle("say that this process sleeps", err)
	if err != nil {
		c.avoid(time.Now())
	}
	c.asleep = err == nil
	return c.asleep
}

// wakeUp tells the store that waking this process is not worth its price: it comes by itself.
func (c *claimer) wakeUp(ctx context.Context) {
	c.asleep = false // also if the call fails: then it will say so again
	err := c.s.within(ctx, func(ctx context.Context) error { return c.s.Store.Sleep(ctx, c.process, false) })
	if ctx.Err() == nil {
		c.s.trouble.settle("say that this process is awake", err)
	}
	c.lookAt = earliest(c.lookAt, time.Now().Add(lookEveryBusy))
}
