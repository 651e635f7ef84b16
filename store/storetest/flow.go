package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var flowLaws = []law{
	{"Flow/Chain", "each job of a chain is started when the one before it has completed, and not before", flowChain},
	{"Flow/Fan", "many jobs run after one, and one after all of them", flowFan},
	{"Flow/Outcomes", "whatever becomes of an upstream, what is after it runs, is cancelled or held, as its edge says", flowOutcomes},
	{"Flow/Ended", "so it is when the upstream has ended before the insert", flowEnded},
	{"Flow/Several", "a job waits for all that it is after, and for one of those that it is to run for if they fail", flowSeveral},
	{"Flow/Cascade", "what is after a cancelled job is cancelled for that, and says so, however long the chain", flowCascade},
	{"Flow/Act", "a job that waits can be cancelled, deleted and edited, and is neither hurried nor retried", flowAct},
	{"Flow/Held", "a job that is held is let go by a person, or cancelled", flowHeld},
	{"Flow/Unclaimed", "no claim gives a job that waits or is held, and no view shows it to be claimed", flowUnclaimed},
	{"Flow/Unknown", "a job after one that is not stored, comes later or is itself, is refused with all its call", flowUnknown},
	{"Flow/Again", "the same call again is passed over, whatever has become of the upstream", flowAgain},
	{"Flow/Edges", "Edges tells for what jobs wait, in the order given, and how that has ended", flowEdges},
	{"Flow/Twice", "a job may be after another in two ways", flowTwice},
	{"Flow/DeleteEnded", "a job that has ended as wanted may be deleted before what is after it runs", flowDeleteEnded},
	{"Flow/Find", "jobs are found by their flow", flowFind},
	{"Flow/FindPlain", "and so is a plain job that others are after, whose flow has its id", flowFindPlain},
	{"Flow/Wakes", "a job that is let go wakes a process that sleeps", flowWakes},
	{"Flow/Lost", "a job whose process is lost has not ended, until it is discarded for that", flowLost},
	{"Flow/Settle", "Settle looks at no more jobs than it is told, and says that there may be more", flowSettle},
	{"Flow/AtOnce", "processes that end jobs at the same time let what is after all of them go once", flowAtOnce},
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

func flowAct(s *scene) {
	p := s.join()
	first := s.enqueue()
	cancelled, deleted, edited := s.plan(after(first)), s.plan(after(first)), s.plan(after(first), queue("other"))
	afterCancelled, afterDeleted := s.plan(after(cancelled)), s.plan(after(deleted))
	for _, verb := range []store.Verb{store.RunNow, store.Retry} {
		if a := s.act(verb, edited); a.Effect != store.Refused || a.State != store.Blocked {
			s.t.Errorf("%s of a job that waits: %+v, want it refused", verb, a)
		}
	}
	s.cancel(cancelled)
	s.act(store.Delete, deleted)
	mail := "mail"
	if a := s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{edited}, Edit: &store.Edit{Queue: &mail, Input: []byte("2")}}); a.Effect != store.Done {
		s.t.Errorf("edit of a job that waits: %+v", a)
	}
	s.settle()
	s.awaits(edited)
	s.spurned(afterCancelled, cancelled, store.Cancelled)
	s.spurned(afterDeleted, deleted, store.Deleted)
	s.wantGone(deleted)
	s.ends(p, first, store.OutcomeCompleted)
	if c := s.takesThis(p, edited); string(c.Input) != "2" {
		s.t.Errorf("it runs with the input %s, want 2", c.Input)
	}
	s.want(cancelled, store.Cancelled)
}

func flowHeld(s *scene) {
	p := s.join()
	hold := func(up store.ID) func(*store.NewJob) { return by(store.OnCompleted, store.ElseHold, up) }
	first := s.enqueue()
	let, cancelled, later := s.plan(hold(first)), s.plan(hold(first)), s.plan(hold(first), delay(time.Hour))
	behind, never := s.plan(after(let)), s.plan(after(cancelled))
	s.ends(p, first, store.OutcomeDiscarded)
	s.holds(let, cancelled, later)
	s.awaits(behind, never)
	if a := s.act(store.Retry, let); a.Effect != store.Refused {
		s.t.Errorf("Retry of a held job: %+v, want it refused", a)
	}
	for _, id := range []store.ID{let, later} {
		if a := s.act(store.RunNow, id); a.Effect != store.Done || a.State != store.Blocked {
			s.t.Errorf("RunNow of a held job: %+v, want it done", a)
		}
	}
	s.cancel(cancelled)
	s.settle()
	s.spurned(never, cancelled, store.Cancelled)
	for _, c := range s.wantTakes(p, let, later) {
		s.finish(p, completed(c))
	}
	s.settle()
	s.takesThis(p, behind)
}

