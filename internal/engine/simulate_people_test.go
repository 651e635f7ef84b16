package engine

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has what people do meanwhile, and the clock.

// act has people act on jobs.
func (w *world) act() {
	random := w.stream(4)
	web := w.newWire("people")
	verbs := []store.Verb{store.Cancel, store.Cancel, store.Retry, store.RunNow, store.Delete}
	w.while(random, 4*time.Second, func(ctx context.Context) {
		verb, nth := verbs[random.IntN(len(verbs))], random.IntN(w.weather.jobs)
		if !w.weather.acts {
			return
		}
		if ids := w.known(nth); len(ids) > 0 {
			_, _ = web.Act(ctx, store.Act{Verb: verb, IDs: ids}) // people see that it fails, and may leave it at that
		}
	})
}

// known returns the id of the nth job, if it is stored.
func (w *world) known(nth int) []store.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.jobs {
		if numberOf(id) == nth {
			return []store.ID{id}
		}
	}
	return nil
}

// pause has people pause queues and tasks, and quiet and stop processes.
func (w *world) pause() {
	random := w.stream(5)
	web := w.newWire("boss")
	w.while(random, 8*time.Second, func(ctx context.Context) {
		what, queue, nth := random.IntN(7), queues[random.IntN(len(queues))], random.IntN(processes)
		if !w.weather.pauses {
			return
		}
		c := store.Control{}
		process := w.member(nth)
		switch what {
		case 0, 1:
			c.PauseQueue = queue
		case 2:
			c.ResumeQueue = queue
		case 3:
			c.PauseTask = plain
		case 4:
			c.ResumeTask = plain
		case 5:
			c.QuietProcess = process
		case 6:
			c.StopProcess = process
		}
		if what < 5 || !process.IsZero() {
			_ = web.Control(ctx, c) // as with acts
		}
	})
}

// member returns the identity of the nth process, or zero.
func (w *world) member(nth int) (process store.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.wires {
		if l.name[0] == byte('0'+nth) && w.members[l.process] != nil {
			process = l.process
		}
	}
	return process
}

// jump has the store's clock jump.
func (w *world) jump() {
	random := w.stream(6)
	var ahead time.Duration
	w.while(random, 10*time.Second, func(context.Context) {
		to := time.Duration(random.Int64N(int64(2*time.Minute))) - time.Minute
		if w.weather.jumps {
			w.mu.Lock()
			w.store.Advance(to - ahead)
			w.mu.Unlock()
			ahead = to
		}
	})
}

// while does something again and again as long as jobs are inserted, and a little longer.
func (w *world) while(random *rand.Rand, every time.Duration, do func(context.Context)) {
	ends := time.Now().Add(w.lasts + 10*time.Second)
	for {
		pass(time.Duration(random.Int64N(int64(2 * every))))
		if time.Now().After(ends) {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		do(ctx)
		cancel()
	}
}
