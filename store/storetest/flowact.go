package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var flowActLaws = []law{
	{"Flow/Act", "a job that waits can be cancelled, deleted and edited, and is neither hurried nor retried", flowAct},
	{"Flow/Held", "a job that is held is let go by a person, or cancelled", flowHeld},
	{"Flow/Unclaimed", "no claim gives a job that waits or is held, and no view shows it to be claimed", flowUnclaimed},
	{"Flow/DeleteEnded", "a job that has ended as wanted may be deleted before what is after it runs", flowDeleteEnded},
	{"Flow/Find", "jobs are found by their flow", flowFind},
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
	if j := s.job(a[1].ID); j.Terms == nil || j.Terms.Flow != one {
		s.t.Errorf("job has terms %+v, want flow %s", j.Terms, one)
	}
	counts, err := s.Store.Counts(s.ctx())
	s.must(err)
	if counts[store.Blocked] != 3 || counts[store.Available] != 3 {
		s.t.Errorf("jobs are counted %v, want 3 blocked and 3 available", counts)
	}
}
