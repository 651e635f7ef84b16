package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has what must hold. It knows of jobs and processes only what it has seen go through
// wires, and asks the store for no more than where jobs are. All of it is called with the
// world's lock held.

// A history is what has happened to a job.
type history struct {
	task    string
	queue   string
	terms   *store.Terms
	expires time.Time // by the store's clock; zero if it is not known or never
	started bool      // it was claimed, and not parked since
	first   bool      // that was by the last claim
	begun   bool      // its handler was called
	claimed time.Time // last
	attempt int       // the last that was claimed
	holder  store.ID  // the process with its lease; zero if none has it
	cancel  bool      // its lease is signalled
	ended   bool
	wished  bool   // somebody has cancelled it, and it was not retried since
	went    string // how its last lease ended
	done    int    // the attempt whose handler has returned without error while it had the lease
	errs    int    // errors of handlers that were theirs
	crashes int
	closed  store.Fence // the attempt that has ended it
	closer  store.ID    // and its process
	last    lastFinish
	effects int
	leased  time.Time // when it was stored as a lease; zero if it was not
}

// A lastFinish is the last attempt whose end was written.
type lastFinish struct {
	attempt int
	process store.ID
}

// A member is what a wire knows of the standing of its process.
type member struct {
	process  store.ID  // as it has joined last
	lastBeat time.Time // that it knows to be committed
	streak   time.Time // since when its beats have had no gap
	proven   time.Time // when they last had none for as long as it takes to find another lost
	view     store.View
	viewAt   time.Time
	viewer   store.ID // under which the view was had
	endBy    time.Time
	ended    bool // its Run has returned

	stoppedCalmly bool // with nothing in the way
}

// A known is a process that the store knows.
type known struct {
	wire *wire
	beat time.Time // the last that was committed
}

// broken says that something does not hold.
func (w *world) broken(id store.ID, format string, args ...any) {
	if len(w.breaches) < 20 {
		w.breaches = append(w.breaches, breach{time.Now(), id, fmt.Sprintf(format, args...)})
	}
}

func (w *world) inserted(jobs []store.NewJob, inserted []store.Inserted) {
	for i, n := range jobs {
		switch h := w.jobs[n.ID]; {
		case inserted[i].ID != n.ID:
			w.existing(n, inserted[i].ID)
		case inserted[i].Existing && h == nil && !w.deleted[n.ID]:
			w.broken(n.ID, "the store says that the job was there already, and it was not")
		case !inserted[i].Existing && (h != nil || w.deleted[n.ID]):
			w.broken(n.ID, "the job was stored twice")
		case h == nil && !w.deleted[n.ID]:
			w.enters(n)
		}
	}
}

func (w *world) claimed(l *wire, process store.ID, claimed []store.Claimed, suspect bool) {
	if w.members[process] == nil {
		w.broken(store.ID{}, "process %s of wire %s may claim, and is not one any more", process, l.name)
	}
	for _, c := range claimed {
		h := w.jobs[c.ID]
		if h == nil {
			w.broken(c.ID, "a job was claimed that nobody has stored, or that was deleted")
			continue
		}
		switch {
		case h.ended:
			w.broken(c.ID, "it was claimed after it had ended")
		case !h.holder.IsZero():
			w.broken(c.ID, "attempt %d was claimed by %s while attempt %d was leased by %s", c.Attempt, l.name, h.attempt, w.nameOf(h.holder))
		case c.Attempt <= h.attempt:
			w.broken(c.ID, "attempt %d was claimed after attempt %d", c.Attempt, h.attempt)
		case c.RunAt.After(c.ClaimedAt) && !(w.weather.jumps && c.Terms.Gated()): // once let through, it is due
			w.broken(c.ID, "it was claimed %v before its time", c.RunAt.Sub(c.ClaimedAt))
		case h.done == h.attempt && h.attempt > 0 && h.went == "given back":
			w.broken(c.ID, "attempt %d was done and given back", h.attempt)
		}
		if c.Crashes != h.crashes {
			w.broken(c.ID, "it was claimed with %d crashes, and has had %d", c.Crashes, h.crashes)
		}
		if suspect && !c.Suspect() {
			w.broken(c.ID, "it was claimed as a suspect after %d crashes", c.Crashes)
		}
		w.noteFence(l, c.Fence, "is claimed")
		h.attempt, h.holder, h.cancel, h.claimed = c.Attempt, process, false, time.Now()
		h.first, h.started = !h.started, true
		w.checkLimits(&c)
	}
}

