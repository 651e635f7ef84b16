package storetest

import (
	"slices"
	"strings"

	"github.com/offloadhq/offload/store"
)

// edges lets a job wait for others.
func edges(all ...store.Edge) func(*store.NewJob) {
	return func(n *store.NewJob) {
		if terms(n).Flow.IsZero() {
			terms(n).Flow = store.NewID()
		}
		n.After = append(slices.Clone(n.After), all...)
	}
}

// after lets a job run when others have completed, and be cancelled otherwise.
func after(upstreams ...store.ID) func(*store.NewJob) {
	return by(store.OnCompleted, store.ElseCancel, upstreams...)
}

// by lets a job wait for others in one way.
func by(on store.On, otherwise store.Else, upstreams ...store.ID) func(*store.NewJob) {
	var all []store.Edge
	for _, id := range upstreams {
		all = append(all, store.Edge{Upstream: id, On: on, Else: otherwise})
	}
	return edges(all...)
}

// plans inserts new jobs of which some may wait, and settles.
func (s *scene) plans(all ...store.NewJob) {
	s.t.Helper()
	for i, in := range s.inserts(all...) {
		if in.ID != all[i].ID || in.Existing {
			s.t.Fatalf("Insert of new job %s = %+v", all[i].ID, in)
		}
	}
	s.settle()
}

// plan inserts one job that may wait.
func (s *scene) plan(with ...func(*store.NewJob)) store.ID {
	s.t.Helper()
	n := aJob(with...)
	s.plans(n)
	return n.ID
}

// chain is a chain of jobs, each after the one before it.
func chain(n int, with ...func(*store.NewJob)) []store.NewJob {
	all := jobs(n, with...)
	for i := range all[1:] {
		after(all[i].ID)(&all[i+1])
	}
	return all
}

// awaits wants jobs to wait for others.
func (s *scene) awaits(list ...store.ID) { s.t.Helper(); s.wantBlocked(store.WaitsAfter, list...) }

// holds wants jobs to wait for a person.
func (s *scene) holds(list ...store.ID) { s.t.Helper(); s.wantBlocked(store.WaitsHeld, list...) }

func (s *scene) wantBlocked(why string, list ...store.ID) {
	s.t.Helper()
	for _, id := range list {
		if j := s.want(id, store.Blocked); j.State == store.Blocked && j.Waits != why {
			s.t.Errorf("job %s waits for %q, want %q", id, j.Waits, why)
		}
	}
}

// spurned wants a job to be cancelled for an upstream that ended so.
func (s *scene) spurned(id, upstream store.ID, state store.State) {
	s.t.Helper()
	j := s.want(id, store.Cancelled)
	if !strings.Contains(j.Error, upstream.String()) || !strings.Contains(j.Error, string(state)) {
		s.t.Errorf("job %s has the error %q, want it to name %s and that it is %s", id, j.Error, upstream, state)
	}
	f := s.failures(id)
	if len(f) == 0 || f[len(f)-1].Kind != store.KindAfter || f[len(f)-1].Error != j.Error ||
		f[len(f)-1].StartedAt.IsZero() || f[len(f)-1].FailedAt.IsZero() {
		s.t.Errorf("job %s has the failures %+v, want one of kind %q", id, f, store.KindAfter)
	}
	if j.Failures != 0 || j.Attempt != 0 || j.FinishedAt.IsZero() {
		s.t.Errorf("job %+v was cancelled, want it to be ended without an attempt", j)
	}
}

// ends runs a job that can be started, and ends it so.
func (s *scene) ends(p, id store.ID, outcome store.Outcome) {
	s.t.Helper()
	s.finish(p, ended(s.takesThis(p, id), outcome))
	s.settle()
}

// edgesOf are the edges of one job.
func (s *scene) edgesOf(list ...store.ID) []store.EdgeState {
	s.t.Helper()
	all, err := s.Store.Edges(s.ctx(), list...)
	s.must(err)
	return all
}

