package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	callTimeout = 10 * time.Second // of a call to the store
	retryFirst  = 100 * time.Millisecond
	retryMost   = 5 * time.Second // between tries of a call that an outage has refused

	// After the grace period handlers whose contexts have ended get a moment to return, and
	// what is left of lastWait goes to the store.
	lastHandlers = 1500 * time.Millisecond
	lastWait     = 2 * time.Second
)

// A shift is one call of Run: it owns all that is started, and waits for it.
type shift struct {
	*Engine
	base   context.Context // of handlers: has the values of Run's context, and never ends
	calls  context.Context // of calls to the store: ends when waiting any longer is over
	cancel context.CancelFunc

	hand     *hand
	finisher *finisher
	journal  *journal
	claimer  *claimer
	heart    *heart
	reaper   *reaper
	steward  *steward
	trouble  *trouble

	stopOnce sync.Once
	stopped  chan struct{}                  // closed when the process was told to stop, or Run's context has ended
	left     atomic.Bool                    // Run has returned; handlers that still run are on their own
	peers    atomic.Int64                   // other processes, as of the last beat
	away     atomic.Bool                    // the store is a copy, as of the last look
	looked   atomic.Bool                    // there was a look
	workers  atomic.Pointer[map[string]int] // of queues for which an operator has set them, as of the last look

	unworkedMu sync.Mutex      // held for moments
	unworked   map[string]bool // queues that may have no process, and whether that was said
}

func newShift(ctx context.Context, e *Engine) *shift {
	s := &shift{
		Engine: e, base: context.WithoutCancel(ctx), trouble: newTrouble(e.Log),
		stopped: make(chan struct{}), unworked: map[string]bool{},
	}
	s.calls, s.cancel = context.WithCancel(s.base)
	s.hand = newHand(e.Total, func(r *runner) { go r.run(s, nil) }) // hand.ended tells when the last has returned
	s.finisher, s.claimer, s.heart, s.reaper = newFinisher(s), newClaimer(s), newHeart(s), newReaper(s)
	s.steward, s.journal = newSteward(s), newJournal(s)
	for _, queue := range append([]string{store.SystemQueue}, e.Queues...) {
		if slots := e.slotsOf(queue); slots > 0 {
			s.hand.known(queue, slots, true)
		}
	}
	return s
}

// slotsOf is that of Config, but for queues of this process for which an operator has set it.
func (s *shift) slotsOf(queue string) int {
	own := s.Engine.slotsOf(queue)
	if set := s.workers.Load(); own > 0 && set != nil && queue != store.SystemQueue && (*set)[queue] > 0 {
		return (*set)[queue]
	}
	return own
}

// start joins. While the store is away it tries again until ctx ends; any other error is why
// this process cannot work.
func (s *shift) start(ctx context.Context) error {
	pause := newPause(retryFirst, retryMost)
	id := store.NewID()
	for {
		err := s.join(ctx, id)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if !store.Temporary(err) {
			return err
		}
		s.trouble.report("join", err)
		pause.wait(ctx)
	}
}

// stop begins the end of the shift. It may be called more than once.
func (s *shift) stop() { s.stopOnce.Do(func() { close(s.stopped) }) }

func (s *shift) stopping() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// gone reports whether Run has returned.
func (s *shift) gone() bool { return s.left.Load() }

// work runs everything until ctx ends or the process is told to stop, then drains.
func (s *shift) work(ctx context.Context) {
	beside, endBeside := context.WithCancel(s.base)
	defer endBeside()
	var others, finisher sync.WaitGroup
	others.Go(func() { s.heart.run(beside) })
	others.Go(func() { s.reaper.run(beside) })
	others.Go(func() { s.duties(beside) })
	others.Go(func() { s.listen(beside) })
	others.Go(func() { s.journal.run(beside) })
	var unwritten int
	finisher.Go(func() { unwritten = s.finisher.run(s.calls) })

	claiming, stopClaiming := context.WithCancel(s.base)
	defer stopClaiming()
	var claimer sync.WaitGroup
	claimer.Go(func() { s.claimer.run(claiming) })
	others.Go(func() { s.steward.run(claiming) })

	select {
	case <-ctx.Done():
		s.stop()
	case <-s.stopped:
	}
	late := time.AfterFunc(s.Grace+lastWait, s.cancel) // whatever hangs then ends
	defer late.Stop()
	s.finisher.giveBack(s.hand.close(), endRelease)
	stopClaiming()
	s.drain()
	claimer.Wait()
	s.left.Store(true)
	s.journal.close()
	s.finisher.close()
	finisher.Wait()
	if unwritten > 0 {
		s.Log.Error("offload: the store was away until the end; the ends of attempts could not be written, and their jobs run again", "attempts", unwritten)
	}
	endBeside()
	others.Wait()
	s.journal.end(s.calls)
	s.leave()
}

// drain lets handlers end: until the grace period is over on their own, then for a moment with
// their contexts cancelled.
func (s *shift) drain() {
	if wait(s.hand.ended, s.Grace) {
		return
	}
	s.hand.cancelAll(ErrStopping)
	if wait(s.hand.ended, lastHandlers) {
		return
	}
	s.hand.mu.Lock()
	defer s.hand.mu.Unlock()
	for a := range s.hand.current {
		if a.leads() {
			s.Log.Warn("offload: a handler ignores that its context has ended; it is left behind, and its job runs again",
				"job", a.job.ID.String(), "task", a.job.Task, "attempt", a.job.Attempt, "jobs", a.size())
		}
	}
}

// wait waits until c is closed, at most d, and reports whether it is.
func wait(c <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// leave releases what is left, so that it is available at once.
func (s *shift) leave() {
	process, _ := s.hand.who()
	if process.IsZero() {
		return
	}
	err := s.insist(s.calls, "leave the store", func(ctx context.Context) error { return s.Store.Leave(ctx, process) })
	if err != nil && !errors.Is(err, store.ErrLeaseLost) {
		s.Log.Warn("offload: could not leave; the other processes will see that this one is gone", "error", err)
	}
}
