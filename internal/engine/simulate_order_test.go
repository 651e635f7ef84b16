package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has the order in which calls reach the store, and what they meet on the way. One
// goroutine makes all calls, one after another. Before each it waits until every other
// goroutine waits for something; then it is the seed, and nothing else, that chooses.

// A trip is one call to the store.
type trip struct {
	wire   *wire
	verb   string
	about  []store.Fence // for the history, and to tell calls apart
	do     func() error  // on the store
	seen   func()        // the caller has got the answer
	at     time.Time     // not made before
	meets  meeting
	late   bool // it is made even if its caller has given up
	gone   bool // its caller has given up
	done   bool
	err    error
	answer chan struct{} // closed when done
}

const wakeTrip = "wake "

// A meeting is what a call meets.
type meeting int

const (
	nothingBad meeting = iota
	failsBefore
	losesAnswer
	hangs // until its caller gives up
)

var (
	errKilled = store.Unavailable("simulated", errors.New("the process was killed"))
	errWire   = store.Unavailable("simulated", errors.New("the wire broke"))
)

// ask has a call made and returns when it is answered, or ctx ends.
func (w *world) ask(ctx context.Context, c *trip) error {
	if err := ctx.Err(); err != nil {
		return store.Unavailable(c.verb, err)
	}
	c.answer = make(chan struct{})
	w.mu.Lock()
	if c.wire.killed {
		w.mu.Unlock()
		return errKilled
	}
	w.arrived = append(w.arrived, c)
	w.mu.Unlock()
	ring(w.bell)
	select {
	case <-c.answer:
		return c.err
	case <-ctx.Done():
	}
	w.mu.Lock()
	c.gone = !c.done && !c.wire.frozen // what is frozen does not know that time has passed
	gone := c.gone
	w.mu.Unlock()
	if gone {
		return store.Unavailable(c.verb, ctx.Err())
	}
	<-c.answer
	return c.err
}