// waysToEnd are those in which an upstream can end that is due.
var waysToEnd = []struct {
	name  string
	state store.State
	end   func(s *scene, p, id store.ID)
}{
	{"completed", store.Completed, func(s *scene, p, id store.ID) { s.ends(p, id, store.OutcomeCompleted) }},
	{"discarded", store.Discarded, func(s *scene, p, id store.ID) { s.ends(p, id, store.OutcomeDiscarded) }},
	{"cancelled while it ran", store.Cancelled, func(s *scene, p, id store.ID) { s.ends(p, id, store.OutcomeCancelled) }},
	{"cancelled before its start", store.Cancelled, func(s *scene, _, id store.ID) { s.cancel(id) }},
	{"expired", store.Expired, func(s *scene, p, id store.ID) { s.ends(p, id, store.OutcomeExpired) }},
	{"deleted", store.Deleted, func(s *scene, _, id store.ID) { s.act(store.Delete, id) }},
}

// waysToWait are all edges to an upstream, with what becomes of a job for each way to end.
func waysToWait(upstream store.ID, end store.State) (all []store.NewJob, want []store.State) {
	for _, on := range []store.On{store.OnCompleted, store.OnEnded, store.OnFailed} {
		for _, otherwise := range []store.Else{store.ElseCancel, store.ElseHold} {
			state := store.Cancelled
			switch {
			case on == store.OnEnded, on == store.OnCompleted && end == store.Completed, on == store.OnFailed && end == store.Discarded:
				state = store.Available
			case otherwise == store.ElseHold:
				state = store.Blocked
			}
			all = append(all, aJob(by(on, otherwise, upstream), queue("after")))
			want = append(want, state)
		}
	}
	return all, want
}

// wantWays wants what waysToWait says.
func (s *scene) wantWays(upstream store.ID, name string, end store.State, all []store.NewJob, want []store.State) {
	s.t.Helper()
	for i, n := range all {
		switch e := n.After[0]; want[i] {
		case store.Available:
			if j := s.job(n.ID); j.State != store.Available {
				s.t.Errorf("upstream %s, on %s, else %s: the job is %s %s, want available", name, e.On, e.Else, j.State, j.Waits)
			}
		case store.Blocked:
			s.holds(n.ID)
		default:
			s.spurned(n.ID, upstream, end)
		}
	}
}

// refusedAfter wants an insert to be refused, saying which upstream or batch is the reason.
func (s *scene) refusedAfter(w store.Writer, upstream store.ID, all ...store.NewJob) {
	s.t.Helper()
	_, err := w.Insert(s.ctx(), all)
	s.wantErr(err, store.ErrUpstream)
	if err != nil && !strings.Contains(err.Error(), upstream.String()) {
		s.t.Errorf("the error is %q, want it to name %s", err, upstream)
	}
}

// aBatch is a batch.
func aBatch(with ...func(*store.NewJob)) store.NewJob {
	return aJob(append([]func(*store.NewJob){task(store.BatchTask), queue(store.SystemQueue), input(nil)}, with...)...)
}

// in makes a job a member of a batch.
func in(batch store.ID) func(*store.NewJob) {
	return func(n *store.NewJob) { terms(n).Batch = batch }
}

// gather inserts a new batch with n members.
func (s *scene) gather(n int, with ...func(*store.NewJob)) (batch store.ID, members []store.NewJob) {
	s.t.Helper()
	b := aBatch()
	members = jobs(n, append(with, in(b.ID))...)
	s.plans(append([]store.NewJob{b}, members...)...)
	return b.ID, members
}

// count is how the members of one batch stand.
func (s *scene) count(batch store.ID) store.BatchCount {
	s.t.Helper()
	counts, err := s.Store.Batches(s.ctx(), batch)
	s.must(err)
	if len(counts) != 1 {
		s.t.Errorf("Batches of one = %v", counts)
	}
	return counts[batch]
}

// wantCount wants the members of a batch to stand so.
func (s *scene) wantCount(batch store.ID, want store.BatchCount) {
	s.t.Helper()
	if c := s.count(batch); c != want {
		s.t.Errorf("batch %s counts %+v, want %+v", batch, c, want)
	}
}