func flowUnclaimed(s *scene) {
	p := s.join()
	first := s.enqueue(queue("other"))
	waits := s.plan(after(first))
	held := s.plan(by(store.OnFailed, store.ElseHold, first))
	none := func() {
		s.t.Helper()
		got := slices.Concat(s.takesAll(p, "mail"), s.claimParked(p, "mail", 10, "send"), s.claimSuspect(p, "mail", 1))
		if len(got) > 0 {
			s.t.Errorf("claimed %v, want none", ids(got))
		}
		if v := s.observed(); len(v.Parked) > 0 || len(v.Suspects) > 0 || !v.Admit.IsZero() || !v.Expire.IsZero() || v.Settle {
			s.t.Errorf("the view is %+v, want nothing to do", v)
		}
	}
	none()
	s.control(store.Control{PauseTask: "send"})
	s.awaits(waits, held)
	s.control(store.Control{ResumeTask: "send"})
	c := s.claimFrom(p, "other", 1)
	s.finish(p, retried(c[0], 0))
	none()
	s.awaits(waits, held)
	s.finish(p, completed(s.claimFrom(p, "other", 1)[0]))
	s.settle()
	s.finish(p, completed(s.takesThis(p, waits)))
	none()
	s.holds(held)
}

func flowUnknown(s *scene) {
	unknown, self := store.NewID(), aJob()
	after(self.ID)(&self)
	later := aJob()
	plain := aJob()
	s.refusedAfter(s.Store, unknown, plain, aJob(after(unknown)))
	s.refusedAfter(s.Store, later.ID, plain, aJob(after(later.ID)), later)
	s.refusedAfter(s.Store, self.ID, plain, self)
	s.wantAll(0)
	if v := s.observed(); v.Settle {
		s.t.Error("after what was refused there is something to settle")
	}
	s.insert(plain, later)
}

func flowAgain(s *scene) {
	p := s.join()
	all := chain(3)
	s.plans(all...)
	again := func() {
		s.t.Helper()
		for i, in := range s.inserts(all...) {
			if in != (store.Inserted{ID: all[i].ID, Existing: true}) {
				s.t.Errorf("Insert again of job %d = %+v, want it passed over", i, in)
			}
		}
		s.settle()
	}
	again()
	s.awaits(all[1].ID, all[2].ID)
	s.ends(p, all[0].ID, store.OutcomeCompleted)
	s.act(store.Delete, all[0].ID)
	again()
	if got := s.runAll(p); !slices.Equal(got, idsOf(all[1:])) {
		s.t.Errorf("%v ran, want %v", got, idsOf(all[1:]))
	}
	again()
	s.wantAll(2)
}

func flowEdges(s *scene) {
	p := s.join()
	up := jobs(3)
	s.insert(up...)
	first := []store.Edge{
		{Upstream: up[2].ID, On: store.OnCompleted, Else: store.ElseCancel},
		{Upstream: up[0].ID, On: store.OnEnded, Else: store.ElseHold},
		{Upstream: up[1].ID, On: store.OnFailed, Else: store.ElseHold},
	}
	second := first[1:2]
	a, b := s.plan(edges(first...), queue("after")), s.plan(edges(second...), queue("after"))
	want := func(states map[store.ID]store.State) {
		s.t.Helper()
		var want []store.EdgeState
		for _, e := range first {
			want = append(want, store.EdgeState{Job: a, Edge: e, State: states[e.Upstream]})
		}
		want = append(want, store.EdgeState{Job: b, Edge: second[0], State: states[second[0].Upstream]})
		if got := s.edgesOf(a, store.NewID(), up[0].ID, b); !slices.Equal(got, want) {
			s.t.Errorf("Edges = %+v\nwant %+v", got, want)
		}
	}
	want(nil)
	claimed := s.wantTakes(p, up[0].ID, up[1].ID, up[2].ID)
	s.finish(p, ended(claimed[1], store.OutcomeDiscarded))
	s.settle()
	want(map[store.ID]store.State{up[1].ID: store.Discarded})
	s.finish(p, completed(claimed[2]), ended(claimed[0], store.OutcomeExpired))
	s.settle()
	want(map[store.ID]store.State{up[0].ID: store.Expired, up[1].ID: store.Discarded, up[2].ID: store.Completed})
	s.want(a, store.Available)
	if got := s.edgesOf(); len(got) > 0 {
		s.t.Errorf("Edges of no job = %+v", got)
	}
}

