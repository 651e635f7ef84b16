package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var heedLaws = []law{
	{"Flow/Heed", "a retry that heeds edges lets a job wait again for what it is after", flowHeed},
	{"Flow/HeedEnds", "such a job is cancelled again where its upstream has ended otherwise, and comes back with that", flowHeedEnds},
	{"Flow/HeedGone", "such a job goes on to know how an upstream has ended that was deleted since", flowHeedGone},
	{"Flow/HeedFailed", "such a job that has run and failed keeps that failure when it is cancelled for an upstream", flowHeedFailed},
	{"Flow/HeedKinds", "a retry that heeds edges lets a job without edges, or one that waits for a retry, run at once", flowHeedKinds},
	{"Flow/HeedMany", "a flow is retried by one act, in whatever order its jobs are given", flowHeedMany},
	{"Flow/HeedBatch", "a job waits again for a batch that runs again, and a batch for its members", flowHeedBatch},
	{"Flow/HeedTerms", "such a job has its unique key and its limit again", flowHeedTerms},
}

// heed retries jobs, in their order, so that they wait again.
func (s *scene) heed(list ...store.ID) {
	s.t.Helper()
	for _, id := range list {
		if a := s.actWith(store.Act{Verb: store.Retry, IDs: []store.ID{id}, Heed: true}); a.Effect != store.Done || !a.State.Ended() {
			s.t.Errorf("retry of job %s: %+v, want it done", id, a)
		}
	}
	s.settle()
}

func flowHeed(s *scene) {
	p := s.join()
	c := chain(3)
	always := aJob(by(store.OnEnded, store.ElseCancel, c[2].ID))
	held := aJob(by(store.OnCompleted, store.ElseHold, c[0].ID))
	s.plans(append(c, always, held)...)
	for _, id := range []store.ID{always.ID, held.ID, c[2].ID, c[1].ID, c[0].ID} {
		s.cancel(id)
	}
	s.settle()
	s.heed(c[0].ID, c[1].ID, c[2].ID, always.ID, held.ID)
	s.awaits(c[1].ID, c[2].ID, always.ID, held.ID)
	s.ends(p, c[0].ID, store.OutcomeCompleted)
	s.awaits(c[2].ID, always.ID)
	taken := s.takesAll(p, "mail")
	if !sameIDs(ids(taken), []store.ID{c[1].ID, held.ID}) {
		s.t.Fatalf("claimed %v, want %v", ids(taken), []store.ID{c[1].ID, held.ID})
	}
	for _, claimed := range taken {
		s.finish(p, completed(claimed))
	}
	s.settle()
	s.ends(p, c[2].ID, store.OutcomeCompleted)
	s.ends(p, always.ID, store.OutcomeCompleted)
}

func flowHeedEnds(s *scene) {
	p := s.join()
	c := chain(2)
	done := aJob()
	free := aJob(after(done.ID))
	s.plans(append(c, done, free)...)
	s.cancel(c[1].ID)
	s.cancel(c[0].ID)
	s.cancel(free.ID)
	s.ends(p, done.ID, store.OutcomeCompleted)
	s.heed(c[1].ID, free.ID)
	s.spurned(c[1].ID, c[0].ID, store.Cancelled)
	s.ends(p, free.ID, store.OutcomeCompleted)
	s.heed(c[0].ID)
	s.awaits(c[1].ID)
	s.ends(p, c[0].ID, store.OutcomeCompleted)
	s.ends(p, c[1].ID, store.OutcomeCompleted)
}

func flowHeedGone(s *scene) {
	p := s.join()
	done := s.enqueue()
	free := s.plan(after(done))
	s.ends(p, done, store.OutcomeCompleted)
	s.cancel(free)
	s.act(store.Delete, done)
	s.heed(free)
	s.ends(p, free, store.OutcomeCompleted)

	gone := s.enqueue()
	stuck := s.plan(after(gone))
	s.cancel(stuck)
	s.cancel(gone)
	s.act(store.Delete, gone)
	s.settle()
	s.heed(stuck)
	s.spurned(stuck, gone, store.Deleted)
}