func (w *world) finished(l *wire, process store.ID, ended []store.Ended, lost []store.Fence) {
	for _, e := range ended {
		h := w.jobs[e.ID]
		refused := slices.Contains(lost, e.Fence)
		if h == nil {
			if !refused && !w.deleted[e.ID] {
				w.broken(e.ID, "the end of a job was taken that nobody has stored")
			}
			continue
		}
		ours := h.holder == process && h.attempt == e.Attempt
		again := h.last == lastFinish{e.Attempt, process}
		switch {
		case refused && (ours || again):
			w.broken(e.ID, "the end of attempt %d was refused to %s, who had the lease", e.Attempt, l.name)
		case !refused && !ours && !again:
			w.broken(e.ID, "the end of attempt %d was taken from %s, when attempt %d was the last, leased by %s", e.Attempt, l.name, h.attempt, w.nameOf(h.holder))
		}
		if ours && !refused {
			w.end(e.ID, h, process, e.Outcome)
		}
	}
}

// end takes note of the end of a lease by its own process.
func (w *world) end(id store.ID, h *history, process store.ID, outcome store.Outcome) {
	h.holder, h.went = store.ID{}, "finished"
	h.last = lastFinish{h.attempt, process}
	switch {
	case outcome == store.OutcomeCompleted:
		if h.done != h.attempt {
			w.broken(id, "attempt %d was completed, and its handler has not returned so", h.attempt)
		}
		h.crashes = 0
	case h.cancel, outcome == store.OutcomeCancelled, outcome == store.OutcomeDiscarded, outcome == store.OutcomeExpired:
	default:
		return
	}
	h.ended, h.closed, h.closer = true, store.Fence{ID: id, Attempt: h.attempt}, process
}

// finishSeen takes note that a process knows that ends were written: it will tell of them.
func (w *world) finishSeen(l *wire, ended []store.Ended, lost []store.Fence) {
	for _, e := range ended {
		final := e.Outcome != store.OutcomeRetry && e.Outcome != store.OutcomeSnooze
		if final && !slices.Contains(lost, e.Fence) {
			w.told[e.Fence] = w.told[e.Fence].expect(l)
		}
	}
}

func (w *world) committed(l *wire, process store.ID, e store.Ended) {
	h := w.jobs[e.ID]
	if h == nil || h.holder != process || h.attempt != e.Attempt {
		w.broken(e.ID, "attempt %d has committed from %s without a lease", e.Attempt, l.name)
		return
	}
	h.effects++
	h.done = h.attempt
	w.end(e.ID, h, process, store.OutcomeCompleted)
}

func (w *world) givenBack(l *wire, process store.ID, fences []store.Fence, parked bool) {
	for _, f := range fences {
		h := w.jobs[f.ID]
		if h == nil || h.holder != process || h.attempt != f.Attempt {
			continue
		}
		if !l.killed && w.runs(f) != nil {
			w.broken(f.ID, "attempt %d was given back while its handler ran", f.Attempt)
		}
		h.release("given back")
		h.started = h.started && !(parked && h.first)
	}
}

// release takes note of the end of a lease without an end of its attempt.
func (h *history) release(how string) {
	h.holder, h.went = store.ID{}, how
	h.ended = h.ended || h.cancel
}

// goes takes note that a process is not one any more.
func (w *world) goes(process store.ID, how string) {
	delete(w.members, process)
	for _, h := range w.jobs {
		if h.holder == process {
			h.release(how)
		}
	}
}

