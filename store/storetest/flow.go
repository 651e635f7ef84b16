package storetest

import (
	"slices"
	"strings"

	"github.com/offloadhq/offload/store"
)

var flowLaws = []law{
	{"Flow/Chain", "each job of a chain is started when the one before it has completed, and not before", flowChain},
	{"Flow/Fan", "many jobs run after one, and one after all of them", flowFan},
	{"Flow/Outcomes", "whatever becomes of an upstream, what is after it runs, is cancelled or held, as its edge says", flowOutcomes},
	{"Flow/Ended", "so it is when the upstream has ended before the insert", flowEnded},
	{"Flow/Several", "a job waits for all that it is after, and for one of those that it is to run for if they fail", flowSeveral},
	{"Flow/Cascade", "what is after a cancelled job is cancelled for that, and says so, however long the chain", flowCascade},
	{"Flow/Wakes", "a job that is let go wakes a process that sleeps", flowWakes},
	{"Flow/Lost", "a job whose process is lost has not ended, until it is discarded for that", flowLost},
	{"Flow/Settle", "Settle looks at no more jobs than it is told, and says that there may be more", flowSettle},
	{"Flow/AtOnce", "processes that end jobs at the same time let what is after all of them go once", flowAtOnce},
}

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
	if len(f) == 0 || f[len(f)-1].Kind != store.KindAfter || f[len(f)-1].Error != j.Error || f[len(f)-1].FailedAt.IsZero() {
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

func flowChain(s *scene) {
	all := chain(4)
	s.plans(all...)
	p := s.join()
	for i, n := range all {
		for _, later := range all[i+1:] {
			s.awaits(later.ID)
		}
		before := s.now()
		c := s.takesThis(p, n.ID)
		if i > 0 {
			s.between("RunAt", c.RunAt, s.job(all[i-1].ID).FinishedAt, before)
		}
		s.finish(p, completed(c))
		s.settle()
	}
	s.wantTakes(p)
	s.wantAll(4)
	for _, n := range all {
		s.want(n.ID, store.Completed)
	}
}

func flowFan(s *scene) {
	p := s.join()
	first := aJob()
	middle := jobs(20, after(first.ID))
	last := aJob(after(idsOf(middle)...))
	s.plans(slices.Concat([]store.NewJob{first}, middle, []store.NewJob{last})...)
	s.ends(p, first.ID, store.OutcomeCompleted)
	got := s.takesAll(p, "mail")
	if !sameIDs(ids(got), idsOf(middle)) {
		s.t.Fatalf("claimed %v, want the %d that are after the first", ids(got), len(middle))
	}
	for _, c := range got[1:] {
		s.finish(p, completed(c))
	}
	s.settle()
	s.awaits(last.ID)
	s.finish(p, completed(got[0]))
	s.settle()
	s.takesThis(p, last.ID)
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

func flowOutcomes(s *scene) {
	p := s.join()
	for _, way := range waysToEnd {
		first := s.enqueue()
		all, want := waysToWait(first, way.state)
		s.plans(all...)
		s.awaits(idsOf(all)...)
		way.end(s, p, first)
		s.settle()
		s.wantWays(first, way.name, way.state, all, want)
	}
}

func flowEnded(s *scene) {
	p := s.join()
	for _, way := range waysToEnd {
		first := s.enqueue()
		way.end(s, p, first)
		all, want := waysToWait(first, way.state)
		if way.state == store.Deleted {
			s.refusedAfter(s.Store, first, all...)
			continue
		}
		s.plans(all...)
		s.wantWays(first, way.name, way.state, all, want)
	}
}

func flowSeveral(s *scene) {
	p := s.join()
	const completes, gives, ends = store.OutcomeCompleted, store.OutcomeDiscarded, store.OutcomeCancelled
	for _, test := range []struct {
		name     string
		on       []store.On
		outcomes []store.Outcome // of the upstreams that have ended
		want     store.State
	}{
		{"one of two has completed", []store.On{store.OnCompleted, store.OnCompleted}, []store.Outcome{completes}, store.Blocked},
		{"both have completed", []store.On{store.OnCompleted, store.OnCompleted}, []store.Outcome{completes, completes}, store.Available},
		{"one of two can't complete any more", []store.On{store.OnCompleted, store.OnCompleted}, []store.Outcome{ends}, store.Cancelled},
		{"one of two has failed", []store.On{store.OnFailed, store.OnFailed}, []store.Outcome{gives}, store.Available},
		{"one of two can't fail any more", []store.On{store.OnFailed, store.OnFailed}, []store.Outcome{completes}, store.Blocked},
		{"of two the second has failed", []store.On{store.OnFailed, store.OnFailed}, []store.Outcome{completes, gives}, store.Available},
		{"neither can fail any more", []store.On{store.OnFailed, store.OnFailed}, []store.Outcome{completes, ends}, store.Cancelled},
		{"one has failed, and another has to end", []store.On{store.OnFailed, store.OnEnded}, []store.Outcome{gives}, store.Blocked},
		{"one has failed, and another has ended", []store.On{store.OnFailed, store.OnEnded}, []store.Outcome{gives, ends}, store.Available},
		{"one has ended, and another may fail", []store.On{store.OnEnded, store.OnFailed}, []store.Outcome{gives}, store.Blocked},
		{"one has ended, and another can't fail", []store.On{store.OnEnded, store.OnFailed}, []store.Outcome{gives, completes}, store.Cancelled},
	} {
		up := jobs(len(test.on), queue("up"))
		s.insert(up...)
		with := []func(*store.NewJob){queue("after")}
		for i, on := range test.on {
			with = append(with, by(on, store.ElseCancel, up[i].ID))
		}
		id := s.plan(with...)
		for _, c := range s.takes(p, "up", 10) {
			if i := slices.Index(idsOf(up), c.ID); i < len(test.outcomes) {
				s.awaits(id)
				s.finish(p, ended(c, test.outcomes[i]))
				s.settle()
			}
		}
		if j := s.job(id); j.State != test.want {
			s.t.Errorf("%s: the job is %s, want %s", test.name, j.State, test.want)
		}
	}
}

func flowCascade(s *scene) {
	p := s.join()
	all := chain(5)
	always := aJob(by(store.OnEnded, store.ElseCancel, all[4].ID))
	held := aJob(by(store.OnCompleted, store.ElseHold, all[2].ID))
	behind := aJob(after(held.ID))
	s.plans(append(all, always, held, behind)...)
	s.ends(p, all[0].ID, store.OutcomeDiscarded)
	s.spurned(all[1].ID, all[0].ID, store.Discarded)
	for i := 2; i < len(all); i++ {
		s.spurned(all[i].ID, all[i-1].ID, store.Cancelled)
	}
	s.holds(held.ID)
	s.awaits(behind.ID)
	s.takesThis(p, always.ID)
}

func flowWakes(s *scene) {
	p := s.join()
	first := jobs(20)
	s.insert(first...)
	for _, n := range first {
		s.plan(after(n.ID), queue("after"))
	}
	s.wantWake(s.listening("after"), "after", func() {
		for _, c := range s.takes(p, "mail", 1) {
			s.finish(p, completed(c))
			s.settle()
		}
	})
}

func flowLost(s *scene) {
	first := s.enqueue()
	id, failed := s.plan(after(first), queue("after")), s.plan(by(store.OnFailed, store.ElseCancel, first), queue("after"))
	s.crashing(first, store.CrashLimit-1)
	s.settle()
	s.awaits(id, failed)
	s.crashing(first, 1)
	s.settle()
	s.want(first, store.Discarded)
	s.spurned(id, first, store.Discarded)
	s.want(failed, store.Available)
}

func flowSettle(s *scene) {
	tx, w := s.begin()
	first := aJob()
	all := jobs(30, after(first.ID), queue("after"))
	_, err := w.Insert(s.ctx(), append([]store.NewJob{first}, all...))
	s.must(err)
	s.must(tx.Commit())
	s.settle()
	s.awaits(idsOf(all)...)
	p := s.join()
	c := s.takesThis(p, first.ID)
	tx, w = s.begin()
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.must(tx.Commit())
	for range 100 {
		moved, more, err := s.Store.Settle(s.ctx(), 7)
		s.must(err)
		if moved > 7 {
			s.t.Errorf("Settle moved %d jobs, want 7 at most", moved)
		}
		if !more {
			break
		}
	}
	if v := s.observed(); v.Settle {
		s.t.Error("View.Settle is still true when Settle has said that there is no more")
	}
	if got := s.claimFrom(p, "after", 100); len(got) != len(all) {
		s.t.Errorf("%d jobs were let go, want %d", len(got), len(all))
	}
}

func flowAtOnce(s *scene) {
	up := jobs(40)
	down := jobs(3, after(idsOf(up)...), queue("after"))
	s.plans(append(up, down...)...)
	s.awaits(idsOf(down)...)
	together(4, func(int) {
		p := s.join()
		for {
			got := s.takes(p, "mail", 3)
			if len(got) == 0 {
				return
			}
			for _, c := range got {
				s.finish(p, completed(c))
			}
		}
	})
	s.settle()
	got := s.takesAll(s.join(), "after")
	if !sameIDs(ids(got), idsOf(down)) {
		s.t.Errorf("claimed %v, want %v", ids(got), idsOf(down))
	}
	for _, c := range got {
		if c.Attempt != 1 {
			s.t.Errorf("job %s is in its attempt %d, want the first", c.ID, c.Attempt)
		}
	}
}
