package engine

import (
	"slices"
	"time"
)

// This file has the part of the hand in which jobs of tasks with Many gather. They hold no slot
// while they do. A group whose time is up starts with what it has as soon as there is a slot;
// but where the store has more, the claimer is asked first to fill it.

// fillFor is how long a group whose time is up waits for the claimer at most.
const fillFor = 100 * time.Millisecond

// gather adds a job to the group of its task that is gathering, or to a new one. A suspect is
// one by itself.
func (h *hand) gather(l *line, a *attempt, now time.Time) {
	g := l.open[a.task]
	if g == nil || a.job.Suspect() {
		g = &group{task: a.task, first: len(l.jobs) - 1, since: now, until: now.Add(a.task.Many.Wait)}
		l.groups = append(l.groups, g)
		if l.open == nil {
			l.open = map[*Task]*group{}
		}
		if !a.job.Suspect() {
			l.open[a.task] = g
		}
	}
	a.group = g
	g.jobs = append(g.jobs, a)
	g.first = min(g.first, max(a.job.Priority, 0))
	if at := a.job.ExpiresAt; !at.IsZero() {
		// It must not expire because it waits for company.
		g.until = earliest(g.until, now.Add(at.Sub(a.job.ClaimedAt)/2))
	}
	if a.job.Suspect() || len(g.jobs) >= a.task.Many.Most {
		g.ready, g.since = true, now
		l.shut(g)
	}
}

// shut ends the gathering of a group.
func (l *line) shut(g *group) {
	if l.open[g.task] == g {
		delete(l.open, g.task)
	}
	if g.timer != nil {
		g.timer.Stop()
	}
}

// watch sets the timers of groups that go on to gather.
func (h *hand) watch(l *line, now time.Time) {
	for _, g := range l.groups {
		switch in := g.until.Sub(now); {
		case g.up, l.open[g.task] != g:
		case in <= 0:
			g.up, g.since = true, now
		case g.timer == nil:
			g.timer = time.AfterFunc(in, func() { h.timeUp(l, g) })
		default:
			g.timer.Reset(in)
		}
	}
}

// timeUp says that a group has gathered for as long as it may, or that it was in vain to wait
// until it is filled.
func (h *hand) timeUp(l *line, g *group) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !g.up {
		g.up, g.since = true, now
	}
	g.ready = g.ready || g.asked
	h.serve(l, now)
}

// settle starts what waited only because the store might have had more of a queue.
func (h *hand) settle(queue string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.lines[queue]; l != nil && len(l.groups) > 0 {
		h.serve(l, time.Now())
	}
}

// nextGroup returns the group of a line that may start now, or nil.
func (h *hand) nextGroup(l *line) (next *group) {
	for _, g := range l.groups {
		switch {
		case g.ready:
		case !g.up:
			continue
		case !l.hungry:
			g.ready = true
		default:
			h.ask(l, g)
			continue
		}
		if next == nil || g.first < next.first {
			next = g
		}
	}
	return next
}

// ask asks the claimer to fill a group whose time is up.
func (h *hand) ask(l *line, g *group) {
	if g.asked {
		return
	}
	g.asked = true
	ring(h.poke)
	if g.timer == nil {
		g.timer = time.AfterFunc(fillFor, func() { h.timeUp(l, g) })
		return
	}
	g.timer.Reset(fillFor)
}

// popGroup takes the group that comes before all other jobs of a line, if there is one.
func (h *hand) popGroup(l *line) *attempt {
	g := h.nextGroup(l)
	if g == nil {
		return nil
	}
	for p, jobs := range l.jobs[:g.first+1] {
		if len(jobs) > 0 && (p < g.first || jobs[0].claimed.Before(g.jobs[0].claimed)) {
			return nil
		}
	}
	l.drop(g)
	return g.jobs[0]
}

// drop takes a group out of a line.
func (l *line) drop(g *group) {
	l.shut(g)
	l.groups = slices.DeleteFunc(l.groups, func(other *group) bool { return other == g })
}

// removeGrouped takes the jobs out of groups that pick selects.
func (h *hand) removeGrouped(l *line, pick func(*attempt) bool) (removed []*attempt) {
	if len(l.groups) == 0 {
		return nil
	}
	for _, g := range slices.Clone(l.groups) {
		kept := g.jobs[:0:0]
		for _, a := range g.jobs {
			if pick(a) {
				a.group = nil
				removed = append(removed, a)
			} else {
				kept = append(kept, a)
			}
		}
		if len(kept) == 0 {
			l.drop(g)
			continue
		}
		g.jobs = kept
	}
	return h.forget(removed)
}

// room returns how many jobs would fill the groups that gather, of as many as there are slots
// for.
func (l *line) room(slots int) (n int) {
	for _, g := range l.groups {
		if slots <= 0 {
			break
		}
		if l.open[g.task] == g {
			n += g.task.Many.Most - len(g.jobs)
		}
		slots--
	}
	return n
}