func (w *world) joined(l *wire, process store.ID) {
	w.members[process] = &known{l, time.Now()}
	w.names[process] = l.name
	if l.process != process {
		l.process, l.streak, l.lastBeat = process, time.Time{}, time.Time{}
	}
}

func (w *world) beaten(process store.ID, b store.Beats) {
	m := w.members[process]
	if b.Lost != (m == nil) {
		w.broken(store.ID{}, "a beat of %s says lost %v", w.nameOf(process), b.Lost)
	}
	if m != nil {
		m.beat = time.Now()
	}
}

func (l *wire) beatSeen(b store.Beats) {
	now := time.Now()
	if b.Lost {
		return
	}
	if now.Sub(l.lastBeat) > 2*store.BeatEvery {
		l.streak = now
	}
	l.lastBeat = now
	if now.Sub(l.streak) >= store.LostAfter {
		l.proven = now
	}
}

func (w *world) looked(process store.ID, v *store.View) {
	if v.Lost != (w.members[process] == nil) {
		w.broken(store.ID{}, "a look of %s says lost %v", w.nameOf(process), v.Lost)
	}
	for id, h := range w.jobs {
		if h.holder == process && h.cancel && !slices.Contains(v.Cancel, id) {
			w.broken(id, "a look of %s does not show that the job is cancelled", w.nameOf(process))
		}
	}
}

// lookSeen takes note of what a process knows from now on.
func (l *wire) lookSeen(v *store.View) {
	now := time.Now()
	l.view, l.viewAt, l.viewer = *v, now, l.process
	if v.Stop && l.endBy.IsZero() {
		l.endBy = now.Add(grace + lastWait)
	}
	for _, id := range v.Cancel {
		for _, r := range l.w.running[id] {
			if r.wire == l && r.cancelled.IsZero() {
				r.cancelled = now
			}
		}
	}
}

// reaped finds out who was declared lost, and judges whether that was right.
func (w *world) reaped(by *wire) {
	left, err := w.store.Processes(context.Background())
	if err != nil {
		w.broken(store.ID{}, "Processes: %v", err)
	}
	live := map[store.ID]bool{}
	for _, p := range left {
		live[p.ID] = true
	}
	for _, process := range slices.SortedFunc(maps.Keys(w.members), store.ID.Compare) {
		if m := w.members[process]; !live[process] {
			w.judge(process, m, by)
			delete(w.members, process)
		}
	}
	for _, id := range w.ids() {
		h := w.jobs[id]
		if h.holder.IsZero() || w.members[h.holder] != nil {
			continue
		}
		h.crashes++
		jobs, err := w.store.Find(context.Background(), store.Filter{IDs: []store.ID{id}})
		if err != nil || len(jobs) != 1 || jobs[0].State == store.Running {
			w.broken(id, "it is not given back, though its process was lost: %v, %v", jobs, err)
			continue
		}
		w.noteFence(by, store.Fence{ID: id, Attempt: h.attempt}, "is reaped")
		state := jobs[0].State
		suspect := h.crashes >= store.SuspectAt
		if state == store.Discarded && h.crashes < store.CrashLimit || state == store.Available && suspect {
			w.broken(id, "it is %s after %d crashes", state, h.crashes)
		}
		h.release("lost")
		if h.ended = h.ended || state.Ended(); h.ended && !h.cancel {
			h.closed = store.Fence{}
		}
	}
}

// ids are those of all jobs.
func (w *world) ids() []store.ID { return slices.SortedFunc(maps.Keys(w.jobs), store.ID.Compare) }

