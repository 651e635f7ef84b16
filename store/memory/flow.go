package memory

import (
	"context"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var _ store.Flows = (*Store)(nil)

// flows are what waits for what.
type flows struct {
	after  map[store.ID][]*edge // by upstream, in the order of the inserts
	marked []store.ID           // jobs that have ended, were deleted or are to run again: see heed
	adding map[store.ID]int     // to a batch: transactions that have not ended
}

func newFlows() flows { return flows{after: map[store.ID][]*edge{}, adding: map[store.ID]int{}} }

// An edge lets a job wait for another, or a batch for one of its members.
type edge struct {
	store.Edge
	job    *job        // that waits
	member bool        // job is a batch, and Upstream its member
	state  store.State // of the upstream as the job knows it
}

// link makes a job wait for another, or gives a batch a member.
func (s *Store) link(e *edge) {
	e.state = s.endOf(e.Upstream)
	s.tie(e)
}

// tie is link for an edge that knows how its upstream stands.
func (s *Store) tie(e *edge) {
	e.job.note(e.state, 1)
	e.job.edges = append(e.job.edges, e)
	s.after[e.Upstream] = append(s.after[e.Upstream], e)
}

// shown is the edge as Edges shows it.
func (e *edge) shown() store.EdgeState {
	return store.EdgeState{Job: e.job.ID, Edge: e.Edge, State: e.state}
}

// unlink forgets what a job waits for.
func (s *Store) unlink(j *job) {
	for _, e := range j.edges {
		s.after[e.Upstream] = slices.DeleteFunc(s.after[e.Upstream], func(other *edge) bool { return other == e })
		if len(s.after[e.Upstream]) == 0 {
			delete(s.after, e.Upstream)
		}
	}
	j.edges = nil
}

// note counts an upstream that is in a state.
func (j *job) note(state store.State, n int) {
	switch state {
	case "":
		j.open += n
	case store.Discarded:
		j.gaveUp += n
	}
}

// endOf is how a job has ended, "" if it has not.
func (s *Store) endOf(id store.ID) store.State {
	j := s.known(id)
	switch {
	case j == nil:
		return store.Deleted
	case j.place == done:
		return j.state
	}
	return ""
}

// batch reports whether the job is a batch, which nobody runs.
func (j *job) batch() bool { return j.Task == store.BatchTask }

// heeds reports whether a job goes by its upstreams: it waits for them, or was cancelled for one.
func (j *job) heeds() bool { return j.awaits || j.place == done && j.spurned }

// mark has what waits for a job look at it.
func (s *Store) mark(id store.ID) { s.marked = append(s.marked, id) }

// markAll has all that waits for others look at them.
func (s *Store) markAll() {
	for id := range s.after {
		s.mark(id)
	}
	for id, j := range s.blocked {
		if j.batch() {
			s.mark(id)
		}
	}
	slices.SortFunc(s.marked, store.ID.Compare)
}

// heed brings what waits for marked jobs in line with them.
func (s *Store) heed(now time.Time) (moved int) {
	for len(s.marked) > 0 {
		id := s.marked[0]
		s.marked = s.marked[1:]
		if j := s.known(id); j != nil && j.batch() {
			moved += s.weigh(j, now)
		}
		for _, e := range slices.Clone(s.after[id]) {
			moved += s.tell(e, s.endOf(id), now)
		}
	}
	return moved
}

// tell tells a job what has become of an upstream. An end that it knows stays so when the
// upstream is deleted.
func (s *Store) tell(e *edge, state store.State, now time.Time) (moved int) {
	j, before := e.job, e.state
	if !e.member && !j.heeds() || before != "" && state == store.Deleted {
		return 0
	}
	j.note(before, -1)
	j.note(state, 1)
	e.state = state
	if e.member && before != "" && state == "" {
		s.reopen(j)
	}
	moved = s.weigh(j, now)
	if e.member && state == store.Discarded {
		for _, e := range slices.Clone(s.after[j.ID]) {
			moved += s.weigh(e.job, now)
		}
	}
	return moved
}

// weigh moves a job, if what it knows of its upstreams asks for it.
func (s *Store) weigh(j *job, now time.Time) (moved int) {
	if !j.heeds() {
		return 0
	}
	if j.batch() {
		return s.weighBatch(j, now)
	}
	unmet, waits := s.judgeEdges(j)
	switch {
	case unmet != nil && (j.held || j.place == done):
		return 0
	case unmet == nil && waits && j.awaits && !j.held:
		return 0
	case unmet != nil && unmet.Else == store.ElseHold:
		j.held = true
	case unmet != nil:
		s.take(j)
		j.spurn(unmet, now)
		s.putDone(j, store.Cancelled, now)
		j.spurned = true
	default:
		if j.place == done && s.keyTaken(j, now) {
			return 0
		}
		s.reopen(j)
		if !waits {
			s.letGo(j, notBefore(j.runAt, now), now)
		}
	}
	return 1
}

// spurn keeps for which upstream a job is cancelled. How it last failed, if it has run, stays: then this
// counts as an attempt.
func (j *job) spurn(unmet *edge, now time.Time) {
	if n := len(j.history); n > 0 && j.history[n-1].Attempt == j.attempt && j.history[n-1].Kind != store.KindAfter {
		j.attempt++
	}
	shown := unmet.shown()
	p := shown.Problem()
	j.history = append(j.history, store.Failure{Attempt: j.attempt, Error: p.Error, Kind: p.Kind, StartedAt: now, FailedAt: now})
}

// judgeEdges returns the first edge that keeps a job from ever running, or else whether the job
// has to wait.
func (s *Store) judgeEdges(j *job) (unmet *edge, waits bool) {
	var failing *edge // the first that is OnFailed
	var failed, mayFail bool
	for _, e := range j.edges {
		switch {
		case e.On == store.OnFailed:
			if failing == nil {
				failing = e
			}
			failed = failed || e.state == store.Discarded || s.gaveUp(e.Upstream)
			mayFail = mayFail || e.state == ""
		case e.state == "":
			waits = true
		case e.On == store.OnCompleted && e.state != store.Completed && unmet == nil:
			unmet = e
		}
	}
	if failing != nil && !failed {
		if !mayFail && (unmet == nil || slices.Index(j.edges, failing) < slices.Index(j.edges, unmet)) {
			unmet = failing
		}
		waits = true
	}
	return unmet, waits
}

// gaveUp reports whether a job is an open batch of which a member was discarded.
func (s *Store) gaveUp(id store.ID) bool {
	j := s.known(id)
	return j != nil && j.batch() && j.awaits && j.gaveUp > 0
}

// weighBatch ends a batch whose members have all ended, unless a transaction may yet add to it.
func (s *Store) weighBatch(j *job, now time.Time) (moved int) {
	if j.place == done || j.open > 0 || s.adding[j.ID] > 0 {
		return 0
	}
	end := store.Completed
	for _, e := range j.edges {
		if e.state != store.Completed && end != store.Discarded {
			end = store.Cancelled
		}
		if e.state == store.Discarded {
			end = store.Discarded
		}
	}
	s.take(j)
	s.putDone(j, end, now)
	return 1
}

// reopen makes a job wait for its upstreams again that was cancelled for one or is held, and a
// batch for its members.
func (s *Store) reopen(j *job) {
	j.held = false
	if j.place != done {
		return
	}
	s.take(j)
	j.awaits, j.spurned = true, false
	j.history = slices.DeleteFunc(j.history, func(f store.Failure) bool { return f.Kind == store.KindAfter })
	s.put(j, blocked)
	s.mark(j.ID)
}

// heedAgain makes a job that has ended wait for its upstreams again, as they are now. If one that is
// to run again has not been retried yet, the job is cancelled for it, and comes back with it.
func (s *Store) heedAgain(j *job, now time.Time) {
	s.reopen(j)
	j.failures = 0
	s.unstop(j, true)
	for _, e := range j.edges {
		state := s.endOf(e.Upstream)
		if e.state != "" && state == store.Deleted {
			continue // an end that is known stays so
		}
		j.note(e.state, -1)
		e.state = state
		j.note(e.state, 1)
	}
	s.weigh(j, now)
}

// keyTaken reports whether a job that was cancelled can't have its unique key again.
func (s *Store) keyTaken(j *job, now time.Time) bool {
	if k, u := j.needs(); u != nil && s.reservations[k] != nil {
		return true
	}
	return !s.regain(j, now).IsZero()
}

// letGo lets a job run that has waited for others, at a time.
func (s *Store) letGo(j *job, at, now time.Time) {
	s.take(j)
	j.awaits, j.held, j.spurned = false, false, false
	j.runAt, j.fresh = at, true
	s.place(j, now)
}

// needed reports whether something that has not ended is after a job, or has it as a member.
func (s *Store) needed(j *job) bool {
	return slices.ContainsFunc(s.after[j.ID], func(e *edge) bool { return !e.job.ended() })
}

// Settle is that of store.Flows. Every call has settled what it marked before it returns.
func (s *Store) Settle(ctx context.Context, _ int) (moved int, more bool, err error) {
	err = s.do(ctx, func(now time.Time) error {
		moved = s.heed(now)
		return nil
	})
	return moved, false, err
}

// Edges is that of store.Flows.
func (s *Store) Edges(ctx context.Context, jobs ...store.ID) (edges []store.EdgeState, err error) {
	err = s.do(ctx, func(time.Time) error {
		for _, id := range jobs {
			j := s.known(id)
			if j == nil || j.batch() {
				continue
			}
			for _, e := range j.edges {
				edges = append(edges, e.shown())
			}
		}
		return nil
	})
	return edges, err
}

// FlowIDs is that of store.Flows.
func (s *Store) FlowIDs(ctx context.Context, before store.ID, most int) (ids []store.ID, err error) {
	err = s.do(ctx, func(time.Time) error {
		for _, j := range s.jobs {
			if j.place != deleted && j.Terms != nil && !j.Terms.Flow.IsZero() && (before.IsZero() || j.Terms.Flow.Compare(before) < 0) {
				ids = append(ids, j.Terms.Flow)
			}
		}
		slices.SortFunc(ids, func(a, b store.ID) int { return b.Compare(a) })
		ids = slices.Compact(ids)
		ids = ids[:min(len(ids), most)]
		return nil
	})
	return ids, err
}

// Batches is that of store.Flows.
func (s *Store) Batches(ctx context.Context, ids ...store.ID) (counts map[store.ID]store.BatchCount, err error) {
	counts = map[store.ID]store.BatchCount{}
	err = s.do(ctx, func(time.Time) error {
		for _, id := range ids {
			j := s.known(id)
			if j == nil || !j.batch() {
				continue
			}
			c := store.BatchCount{Members: len(j.edges), Open: j.open, Discarded: j.gaveUp}
			for _, e := range j.edges {
				if e.state == store.Completed {
					c.Completed++
				}
			}
			c.Cancelled = c.Members - c.Open - c.Completed - c.Discarded
			counts[id] = c
		}
		return nil
	})
	return counts, err
}