func flowHeedFailed(s *scene) {
	p := s.join()
	first := s.enqueue()
	id := s.plan(after(first))
	s.cancel(first)
	s.settle()
	s.retries(id)
	s.ends(p, id, store.OutcomeDiscarded)
	s.heed(id)
	j := s.want(id, store.Cancelled)
	if f := s.failures(id); len(f) != 2 || f[0].Kind == store.KindAfter || f[1].Kind != store.KindAfter || f[1].Error != j.Error {
		s.t.Errorf("job %+v has the failures %+v, want that of its run and one of kind %q", j, f, store.KindAfter)
	}
	s.heed(first)
	s.awaits(id)
	s.ends(p, first, store.OutcomeCompleted)
	s.ends(p, id, store.OutcomeDiscarded)
	if f := s.failures(id); len(f) != 2 || f[0].Kind == store.KindAfter || f[1].Kind == store.KindAfter || f[0].Attempt >= f[1].Attempt {
		s.t.Errorf("job %s has the failures %+v, want those of two runs", id, f)
	}
}

func flowHeedKinds(s *scene) {
	p := s.join()
	plain := s.enqueue()
	s.ends(p, plain, store.OutcomeDiscarded)
	s.heed(plain)
	s.ends(p, plain, store.OutcomeCompleted)

	first := s.enqueue()
	id := s.plan(after(first))
	s.ends(p, first, store.OutcomeCompleted)
	s.finish(p, retried(s.takesThis(p, id), time.Hour))
	if a := s.actWith(store.Act{Verb: store.Retry, IDs: []store.ID{id}, Heed: true}); a.Effect != store.Done || a.State != store.Retryable {
		s.t.Errorf("retry of job %s: %+v, want it done", id, a)
	}
	s.settle()
	s.ends(p, id, store.OutcomeCompleted)
	if a := s.actWith(store.Act{Verb: store.Retry, IDs: []store.ID{id}, Heed: true}); a.Effect != store.Refused {
		s.t.Errorf("retry of a job that has completed: %+v, want it refused", a)
	}
}

func flowHeedMany(s *scene) {
	p := s.join()
	c := chain(4)
	s.plans(c...)
	list := idsOf(c)
	slices.Reverse(list)
	for _, id := range list {
		s.cancel(id)
	}
	s.settle()
	acted, err := s.Store.Act(s.ctx(), store.Act{Verb: store.Retry, IDs: list, Heed: true})
	s.must(err)
	for i, a := range acted {
		if a.ID != list[i] || a.Effect != store.Done || a.State != store.Cancelled {
			s.t.Errorf("retry of job %s: %+v, want it done", list[i], a)
		}
	}
	s.settle()
	for i, n := range c {
		s.awaits(idsOf(c)[i+1:]...)
		s.ends(p, n.ID, store.OutcomeCompleted)
	}
}

func flowHeedBatch(s *scene) {
	p := s.join()
	batch, members := s.gather(2)
	behind := s.plan(after(batch))
	always := s.plan(by(store.OnEnded, store.ElseCancel, batch))
	list := idsOf(members)
	for _, id := range append([]store.ID{behind, always}, list...) {
		s.cancel(id)
	}
	s.settle()
	s.want(batch, store.Cancelled)
	s.heed(list[0], behind, always, list[1])
	s.awaits(batch, behind, always)
	for _, c := range s.wantTakes(p, list...) {
		s.awaits(batch, behind, always)
		s.finish(p, completed(c))
		s.settle()
	}
	s.want(batch, store.Completed)
	s.wantTakes(p, behind, always)
}

func flowHeedTerms(s *scene) {
	s.one("crm")
	p := s.join()
	first := s.enqueue()
	key := unique("acme", store.UntilEnded, store.ConflictKeep)
	id := s.plan(after(first), under("crm", "acme"), key)
	s.cancel(id)
	s.cancel(first)
	s.settle()
	other := s.plan(key)
	if a := s.actWith(store.Act{Verb: store.Retry, IDs: []store.ID{id}, Heed: true}); a.Effect != store.Taken || a.By != other {
		s.t.Errorf("retry of job %s: %+v, want its key to be taken", id, a)
	}
	s.cancel(other)
	s.heed(first, id)
	s.awaits(id)
	s.wantKey("crm", "acme", 0, 0)
	if in := s.inserts(aJob(key)); !in[0].Existing || in[0].ID != id {
		s.t.Errorf("Insert with a key that is held = %+v, want job %s", in[0], id)
	}
	s.ends(p, first, store.OutcomeCompleted)
	s.takesThis(p, id)
	s.wantKey("crm", "acme", 1, 0)
}
