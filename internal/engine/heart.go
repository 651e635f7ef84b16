package engine

import (
	"context"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	beatTimeout    = store.BeatEvery        // of one try, so that three fit before the cut
	beatAgain      = 500 * time.Millisecond // after a try that failed
	beatAgainLater = store.BeatEvery        // after many that failed
	joinLast       = time.Second            // that a join may take when the process has to end
)

// A heart keeps the process alive in the eyes of others, and knows when it may not be.
type heart struct {
	s       *shift
	began   time.Time // the zero of the observer's clock
	watcher observer
	beat    time.Time     // when the last committed beat began
	cut     bool          // the process is cut off
	again   *pause        // after tries that failed
	lost    chan store.ID // identities that others found to be lost

	// For those who ask from outside: when, since began.
	tried, kept atomic.Int64
}

// A Pulse is how long ago the heart of a process has tried to beat, and has committed a beat. Neither
// grows above some seconds while all is well; the first doesn't even while the store is away.
type Pulse struct {
	Tried, Kept time.Duration
	Stopping    bool // no job is started any more
}

// Pulse returns how the heart beats; false while no Run has joined.
func (e *Engine) Pulse() (Pulse, bool) {
	s := e.shift.Load()
	if s == nil {
		return Pulse{}, false
	}
	since := time.Since(s.heart.began)
	return Pulse{
		Tried: since - time.Duration(s.heart.tried.Load()), Kept: since - time.Duration(s.heart.kept.Load()),
		Stopping: s.stopping(),
	}, true
}

// tries notes that a beat, or a join, is tried.
func (h *heart) tries() { h.tried.Store(int64(time.Since(h.began))) }

func newHeart(s *shift) *heart {
	return &heart{s: s, began: time.Now(), again: newPause(beatAgain, beatAgainLater), lost: make(chan store.ID, 1)}
}

// tellLost says that the store does not know an identity of this process any more. It never
// blocks: what is not heard now will be said again.
func (h *heart) tellLost(process store.ID) {
	select {
	case h.lost <- process:
	default:
	}
}

// run beats until ctx ends.
func (h *heart) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case process := <-h.lost:
			h.renew(ctx, process)
		case <-timer.C:
		}
		timer.Reset(h.pulse(ctx))
	}
}

// pulse beats once and returns when to beat again.
func (h *heart) pulse(ctx context.Context) time.Duration {
	h.tries()
	process, _ := h.s.hand.who()
	if process.IsZero() {
		return store.BeatEvery // stopping: no new identity was made
	}
	began := time.Now()
	timeout := beatTimeout
	if left := cutOff - began.Sub(h.beat); !h.cut && left <= 0 {
		h.cutOff()
	} else if !h.cut {
		timeout = min(timeout, left)
	}
	beats, err := h.call(ctx, process, timeout)
	switch {
	case ctx.Err() != nil:
		return store.BeatEvery
	case err != nil:
		h.s.trouble.report("beat", err)
		if left := cutOff - time.Since(h.beat); !h.cut && left <= 0 {
			h.cutOff()
		} else if !h.cut {
			return min(h.again.step(), left)
		}
		return h.again.step()
	case beats.Lost:
		h.renew(ctx, process)
		return store.BeatEvery
	}
	h.beaten(began, beats)
	next := store.BeatEvery
	if at, found := h.watcher.next(); found {
		// A peer that has stood still for 9 s is looked at again when it is 12, not 15.
		next = min(next, at-began.Sub(h.began)+time.Millisecond)
	}
	return max(next-time.Since(began), 0)
}

func (h *heart) call(ctx context.Context, process store.ID, timeout time.Duration) (store.Beats, error) {
	said := h.s.describe(process)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return h.s.Store.Beat(ctx, said)
}

// beaten takes note of a committed beat.
func (h *heart) beaten(began time.Time, beats store.Beats) {
	h.s.trouble.clear("beat")
	h.again.reset()
	h.beat = began
	h.kept.Store(int64(began.Sub(h.began)))
	if h.cut {
		h.cut = false
		h.s.Log.Info("offload: the store is back, and the leases of this process are still its own")
	}
	h.s.hand.beaten(began)
	h.s.peers.Store(int64(len(beats.Peers)))
	lost := h.watcher.observe(began.Sub(h.began), time.Since(h.began), beats.Peers)
	if len(lost) > 0 {
		h.s.reaper.reap(lost)
	}
}

// cutOff ends handlers whose successors may be started elsewhere soon.
func (h *heart) cutOff() {
	h.cut = true
	cancelled := h.s.hand.freeze()
	h.s.Log.Warn("offload: no beat could be committed for 9 s; handlers of tasks without Offline are cancelled, and no job is started",
		"cancelled", cancelled)
}

// renew drops everything of an identity that was declared lost, and joins as a new one.
func (h *heart) renew(ctx context.Context, process store.ID) {
	if !h.s.hand.lose(process) {
		return
	}
	h.s.Log.Warn("offload: this process was declared lost; its jobs run elsewhere, it goes on under a new id", "process", process.String())
	if h.s.stopping() {
		return
	}
	pause := newPause(retryFirst, retryMost)
	next := store.NewID()
	for ctx.Err() == nil {
		h.tries()
		err := h.s.join(ctx, next)
		if err == nil {
			h.watcher = observer{}
			return
		}
		h.s.trouble.report("join", err)
		pause.wait(ctx)
	}
}

// join makes the process known to the store under an id, and adopts it.
func (s *shift) join(ctx context.Context, id store.ID) error {
	said := s.describe(id)
	began := time.Now()
	lasting, cancel := s.outlast(ctx)
	defer cancel()
	err := s.within(lasting, func(ctx context.Context) error { return s.Store.Join(ctx, said) })
	if err != nil {
		return err
	}
	s.trouble.clear("join")
	s.heart.beat, s.heart.cut = began, false
	s.heart.kept.Store(int64(began.Sub(s.heart.began)))
	s.hand.adopt(id, began)
	return nil
}

// outlast returns a context that ends joinLast after ctx. A join that is broken off may be
// committed all the same, by a process that then does not know that it has to leave.
func (s *shift) outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancel(s.calls)
	stop := context.AfterFunc(ctx, func() {
		sleep(lasting, joinLast)
		cancel()
	})
	return lasting, func() {
		stop()
		cancel()
	}
}

// describe is what the store is told of this process.
func (s *shift) describe(id store.ID) store.Process {
	report := s.hand.report()
	for _, a := range report.news {
		s.Log.Warn("offload: a handler goes on though its context has ended; it keeps its slot until it returns",
			"job", a.job.ID.String(), "task", a.job.Task, "attempt", a.job.Attempt)
	}
	p := s.Process
	p.ID, p.Queues, p.Running, p.Memory = id, report.queues, report.running, heldMemory()
	for _, a := range report.stuck {
		p.Stuck = append(p.Stuck, a.job.ID)
	}
	return p
}

// heldMemory is what the Go runtime holds of the machine's, in bytes.
func heldMemory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	if samples[0].Value.Kind() != metrics.KindUint64 || samples[1].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
