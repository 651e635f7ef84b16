package storetest

import (
	"slices"

	"github.com/offloadhq/offload/store"
)

var batchActLaws = []law{
	{"Batch/Cancel", "a batch that a person cancels has ended, and its members go on", batchCancel},
	{"Batch/Delete", "a deleted member has ended otherwise, a deleted batch leaves its members alone", batchDelete},
	{"Batch/DeleteEnded", "a member that has ended may be deleted, and counts as it ended", batchDeleteEnded},
	{"Batch/Unclaimed", "nobody runs a batch, hurries it or sees it among the jobs to run", batchUnclaimed},
	{"Batch/Find", "the members of a batch are found", batchFind},
}

func batchCancel(s *scene) {
	p := s.join()
	batch, members := s.gather(3)
	ends, completes := s.plan(by(store.OnEnded, store.ElseCancel, batch), queue("after")), s.plan(after(batch))
	failed := s.plan(by(store.OnFailed, store.ElseCancel, batch))
	claimed := s.takes(p, "mail", 1)
	s.cancel(batch)
	s.settle()
	s.want(batch, store.Cancelled)
	s.want(ends, store.Available)
	s.spurned(completes, batch, store.Cancelled)
	s.spurned(failed, batch, store.Cancelled)
	s.finish(p, ended(claimed[0], store.OutcomeDiscarded))
	for _, c := range s.wantTakes(p, idsOf(members[1:])...) {
		s.finish(p, completed(c))
		s.settle()
	}
	s.want(batch, store.Cancelled)
	s.want(failed, store.Cancelled)
	s.wantTakes(p)
}

func batchDelete(s *scene) {
	p := s.join()
	batch, members := s.gather(2)
	s.act(store.Delete, members[0].ID)
	s.settle()
	s.awaits(batch)
	s.wantCount(batch, store.BatchCount{Members: 2, Open: 1, Cancelled: 1})
	s.ends(p, members[1].ID, store.OutcomeCompleted)
	s.want(batch, store.Cancelled)

	batch, members = s.gather(2)
	ends := s.plan(by(store.OnEnded, store.ElseCancel, batch), queue("after"))
	completes := s.plan(after(batch), queue("after"))
	s.act(store.Delete, batch)
	s.settle()
	s.wantGone(batch)
	s.want(ends, store.Available)
	s.spurned(completes, batch, store.Deleted)
	for _, c := range s.wantTakes(p, idsOf(members)...) {
		s.finish(p, completed(c))
	}
	s.settle()
	s.refusedAfter(s.Store, batch, aJob(in(batch)))
}

func batchDeleteEnded(s *scene) {
	p := s.join()
	batch, members := s.gather(3)
	claimed := s.wantTakes(p, idsOf(members)...)
	s.finish(p, completed(claimed[0]), ended(claimed[1], store.OutcomeDiscarded))
	s.settle()
	s.act(store.Delete, members[0].ID)
	s.act(store.Delete, members[1].ID)
	s.settle()
	s.wantCount(batch, store.BatchCount{Members: 3, Open: 1, Completed: 1, Discarded: 1})
	s.finish(p, completed(claimed[2]))
	s.settle()
	s.want(batch, store.Discarded)
}

func batchUnclaimed(s *scene) {
	p := s.join()
	batch, members := s.gather(1, queue("other"))
	for _, paused := range []bool{false, true} {
		if paused {
			s.control(store.Control{PauseTask: store.BatchTask})
		}
		s.awaits(batch)
		got := slices.Concat(
			s.takes(p, store.SystemQueue, 10), s.claimSuspect(p, store.SystemQueue, 1),
			s.claimParked(p, store.SystemQueue, 10, store.BatchTask),
		)
		if len(got) > 0 {
			s.t.Errorf("claimed %v, want that nobody runs a batch", ids(got))
		}
		for _, verb := range []store.Verb{store.RunNow, store.Retry} {
			if a := s.act(verb, batch); a.Effect != store.Refused {
				s.t.Errorf("%s of a batch: %+v, want it refused", verb, a)
			}
		}
		v := s.observed()
		for _, l := range v.Lanes {
			if l.Queue == store.SystemQueue {
				s.t.Errorf("Look shows lane %+v", l)
			}
		}
		if len(v.Parked) > 0 || len(v.Suspects) > 0 || v.Settle {
			s.t.Errorf("the view is %+v, want nothing to do", v)
		}
	}
	s.wantAll(1) // in the queues that people look at
	s.want(members[0].ID, store.Available)
	s.finish(p, completed(s.claimFrom(p, "other", 1)[0]))
	s.settle()
	s.want(batch, store.Completed)
}

func batchFind(s *scene) {
	batch, members := s.gather(3)
	s.gather(2)
	nested := aBatch(in(batch))
	s.plans(nested)
	s.wantFound(store.Filter{Batch: batch}, idsOf(members)...)
	s.wantFound(store.Filter{Batch: batch, Queues: []string{"mail", store.SystemQueue}}, append(idsOf(members), nested.ID)...)
	s.cancel(members[1].ID)
	s.wantFound(store.Filter{Batch: batch, States: []store.State{store.Cancelled}}, members[1].ID)
	s.wantFound(store.Filter{Batch: store.NewID()})
	if j := s.job(members[0].ID); j.Terms == nil || j.Terms.Batch != batch {
		s.t.Errorf("job has terms %+v, want batch %s", j.Terms, batch)
	}
}
