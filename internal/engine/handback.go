package engine

import (
	"maps"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has what takes jobs out of the hand other than to run them.

// remove takes the waiting jobs out of the hand that pick selects.
func (h *hand) remove(pick func(*attempt) bool) (removed []*attempt) {
	for _, l := range h.lines {
		removed = append(removed, h.removeOf(l, pick)...)
		removed = append(removed, h.removeGrouped(l, pick)...)
	}
	return removed
}

func (h *hand) removeOf(l *line, pick func(*attempt) bool) (removed []*attempt) {
	for p, jobs := range l.jobs {
		var rest []*attempt
		for _, a := range jobs {
			if pick(a) {
				removed = append(removed, a)
			} else {
				rest = append(rest, a)
			}
		}
		l.jobs[p] = rest
	}
	l.count -= len(removed)
	return h.forget(removed)
}

// forget takes note that jobs were taken out of the hand.
func (h *hand) forget(removed []*attempt) []*attempt {
	h.waiting -= len(removed)
	for _, a := range removed {
		if a.job.Suspect() {
			h.suspect = false
		}
	}
	return removed
}

// take takes the waiting jobs that pick selects, to give them back.
func (h *hand) take(pick func(*attempt) bool) []*attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.remove(pick)
}

// surplus takes jobs that have waited for a second behind slow handlers: another process may
// have a slot for them.
func (h *hand) surplus() (removed []*attempt) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stands(now) {
		return nil
	}
	for _, l := range h.lines {
		keep := h.ahead(l, now)
		seen := 0
		removed = append(removed, h.removeOf(l, func(a *attempt) bool {
			seen++
			return seen > keep && now.Sub(a.claimed) > time.Second
		})...)
		removed = append(removed, h.removeGrouped(l, func(a *attempt) bool {
			return (a.group.up || a.group.ready) && now.Sub(a.group.since) > time.Second
		})...)
	}
	return removed
}

// tidy ends runners that have been idle for a minute, and forgets queues of which nothing was
// heard for ten.
func (h *hand) tidy() {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, l := range h.lines {
		for len(l.idle) > 0 && now.Sub(l.idle[0].idle) > time.Minute {
			r := l.idle[0]
			l.idle = l.idle[1:]
			h.dismiss(r)
		}
		if !l.named && l.count == 0 && len(l.groups) == 0 && len(l.runners) == 0 && l.running == 0 && now.Sub(l.used) > 10*time.Minute {
			h.setHungry(l, false)
			delete(h.lines, name)
		}
	}
}

// known says that a queue is worked here, though it may have nothing to do; for ever, or
// until nothing is heard of it any more.
func (h *hand) known(queue string, slots int, forEver bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lineOf(queue, slots, time.Now())
	l.named = l.named || forEver
}

// hush stops the starting of jobs, or lets it go on, and returns the jobs that wait.
func (h *hand) hush(quiet bool) []*attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.quiet = quiet
	if !quiet {
		return nil
	}
	return h.remove(all)
}

func all(*attempt) bool { return true }

// beaten says when the last committed beat began, and lets jobs start again after a cut.
func (h *hand) beaten(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	stood := h.frozen || now.Sub(h.beat) >= cutOff
	h.beat, h.frozen = at, false
	if stood {
		for _, l := range h.lines {
			h.serve(l, now)
		}
		ring(h.poke)
	}
}

// freeze stops the starting of jobs, because the process is cut off from the store, and ends
// the contexts of handlers whose successors could start elsewhere.
func (h *hand) freeze() (cancelled int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.frozen = true
	for a := range h.current {
		if !a.task.Offline {
			a.cancel(store.ErrLeaseLost)
			cancelled++
		}
	}
	return cancelled
}

// lose drops all jobs of an identity that was declared lost; the store has given them away or
// will. It reports whether that is news.
func (h *hand) lose(process store.ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if process != h.process || process.IsZero() {
		return false
	}
	h.identify(store.ID{})
	h.remove(all)
	for a := range h.current {
		a.cancel(store.ErrLeaseLost)
	}
	return true
}

// cancel ends running attempts of jobs that somebody has cancelled, and takes those that wait.
func (h *hand) cancel(ids []store.ID) []*attempt {
	cancelled := make(map[store.ID]bool, len(ids))
	for _, id := range ids {
		cancelled[id] = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for a := range h.current {
		if cancelled[a.job.ID] {
			a.cancel(ErrCancelled)
		}
	}
	return h.remove(func(a *attempt) bool { return cancelled[a.job.ID] })
}

// cancelAll ends the contexts of all running attempts.
func (h *hand) cancelAll(why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for a := range h.current {
		a.cancel(why)
	}
}

// current are the attempts that run, or are about to.
func (h *hand) current(yield func(*attempt) bool) {
	for _, l := range h.lines {
		for _, r := range l.runners {
			if r.current == nil {
				continue
			}
			for _, a := range r.current.members() {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// close ends the starting of jobs for good and returns those that wait. ended is closed when
// the last runner has ended.
func (h *hand) close() []*attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, l := range h.lines {
		for _, r := range l.idle {
			h.dismiss(r)
		}
		l.idle = nil
	}
	if h.runners == 0 {
		select {
		case <-h.ended:
		default:
			close(h.ended)
		}
	}
	return h.remove(all)
}

// fences returns what is in the hand, runs, or is about to.
func (h *hand) fences() map[store.Fence]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	fences := make(map[store.Fence]bool, h.waiting+h.runners)
	for _, l := range h.lines {
		for _, jobs := range l.jobs {
			for _, a := range jobs {
				fences[a.job.Fence] = true
			}
		}
		for _, g := range l.groups {
			for _, a := range g.jobs {
				fences[a.job.Fence] = true
			}
		}
	}
	for a := range h.current {
		fences[a.job.Fence] = true
	}
	maps.Copy(fences, h.starts)
	return fences
}

// A report is what a beat says of the process.
type report struct {
	queues  map[string]int
	running int
	stuck   []*attempt // their handlers ignore that their contexts ended
	news    []*attempt // of stuck, those not said yet
}

func (h *hand) report() report {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	r := report{queues: make(map[string]int, len(h.lines))}
	for name, l := range h.lines {
		if l.slots > 0 {
			r.queues[name] = l.slots
		}
		r.running += l.running
		for _, runner := range l.runners {
			if runner.current != nil {
				r.running += runner.current.size() - 1
			}
		}
	}
	for a := range h.current {
		if is, news := a.stuck(now); is {
			r.stuck = append(r.stuck, a)
			if news && a.leads() {
				r.news = append(r.news, a)
			}
		}
	}
	return r
}