// order makes all calls, until the world ends.
func (w *world) order() {
	for {
		synctest.Wait()
		wait := w.step()
		if wait == 0 {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-w.bell:
		case <-timer.C:
		case <-w.over:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// pass has fake time pass: all of a simulation is within synctest.
func pass(d time.Duration) { time.Sleep(d) }

// step makes one call that may be made now. If there is none, it returns how long to wait.
func (w *world) step() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	slices.SortStableFunc(w.arrived, compareTrips)
	for _, c := range w.arrived {
		if !strings.HasPrefix(c.verb, wakeTrip) {
			w.meet(c, now)
		}
		w.pending = append(w.pending, c)
	}
	w.arrived = w.arrived[:0]
	w.pending = slices.DeleteFunc(w.pending, func(c *trip) bool { return c.done || c.gone && !c.late })

	ready, next := 0, now.Add(time.Hour)
	for _, c := range w.pending {
		switch {
		case c.wire.frozen, c.meets == hangs && !c.gone:
		case c.at.After(now):
			next = earliest(next, c.at)
		default:
			ready++
		}
	}
	if ready == 0 {
		return next.Sub(now)
	}
	nth := w.random.IntN(ready)
	for i, c := range w.pending {
		if c.wire.frozen || c.meets == hangs && !c.gone || c.at.After(now) {
			continue
		}
		if nth == 0 {
			w.pending = slices.Delete(w.pending, i, i+1)
			w.make(c, now)
			return 0
		}
		nth--
	}
	panic("a call was counted and is not there")
}

// compareTrips brings calls that came together into an order that is always the same.
func compareTrips(a, b *trip) int {
	if c := cmp.Or(cmp.Compare(a.wire.number, b.wire.number), strings.Compare(a.verb, b.verb), cmp.Compare(len(a.about), len(b.about))); c != 0 {
		return c
	}
	for i := range a.about {
		if c := cmp.Or(bytes.Compare(a.about[i].ID[:], b.about[i].ID[:]), cmp.Compare(a.about[i].Attempt, b.about[i].Attempt)); c != 0 {
			return c
		}
	}
	return 0
}

// meet decides what a call meets, and when it comes through.
func (w *world) meet(c *trip, now time.Time) {
	c.at = now
	if w.calm {
		return
	}
	l, chance := c.wire, w.random.Float64
	if chance() < w.weather.cut {
		l.cut, l.cutHangs = now.Add(w.upTo(time.Minute)), chance() < 0.5
	}
	if chance() < w.weather.outage {
		w.outageBegan = now
		w.outage, w.outageHangs = now.Add(w.upTo(time.Minute)), chance() < 0.5
	}
	c.at = now.Add(w.upTo(20 * time.Millisecond))
	c.late = chance() < 0.5
	switch cut, out := now.Before(l.cut), now.Before(w.outage); {
	case cut && l.cutHangs, out && w.outageHangs:
		c.meets, c.late = hangs, false
	case cut, out:
		c.meets = failsBefore
	case chance() < w.weather.fail:
		c.meets = failsBefore
	case chance() < w.weather.lose:
		c.meets = losesAnswer
	case chance() < w.weather.slow:
		c.at = now.Add(w.upTo(slowest))
	}
}

// slowest is how late a call may come through. It is less than the time after which an engine
// takes a call whose answer it did not see for settled.
const slowest = callTimeout + 4*time.Second

// make makes a call.
func (w *world) make(c *trip, now time.Time) {
	w.grants++
	c.done = true
	defer close(c.answer)
	if c.meets == failsBefore || c.meets == hangs {
		c.err = errWire
		w.note(now, c, "fails")
		return
	}
	c.err = c.do()
	switch {
	case c.gone:
		w.note(now, c, "comes late")
	case c.meets == losesAnswer:
		c.err = errWire
		w.note(now, c, "loses its answer")
	case c.err != nil:
		w.note(now, c, c.err.Error())
	default:
		w.note(now, c, "")
		if c.seen != nil {
			c.seen()
		}
	}
}

// wakeTrips has a wake come through: never, twice, or late, and so after others.
func (l *wire) wakeTrips(heard store.Wake, open *bool, wake func(store.Wake)) {
	w := l.w
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if l.killed || l.frozen || now.Before(l.cut) || now.Before(w.outage) {
		return
	}
	times, late := 1, time.Duration(0)
	verb := wakeTrip + heard.Queue + string(rune('1'+heard.Priority))
	if !w.calm && w.weather.wakes {
		// The store tells of many jobs in any order: luck goes by what is told.
		luck := w.stream(uint64(now.UnixNano())<<8 ^ uint64(l.number)<<4 ^ uint64(verb[len(verb)-1]) ^ uint64(verb[len(verb)-2])<<16)
		switch luck.IntN(4) {
		case 0:
			return
		case 1:
			times = 2
		case 2:
			late = time.Duration(luck.Int64N(int64(3 * time.Second)))
		}
	}
	for range times {
		w.arrived = append(w.arrived, &trip{
			wire: l, verb: verb, at: now.Add(late), answer: make(chan struct{}),
			do: func() error {
				if *open {
					wake(heard)
				}
				return nil
			},
		})
	}
	ring(w.bell)
}

// kill ends a process: what it has sent may still come through, and nothing else ever.
func (l *wire) kill() {
	w := l.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.killed || w.calm {
		return
	}
	l.killed, l.frozen = true, false
	w.noteOf(l, "is killed")
	close(l.dead)
	now := time.Now()
	for _, c := range slices.Concat(w.pending, w.arrived) {
		if c.wire != l || c.done {
			continue
		}
		if !c.gone {
			sent := *c
			sent.gone, sent.late, sent.at = true, c.at.IsZero() || c.late, earliest(c.at, now.Add(5*time.Second))
			sent.answer = make(chan struct{})
			if sent.meets != failsBefore && sent.meets != hangs {
				w.pending = append(w.pending, &sent)
			}
			c.done, c.err = true, errKilled
			close(c.answer)
		}
	}
	w.arrived = slices.DeleteFunc(w.arrived, func(c *trip) bool { return c.done })
	ring(w.bell)
}

// freeze stops a process for a while, its handlers apart: none of its calls comes through, or
// knows that its time is over.
func (l *wire) freeze(d time.Duration) {
	w := l.w
	w.mu.Lock()
	if l.killed || l.frozen || w.calm {
		w.mu.Unlock()
		return
	}
	l.frozen, l.frozeAt = true, time.Now()
	w.noteOf(l, "is frozen")
	w.mu.Unlock()
	time.AfterFunc(d, l.thaw)
}

func (l *wire) thaw() {
	w := l.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if !l.frozen {
		return
	}
	l.frozen, l.thawed = false, time.Now()
	w.noteOf(l, "is thawed")
	for _, c := range w.pending {
		if c.wire == l {
			c.at = l.thawed
			if c.meets == hangs {
				c.meets = failsBefore
			}
		}
	}
	ring(w.bell)
	time.AfterFunc(time.Second, l.checkAwake)
}
