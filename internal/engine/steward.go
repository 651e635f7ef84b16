package engine

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	declareEvery = time.Minute
	choreMost    = 1000                  // jobs in a transaction
	tickMost     = 200                   // schedules in a call
	choreGap     = 10 * time.Millisecond // between two calls for one chore, unless there is more to do

	// gatherFor is the gap where many things have times of their own, so that they are done together:
	// ten thousand schedules would otherwise be a commit each. The first after a rest is never late.
	gatherFor = 200 * time.Millisecond

	// behindFor is how long after its time a chore is left to whoever found it first before. With
	// a look each second most processes see by then that it is done.
	behindFor = 500 * time.Millisecond
)

// A steward does what a store cannot do by itself once a time has come: it lets jobs through
// limits, ends those that have expired, settles flows, takes ticks and the inbox. It has a goroutine of its
// own, so that no claim waits for it. What there is to do, and when, the claimer's looks tell.
//
// All processes see the same. The store lets each do something else, and nothing twice; so that
// they don't all ask it in vain, one that came too late waits for a moment the next time.
type steward struct {
	s      *shift
	ring   chan struct{} // holds a token while there is a new sight
	chores []*chore

	mu   sync.Mutex // held for moments
	last sight
}

// A sight is what a look has shown.
type sight struct {
	view  *store.View // nil if the steward has taken note of it
	began time.Time
	ended time.Time
}

// A chore is one of the things to do.
type chore struct {
	doing string // for the log
	seen  func(*store.View) time.Time
	race  bool          // all processes come for it at the same moment
	every time.Duration // whatever a look shows
	gap   time.Duration // between two calls, unless there is more to do; 0 is choreGap
	do    func(ctx context.Context) (found int, more bool, err error)

	at     time.Time     // when there is something to do; zero is never, as far as is known
	after  time.Time     // not before
	behind time.Duration // how long it is left to others first
	ended  time.Time     // the last call
	tries  *pause
}

func newSteward(s *shift) *steward {
	w := &steward{s: s, ring: make(chan struct{}, 1)}
	w.chores = []*chore{
		{doing: "let jobs through limits", seen: func(v *store.View) time.Time { return v.Admit }, race: true, do: s.admit},
		{doing: "end jobs that have expired", seen: func(v *store.View) time.Time { return v.Expire }, race: true, gap: gatherFor, do: s.expire},
		{doing: "settle flows", seen: func(v *store.View) time.Time { return atOnce(v, v.Settle) }, race: true, do: s.settle},
	}
	if s.Tick != nil {
		w.chores = append(w.chores, &chore{doing: "take ticks", seen: func(v *store.View) time.Time { return v.Tick }, race: true, gap: gatherFor, do: s.takeTicks})
	}
	if s.Inbox != nil {
		w.chores = append(w.chores, &chore{doing: "take jobs from the inbox", seen: func(v *store.View) time.Time { return atOnce(v, v.Inbox) }, do: s.takeInbox})
	}
	if s.Declare != nil {
		w.chores = append(w.chores, &chore{doing: "declare schedules", every: declareEvery, at: time.Now(), do: s.declare})
	}
	for _, c := range w.chores {
		c.tries = newPause(lookEvery, lookAgainMost)
	}
	return w
}

// atOnce is when there is something to do, if a look says that there is.
func atOnce(v *store.View, some bool) time.Time {
	if some {
		return v.Now
	}
	return time.Time{}
}

// see takes a look over. It never blocks.
func (w *steward) see(v *store.View, began, ended time.Time) {
	w.mu.Lock()
	w.last = sight{v, began, ended}
	w.mu.Unlock()
	ring(w.ring)
}

// run does chores until ctx ends.
func (w *steward) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		w.note()
		next, due := w.next()
		if next != nil && !time.Now().Before(due) {
			w.call(ctx, next)
			continue
		}
		wait := time.Hour
		if next != nil {
			wait = time.Until(due)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-w.ring:
		case <-timer.C:
		}
	}
}

// note takes note of the last look.
func (w *steward) note() {
	w.mu.Lock()
	last := w.last
	w.last.view = nil
	w.mu.Unlock()
	if last.view == nil {
		return
	}
	for _, c := range w.chores {
		if c.seen != nil {
			c.note(last)
		}
	}
}

// note takes note of when a look says that there is something to do, by the clock of this
// process: rather late than early by the store's. A look that began before the chore was last
// done may not know of that.
func (c *chore) note(last sight) {
	at := c.seen(last.view)
	if at.IsZero() {
		c.at = time.Time{}
		return
	}
	at = last.ended.Add(at.Sub(last.view.Now))
	if at.After(last.ended) || !last.began.Before(c.ended) {
		c.at = at
	}
}

// due is when the chore is done here; zero is never, as far as is known.
func (c *chore) due() time.Time {
	if c.at.IsZero() {
		return c.at
	}
	due := c.at.Add(c.behind)
	if due.Before(c.after) {
		due = c.after
	}
	return due
}

// next returns the chore that is due first; nil if none is known to be ever.
func (w *steward) next() (next *chore, due time.Time) {
	for _, c := range w.chores {
		if at := c.due(); !at.IsZero() && (next == nil || at.Before(due)) {
			next, due = c, at
		}
	}
	return next, due
}

// call does a chore once.
func (w *steward) call(ctx context.Context, c *chore) {
	found, more, err := c.do(ctx)
	if ctx.Err() != nil {
		return
	}
	w.s.trouble.settle(c.doing, err)
	now := time.Now()
	c.ended = now
	if store.Temporary(err) || err != nil && c.every > 0 {
		c.after = now.Add(c.tries.step())
		return
	}
	c.tries.reset()
	c.after, c.behind = now.Add(cmp.Or(c.gap, choreGap)), 0
	switch {
	case c.every > 0:
		c.at = now.Add(jitter(c.every))
	case more && found > 0: // whatever fails of many
		c.at, c.after = now, now
	case err != nil:
		c.after = now.Add(jitter(lookEvery))
	case more:
		c.at = now
	default:
		c.at = time.Time{}
		if found == 0 && c.race && w.s.peers.Load() > 0 {
			c.behind = behindFor + upTo(behindFor/2)
		}
	}
}