func flowTwice(s *scene) {
	p := s.join()
	first := s.enqueue()
	same := s.plan(after(first, first))
	both := s.plan(by(store.OnEnded, store.ElseHold, first), by(store.OnCompleted, store.ElseCancel, first))
	never := s.plan(by(store.OnFailed, store.ElseCancel, first), after(first))
	s.ends(p, first, store.OutcomeCompleted)
	s.wantTakes(p, same, both)
	s.spurned(never, first, store.Completed)
}

func flowDeleteEnded(s *scene) {
	p := s.join()
	first, second := s.enqueue(), s.enqueue(queue("other"))
	id := s.plan(after(first, second))
	s.ends(p, first, store.OutcomeCompleted)
	s.act(store.Delete, first)
	s.settle()
	s.awaits(id)
	s.finish(p, completed(s.claimFrom(p, "other", 1)[0]))
	s.settle()
	s.takesThis(p, id)
	if e := s.edgesOf(id); len(e) != 2 || e[0].State != store.Completed {
		s.t.Errorf("edges are %+v, want the first to have completed", e)
	}
}

func flowFind(s *scene) {
	in := func(id store.ID) func(*store.NewJob) { return func(n *store.NewJob) { terms(n).Flow = id } }
	one, two := store.NewID(), store.NewID()
	a, b := chain(3, in(one)), chain(2, in(two))
	s.plans(slices.Concat(a, b)...)
	s.enqueue()
	s.wantFound(store.Filter{Flow: one}, a[2].ID, a[1].ID, a[0].ID)
	s.wantFound(store.Filter{Flow: two, States: []store.State{store.Blocked}}, b[1].ID)
	s.wantFound(store.Filter{Flow: store.NewID()})
	s.wantFlows(store.ID{}, 10, two, one)
	s.wantFlows(store.ID{}, 1, two)
	s.wantFlows(two, 10, one)
	s.wantFlows(one, 10)
	if j := s.job(a[1].ID); j.Terms == nil || j.Terms.Flow != one {
		s.t.Errorf("job has terms %+v, want flow %s", j.Terms, one)
	}
	counts, err := s.Store.Counts(s.ctx())
	s.must(err)
	if counts[store.Blocked] != 3 || counts[store.Available] != 3 {
		s.t.Errorf("jobs are counted %v, want 3 blocked and 3 available", counts)
	}
}

func flowFindPlain(s *scene) {
	plain := s.enqueue(says(`{"n":1}`))
	s.enqueue(says(`{"n":1}`), queue("other"))
	added := s.plan(after(plain), says(`{"n":1}`), func(n *store.NewJob) { terms(n).Flow = plain })
	f := store.Filter{Flow: plain}
	s.wantFound(f, added, plain)
	s.wantFound(store.Filter{Flow: plain, States: []store.State{store.Available}}, plain)
	s.wantFound(store.Filter{Flow: plain, Before: added}, plain)
	wantCounted(s, "states of the flow", s.countUpTo(f, 10).States, map[store.State]int{store.Available: 1, store.Blocked: 1})
	f.Input = []store.Match{{Path: "n", Value: "1"}}
	s.wantFound(f, added, plain)
	s.takesThis(s.join(), plain)
	s.wantFound(store.Filter{Flow: plain, States: []store.State{store.Running}}, plain)
}

func (s *scene) wantFlows(before store.ID, most int, want ...store.ID) {
	s.t.Helper()
	got, err := s.Store.FlowIDs(s.ctx(), before, most)
	s.must(err)
	if !slices.Equal(got, want) {
		s.t.Errorf("flows before %v, at most %d: %v, want %v", before, most, got, want)
	}
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