// judge judges whether a process was rightly declared lost.
func (w *world) judge(process store.ID, m *known, by *wire) {
	now := time.Now()
	w.noteOf(m.wire, "is declared lost by "+by.name)
	if silent := now.Sub(m.beat); silent < store.LostAfter {
		w.broken(store.ID{}, "%s was declared lost %v after its last beat", m.wire.name, silent)
	}
	if by.proven.IsZero() || now.Sub(by.proven) > 45*time.Second {
		w.broken(store.ID{}, "%s was declared lost by %s, whose own beats had gaps", m.wire.name, by.name)
	}
	alive := !m.wire.killed && !m.wire.ended && !m.wire.frozen && m.wire.process == process
	long := w.outage.Sub(w.outageBegan) > 10*time.Second
	back := now.Sub(w.outage)
	if alive && long && back >= 0 && back < store.LostAfter && now.Sub(m.wire.cut) > 20*time.Second && now.Sub(m.wire.thawed) > 20*time.Second {
		w.broken(store.ID{}, "%s was declared lost %v after an outage of the store for all", m.wire.name, back)
	}
}

func (w *world) acted(verb store.Verb, acted []store.Acted) {
	for _, a := range acted {
		h := w.jobs[a.ID]
		if a.Effect != store.Done || h == nil {
			continue
		}
		running := a.State == store.Running
		if running != !h.holder.IsZero() {
			w.broken(a.ID, "%s found it %s, and its lease is of %q", verb, a.State, w.nameOf(h.holder))
		}
		switch verb {
		case store.Cancel:
			h.wished = true
			h.cancel, h.ended = running, !running
		case store.Retry:
			h.wished, h.ended, h.effects = false, false, 0
			h.expires = time.Time{}
			w.checkUnique(a.ID, h)
		case store.RunNow:
			h.expires = time.Time{} // its time has changed, as after a retry
		case store.Delete:
			delete(w.jobs, a.ID)
			w.deleted[a.ID] = true
		}
	}
}

// check looks at what is left when all is quiet.
func (w *world) check() {
	jobs, err := w.store.Find(context.Background(), store.Filter{Max: 100_000})
	if err != nil {
		w.broken(store.ID{}, "Find: %v", err)
	}
	stored := map[store.ID]bool{}
	for i := range jobs {
		j := &jobs[i]
		stored[j.ID] = true
		h := w.jobs[j.ID]
		if h == nil {
			w.broken(j.ID, "it is stored, and nobody has stored it")
			continue
		}
		switch {
		case !j.State.Ended() || !h.ended:
			w.broken(j.ID, "it is %s at attempt %d, and should have ended", j.State, j.Attempt)
		case j.Attempt != h.attempt:
			w.broken(j.ID, "it is at attempt %d, and %d was claimed last", j.Attempt, h.attempt)
		case h.wished && j.State != store.Cancelled && j.State != store.Completed:
			w.broken(j.ID, "it was cancelled, and is %s", j.State)
		case !h.wished && j.State == store.Cancelled && !w.mayCancel[j.ID]:
			w.broken(j.ID, "it is cancelled, and nobody has asked for that")
		case j.State == store.Completed && h.done != h.attempt:
			w.broken(j.ID, "it is completed, and no handler has said so")
		case h.effects > 1:
			w.broken(j.ID, "it has had its effect %d times", h.effects)
		}
		failures := j.Failures
		if h.crashes >= store.CrashLimit && j.State == store.Discarded {
			failures--
		}
		if failures > h.errs {
			w.broken(j.ID, "%d failures are counted, and its handlers had %d errors of their own", failures, h.errs)
		}
	}
	for id := range w.acked {
		if !stored[id] && !w.deleted[id] {
			w.broken(id, "it was accepted and is lost")
		}
	}
	for fence, t := range w.told {
		if t.by != nil && t.times == 0 && !t.by.killed {
			w.broken(fence.ID, "the end of attempt %d was not told by %s", fence.Attempt, t.by.name)
		}
	}
	w.checkTerms()
	for process, m := range w.members {
		if m.wire.ended && m.wire.process == process && m.wire.stoppedCalmly {
			w.broken(store.ID{}, "%s has stopped without leaving", m.wire.name)
		}
	}
}

// A telling is how often the end of an attempt was told, and by whom it must have been.
type telling struct {
	times int
	by    *wire
}

func (t telling) expect(by *wire) telling { t.by = by; return t }
