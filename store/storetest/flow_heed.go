package storetest

import "github.com/offloadhq/offload/store"

var heedLaws = []law{
	{"Flow/Heed", "a retry that heeds edges lets a job wait again for what it is after", flowHeed},
	{"Flow/HeedEnds", "such a job is cancelled again where its upstream has ended otherwise, and comes back with that", flowHeedEnds},
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
