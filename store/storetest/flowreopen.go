package storetest

import (
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var reopenLaws = []law{
	{"Reopen/Cascade", "when a discarded job is retried, all that was cancelled for it waits again, and runs", reopenCascade},
	{"Reopen/Ways", "so it is whichever way the upstream ended that is retried", reopenWays},
	{"Reopen/Again", "what was reopened is cancelled again for the next failure, and can be reopened again", reopenAgain},
	{"Reopen/Held", "a job that is held for an upstream waits again when that is retried", reopenHeld},
	{"Reopen/Several", "a job whose other upstream has failed too stays cancelled until that is retried as well", reopenSeveral},
	{"Reopen/NotNeeded", "a job that was to run if another failed, and was not needed, is when that one is retried and fails", reopenNotNeeded},
	{"Reopen/Ran", "what has been let go stays as it is", reopenRan},
	{"Reopen/Own", "a cancelled job that is retried itself runs, whatever its edges say, and what is after it follows", reopenOwn},
	{"Reopen/ByHand", "what a person has cancelled is not reopened", reopenByHand},
	{"Reopen/Deleted", "nor is what was deleted meanwhile", reopenDeleted},
	{"Reopen/Erased", "nor is what was erased meanwhile, nor the batch that it is a member of", reopenErased},
	{"Reopen/Batch", "a batch that has ended opens again when a member is retried, and ends again", reopenBatch},
	{"Reopen/BatchAfter", "what was cancelled or is held for a batch waits again when it opens again", reopenBatchAfter},
	{"Reopen/BatchAdd", "a batch that is open again can be added to", reopenBatchAdd},
	{"Reopen/Nested", "the batches around it open again too", reopenNested},
	{"Reopen/Member", "a member that is reopened opens its batch again", reopenMember},
	{"Reopen/CancelledBatch", "so a batch opens again that a person has cancelled, and so does one that is retried itself", reopenCancelledBatch},
	{"Reopen/Unique", "what can't have its unique key again stays cancelled", reopenUnique},
	{"Reopen/Expire", "what was reopened can expire when it has been let go", reopenExpire},
}

// retries retries a job that has ended.
func (s *scene) retries(id store.ID) {
	s.t.Helper()
	if a := s.act(store.Retry, id); a.Effect != store.Done {
		s.t.Fatalf("Retry of job %s: %+v, want it done", id, a)
	}
	s.settle()
}

// fails is a chain of which the first job was discarded.
func (s *scene) fails(p store.ID, n int) []store.NewJob {
	s.t.Helper()
	all := chain(n)
	s.plans(all...)
	s.ends(p, all[0].ID, store.OutcomeDiscarded)
	return all
}

func reopenCascade(s *scene) {
	p := s.join()
	all := s.fails(p, 4)
	s.spurned(all[3].ID, all[2].ID, store.Cancelled)
	s.retries(all[0].ID)
	for _, n := range all[1:] {
		s.awaits(n.ID)
		if j := s.job(n.ID); !j.FinishedAt.IsZero() {
			s.t.Errorf("job %+v waits again, and has ended", j)
		}
	}
	if e := s.edgesOf(all[1].ID, all[2].ID); len(e) != 2 || e[0].State != "" || e[1].State != "" {
		s.t.Errorf("edges are %+v, want both open", e)
	}
	for _, n := range all {
		s.ends(p, n.ID, store.OutcomeCompleted)
	}
	s.wantTakes(p)
}

func reopenWays(s *scene) {
	p := s.join()
	for _, way := range waysToEnd {
		if way.state == store.Completed || way.state == store.Deleted {
			continue
		}
		all := chain(3)
		s.plans(all...)
		way.end(s, p, all[0].ID)
		s.settle()
		s.spurned(all[1].ID, all[0].ID, way.state)
		s.retries(all[0].ID)
		s.awaits(all[1].ID, all[2].ID)
		for _, n := range all {
			s.ends(p, n.ID, store.OutcomeCompleted)
		}
	}
}

func reopenAgain(s *scene) {
	p := s.join()
	all := s.fails(p, 3)
	for range 3 {
		s.retries(all[0].ID)
		s.awaits(all[1].ID, all[2].ID)
		s.ends(p, all[0].ID, store.OutcomeDiscarded)
		s.spurned(all[1].ID, all[0].ID, store.Discarded)
		s.spurned(all[2].ID, all[1].ID, store.Cancelled)
	}
	s.retries(all[0].ID)
	s.ends(p, all[0].ID, store.OutcomeCompleted)
	s.ends(p, all[1].ID, store.OutcomeDiscarded)
	s.want(all[1].ID, store.Discarded)
	s.spurned(all[2].ID, all[1].ID, store.Discarded)
}

func reopenHeld(s *scene) {
	p := s.join()
	first := s.enqueue()
	held := s.plan(by(store.OnCompleted, store.ElseHold, first))
	behind := s.plan(after(held))
	s.ends(p, first, store.OutcomeDiscarded)
	s.holds(held)
	s.retries(first)
	s.awaits(held, behind)
	if a := s.act(store.RunNow, held); a.Effect != store.Refused {
		s.t.Errorf("RunNow of a job that waits again: %+v, want it refused", a)
	}
	s.ends(p, first, store.OutcomeDiscarded)
	s.holds(held)
	s.retries(first)
	for _, id := range []store.ID{first, held, behind} {
		s.ends(p, id, store.OutcomeCompleted)
	}
}

func reopenSeveral(s *scene) {
	p := s.join()
	a, b := s.enqueue(queue("a")), s.enqueue(queue("b"))
	id := s.plan(after(a, b))
	behind := s.plan(after(id))
	end := func(queue string, outcome store.Outcome) {
		s.t.Helper()
		for _, c := range s.claimFrom(p, queue, 1) {
			s.finish(p, ended(c, outcome))
		}
		s.settle()
	}
	end("a", store.OutcomeDiscarded)
	end("b", store.OutcomeDiscarded)
	s.spurned(id, a, store.Discarded)
	s.retries(b)
	s.want(id, store.Cancelled)
	end("b", store.OutcomeCompleted)
	s.want(id, store.Cancelled)
	s.want(behind, store.Cancelled)
	s.retries(a)
	s.awaits(id, behind)
	end("a", store.OutcomeCompleted)
	s.ends(p, id, store.OutcomeCompleted)
	s.takesThis(p, behind)
}

func reopenNotNeeded(s *scene) {
	p := s.join()
	first := s.enqueue()
	failed := s.plan(by(store.OnFailed, store.ElseCancel, first))
	s.ends(p, first, store.OutcomeCancelled)
	s.spurned(failed, first, store.Cancelled)
	s.retries(first)
	s.awaits(failed)
	s.ends(p, first, store.OutcomeDiscarded)
	s.takesThis(p, failed)
}

func reopenRan(s *scene) {
	p := s.join()
	first := s.enqueue()
	with := by(store.OnEnded, store.ElseCancel, first)
	done, runs, due := s.plan(with, queue("done")), s.plan(with, queue("runs")), s.plan(with, queue("due"))
	failed := s.plan(by(store.OnFailed, store.ElseCancel, first), queue("due"))
	s.ends(p, first, store.OutcomeDiscarded)
	s.finish(p, ended(s.claimFrom(p, "done", 1)[0], store.OutcomeCancelled))
	c := s.claimFrom(p, "runs", 1)[0]
	s.retries(first)
	s.want(done, store.Cancelled)
	s.want(runs, store.Running)
	s.want(due, store.Available)
	s.want(failed, store.Available)
	s.finish(p, retried(c, 0))
	s.settle()
	s.want(runs, store.Available)
	s.ends(p, first, store.OutcomeCompleted)
	s.want(done, store.Cancelled)
	if got := s.claimFrom(p, "due", 10); len(got) != 2 {
		s.t.Errorf("claimed %v, want %s and %s", ids(got), due, failed)
	}
}

func reopenOwn(s *scene) {
	p := s.join()
	all := s.fails(p, 3)
	s.retries(all[1].ID)
	s.awaits(all[2].ID)
	s.want(all[0].ID, store.Discarded)
	s.ends(p, all[1].ID, store.OutcomeDiscarded)
	s.want(all[1].ID, store.Discarded)
	s.spurned(all[2].ID, all[1].ID, store.Discarded)
	s.retries(all[0].ID)
	s.want(all[1].ID, store.Discarded) // it has run
	s.ends(p, all[0].ID, store.OutcomeCompleted)
	s.retries(all[1].ID)
	s.ends(p, all[1].ID, store.OutcomeCompleted)
	s.takesThis(p, all[2].ID)
}

func reopenByHand(s *scene) {
	p := s.join()
	first := s.enqueue()
	waits, held := s.plan(after(first)), s.plan(by(store.OnCompleted, store.ElseHold, first))
	behind := s.plan(after(waits))
	s.cancel(waits)
	s.settle()
	s.spurned(behind, waits, store.Cancelled)
	s.ends(p, first, store.OutcomeDiscarded)
	s.cancel(held)
	s.retries(first)
	s.want(waits, store.Cancelled)
	s.want(held, store.Cancelled)
	s.want(behind, store.Cancelled)
	s.ends(p, first, store.OutcomeCompleted)
	s.wantTakes(p)
	s.retries(waits)
	s.awaits(behind)
	s.ends(p, waits, store.OutcomeCompleted)
	s.takesThis(p, behind)
}

func reopenDeleted(s *scene) {
	p := s.join()
	all := s.fails(p, 3)
	s.act(store.Delete, all[1].ID)
	s.settle()
	s.want(all[2].ID, store.Cancelled)
	s.retries(all[0].ID)
	s.wantGone(all[1].ID)
	s.want(all[2].ID, store.Cancelled)
	s.ends(p, all[0].ID, store.OutcomeCompleted)
	s.wantTakes(p)
}

func reopenErased(s *scene) {
	p := s.join()
	batch := aBatch()
	first := aJob()
	erased := aJob(after(first.ID), in(batch.ID))
	behind := aJob(after(erased.ID))
	always := aJob(by(store.OnEnded, store.ElseCancel, first.ID), in(batch.ID), queue("always"))
	s.plans(batch, first, erased, behind, always)
	s.ends(p, first.ID, store.OutcomeDiscarded)
	s.finish(p, completed(s.claimFrom(p, "always", 1)[0]))
	s.settle()
	s.want(batch.ID, store.Cancelled)
	if a := s.act(store.Erase, erased.ID); a.Effect != store.Done {
		s.t.Fatalf("Erase of job %s: %+v, want it done", erased.ID, a)
	}
	s.retries(first.ID)
	s.want(erased.ID, store.Cancelled)
	s.want(behind.ID, store.Cancelled)
	s.want(batch.ID, store.Cancelled)
	s.ends(p, first.ID, store.OutcomeCompleted)
	s.want(erased.ID, store.Cancelled)
	s.want(behind.ID, store.Cancelled)
	s.want(batch.ID, store.Cancelled)
	if a := s.actWith(store.Act{Verb: store.Retry, IDs: []store.ID{erased.ID}, Heed: true}); a.Effect != store.Refused {
		s.t.Errorf("Retry of an erased job: %+v, want it refused", a)
	}
	s.wantTakes(p)
}

func reopenBatch(s *scene) {
	p := s.join()
	batch, members := s.gather(3)
	always := s.plan(by(store.OnEnded, store.ElseCancel, batch), queue("after"))
	claimed := s.wantTakes(p, idsOf(members)...)
	s.finish(p, completed(claimed[0]), ended(claimed[1], store.OutcomeDiscarded), ended(claimed[2], store.OutcomeCancelled))
	s.settle()
	s.want(batch, store.Discarded)
	s.finish(p, completed(s.claimFrom(p, "after", 1)[0]))
	s.retries(members[1].ID)
	s.awaits(batch)
	s.wantCount(batch, store.BatchCount{Members: 3, Open: 1, Completed: 1, Cancelled: 1})
	s.ends(p, members[1].ID, store.OutcomeCompleted)
	s.want(batch, store.Cancelled)
	s.retries(members[2].ID)
	s.awaits(batch)
	s.ends(p, members[2].ID, store.OutcomeCompleted)
	s.want(batch, store.Completed)
	s.want(always, store.Completed)
	s.wantTakes(p)
}

func reopenBatchAfter(s *scene) {
	p := s.join()
	batch, members := s.gather(1)
	done, behind := aJob(after(batch)), aJob(queue("behind"))
	after(done.ID)(&behind)
	s.plans(done, behind)
	held := s.plan(by(store.OnCompleted, store.ElseHold, batch), queue("held"))
	failed := s.plan(by(store.OnFailed, store.ElseCancel, batch), queue("failed"))
	s.ends(p, members[0].ID, store.OutcomeCancelled)
	s.spurned(done.ID, batch, store.Cancelled)
	s.spurned(failed, batch, store.Cancelled)
	s.holds(held)
	s.retries(members[0].ID)
	s.awaits(batch, done.ID, behind.ID, held, failed)
	s.ends(p, members[0].ID, store.OutcomeDiscarded)
	s.want(failed, store.Available)
	s.retries(members[0].ID)
	s.awaits(batch, done.ID, behind.ID, held)
	s.ends(p, members[0].ID, store.OutcomeCompleted)
	s.want(held, store.Available)
	s.ends(p, done.ID, store.OutcomeCompleted)
	s.want(behind.ID, store.Available)
}

func reopenBatchAdd(s *scene) {
	p := s.join()
	batch, members := s.gather(1)
	s.ends(p, members[0].ID, store.OutcomeDiscarded)
	s.refusedAfter(s.Store, batch, aJob(in(batch)))
	s.retries(members[0].ID)
	late := s.plan(in(batch), queue("late"))
	s.ends(p, members[0].ID, store.OutcomeCompleted)
	s.awaits(batch)
	s.finish(p, completed(s.claimFrom(p, "late", 1)[0]))
	s.settle()
	s.want(late, store.Completed)
	s.want(batch, store.Completed)
}

func reopenNested(s *scene) {
	p := s.join()
	outer := aBatch()
	middle := aBatch(in(outer.ID))
	inner := aBatch(in(middle.ID))
	member := aJob(in(inner.ID))
	done := aJob(after(outer.ID))
	s.plans(outer, middle, inner, member, done)
	s.ends(p, member.ID, store.OutcomeDiscarded)
	for _, b := range []store.NewJob{inner, middle, outer} {
		s.want(b.ID, store.Discarded)
	}
	s.spurned(done.ID, outer.ID, store.Discarded)
	s.retries(member.ID)
	s.awaits(inner.ID, middle.ID, outer.ID, done.ID)
	s.wantCount(outer.ID, store.BatchCount{Members: 1, Open: 1})
	s.ends(p, member.ID, store.OutcomeCompleted)
	s.want(outer.ID, store.Completed)
	s.takesThis(p, done.ID)
}

func reopenMember(s *scene) {
	p := s.join()
	first := s.enqueue()
	batch, members := s.gather(2, after(first))
	done := s.plan(after(batch))
	s.ends(p, first, store.OutcomeDiscarded)
	s.spurned(members[0].ID, first, store.Discarded)
	s.want(batch, store.Cancelled)
	s.spurned(done, batch, store.Cancelled)
	s.retries(first)
	s.awaits(members[0].ID, members[1].ID, batch, done)
	s.wantCount(batch, store.BatchCount{Members: 2, Open: 2})
	s.ends(p, first, store.OutcomeCompleted)
	for _, c := range s.wantTakes(p, idsOf(members)...) {
		s.finish(p, completed(c))
	}
	s.settle()
	s.want(batch, store.Completed)
	s.takesThis(p, done)
}

func reopenCancelledBatch(s *scene) {
	p := s.join()
	batch, members := s.gather(2)
	done := s.plan(after(batch))
	claimed := s.wantTakes(p, idsOf(members)...)
	s.cancel(batch)
	s.settle()
	s.spurned(done, batch, store.Cancelled)
	s.retries(batch)
	s.awaits(batch, done)
	s.finish(p, ended(claimed[0], store.OutcomeDiscarded))
	s.settle()
	s.cancel(batch)
	s.settle()
	s.retries(members[0].ID)
	s.awaits(batch, done)
	s.finish(p, completed(claimed[1]))
	s.settle()
	s.ends(p, members[0].ID, store.OutcomeDiscarded)
	s.want(batch, store.Discarded)
	s.retries(batch) // no member has changed: so it ends again as it did
	s.want(batch, store.Discarded)
	s.want(done, store.Cancelled)
	s.retries(members[0].ID)
	s.ends(p, members[0].ID, store.OutcomeCompleted)
	s.want(batch, store.Completed)
	s.takesThis(p, done)
}

func reopenUnique(s *scene) {
	p := s.join()
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	first := s.enqueue()
	id := s.plan(after(first), u)
	s.ends(p, first, store.OutcomeDiscarded)
	s.spurned(id, first, store.Discarded)
	other := s.enqueue(u, queue("other"))
	s.retries(first)
	s.want(id, store.Cancelled)
	s.ends(p, first, store.OutcomeDiscarded)
	s.cancel(other)
	s.retries(first)
	s.awaits(id)
	s.conflict(id, u)
	s.ends(p, first, store.OutcomeCompleted)
	s.takesThis(p, id)
}

func reopenExpire(s *scene) {
	p := s.join()
	first := s.enqueue()
	id := s.plan(after(first), expire(time.Hour))
	s.ends(p, first, store.OutcomeDiscarded)
	s.advance(2 * time.Hour)
	s.retries(first)
	s.advance(2 * time.Hour)
	s.expires(0)
	s.awaits(id)
	s.ends(p, first, store.OutcomeCompleted)
	s.advance(30 * time.Minute)
	s.expires(0)
	s.advance(31 * time.Minute)
	s.expires(1)
	if j := s.want(id, store.Expired); strings.Contains(j.Error, first.String()) {
		s.t.Errorf("its error is %q, though it was not cancelled for its upstream in the end", j.Error)
	}
}
