package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var batchLaws = []law{
	{"Batch/Ends", "a batch ends when its last member has: completed, or discarded if one was, or else cancelled", batchEnds},
	{"Batch/Empty", "a batch without members completes at once", batchEmpty},
	{"Batch/After", "what is after a batch runs, is cancelled or held by how the batch ends", batchAfter},
	{"Batch/FirstFailure", "what is to run if a batch fails runs as soon as the first member is discarded", batchFirstFailure},
	{"Batch/Nested", "a batch in a batch holds it open until it ends, and ends it as a member would", batchNested},
	{"Batch/Add", "a batch can be added to while it is open, also by its own members, and waits for them", batchAdd},
	{"Batch/Closed", "a job in a batch that has ended, is none, or comes later is refused with all its call", batchClosed},
	{"Batch/Again", "the same call again is passed over, also when the batch has ended", batchAgain},
	{"Batch/Chain", "members may be after each other, and those that are cancelled for one have ended", batchChain},
	{"Batch/Circle", "a job that waits for a batch can't be a member of it, however far away", batchCircle},
	{"Batch/Cancel", "a batch that a person cancels has ended, and its members go on", batchCancel},
	{"Batch/Delete", "a deleted member has ended otherwise, a deleted batch leaves its members alone", batchDelete},
	{"Batch/DeleteEnded", "a member that has ended may be deleted, and counts as it ended", batchDeleteEnded},
	{"Batch/Unclaimed", "nobody runs a batch, hurries it or sees it among the jobs to run", batchUnclaimed},
	{"Batch/Counts", "Batches counts the members of batches, and how they stand", batchCounts},
	{"Batch/Find", "the members of a batch are found", batchFind},
	{"Batch/Unique", "the job that holds the unique key of a member stands in for it", batchUnique},
	{"Batch/UniqueCircle", "unless it waits for the batch", batchUniqueCircle},
	{"Batch/Lost", "a member whose process is lost holds the batch open until it has ended", batchLost},
	{"Batch/CircleAtOnce", "two calls at the same time don't make two open batches wait for each other", batchCircleAtOnce},
	{"Batch/AtOnce", "processes that end and add members at the same time end a batch once, after the last", batchAtOnce},
}

func batchEnds(s *scene) {
	p := s.join()
	const completes, discards, cancels, expires = store.OutcomeCompleted, store.OutcomeDiscarded, store.OutcomeCancelled, store.OutcomeExpired
	for _, test := range []struct {
		outcomes []store.Outcome
		want     store.State
	}{
		{[]store.Outcome{completes}, store.Completed},
		{[]store.Outcome{completes, completes, completes}, store.Completed},
		{[]store.Outcome{discards, completes}, store.Discarded},
		{[]store.Outcome{completes, discards, cancels}, store.Discarded},
		{[]store.Outcome{cancels, discards}, store.Discarded},
		{[]store.Outcome{completes, cancels}, store.Cancelled},
		{[]store.Outcome{expires, completes}, store.Cancelled},
	} {
		batch, members := s.gather(len(test.outcomes))
		for i, c := range s.wantTakes(p, idsOf(members)...) {
			s.awaits(batch)
			s.finish(p, ended(c, test.outcomes[i]))
			s.settle()
		}
		if j := s.want(batch, test.want); j.FinishedAt.IsZero() || j.Attempt != 0 || j.Task != store.BatchTask {
			s.t.Errorf("after %v the batch is %+v, want it %s", test.outcomes, j, test.want)
		}
	}
}

func batchEmpty(s *scene) {
	b := aBatch()
	s.plans(b, aJob(after(b.ID), queue("after")), aJob(by(store.OnFailed, store.ElseHold, b.ID)))
	s.want(b.ID, store.Completed)
	s.wantCount(b.ID, store.BatchCount{})
	if got := s.claimFrom(s.join(), "after", 10); len(got) != 1 {
		s.t.Errorf("claimed %v, want the one that is after it", ids(got))
	}
}

func batchAfter(s *scene) {
	p := s.join()
	for _, way := range waysToEnd {
		batch, members := s.gather(1)
		all, want := waysToWait(batch, way.state)
		if way.state == store.Deleted || way.state == store.Expired {
			all, want = waysToWait(batch, store.Cancelled)
		}
		s.plans(all...)
		s.awaits(idsOf(all)...)
		way.end(s, p, members[0].ID)
		s.settle()
		s.wantWays(batch, way.name, s.job(batch).State, all, want)
	}
}

func batchFirstFailure(s *scene) {
	p := s.join()
	batch, members := s.gather(3)
	first := s.plan(by(store.OnFailed, store.ElseCancel, batch), queue("after"))
	second := s.plan(by(store.OnFailed, store.ElseCancel, batch), after(members[2].ID), queue("after"))
	ended1, completed1 := s.plan(by(store.OnEnded, store.ElseCancel, batch)), s.plan(after(batch))
	claimed := s.wantTakes(p, idsOf(members)...)
	s.finish(p, ended(claimed[0], store.OutcomeCancelled))
	s.settle()
	s.awaits(first, second)
	s.finish(p, ended(claimed[1], store.OutcomeDiscarded))
	s.settle()
	s.awaits(batch, second, ended1, completed1)
	if got := s.claimFrom(p, "after", 10); len(got) != 1 || got[0].ID != first {
		s.t.Errorf("claimed %v, want %s while the batch is open", ids(got), first)
	}
	s.finish(p, completed(claimed[2]))
	s.settle()
	s.want(batch, store.Discarded)
	s.spurned(completed1, batch, store.Discarded)
	s.wantTakes(p, ended1)
	if got := s.claimFrom(p, "after", 10); len(got) != 1 || got[0].ID != second {
		s.t.Errorf("claimed %v, want %s", ids(got), second)
	}
	late := s.plan(by(store.OnFailed, store.ElseCancel, batch))
	s.takesThis(p, late)
}

func batchNested(s *scene) {
	p := s.join()
	outer := aBatch()
	inner := aBatch(in(outer.ID))
	empty := aBatch(in(outer.ID))
	a, b := aJob(in(outer.ID)), aJob(in(inner.ID))
	failed := aJob(by(store.OnFailed, store.ElseCancel, outer.ID), queue("after"))
	s.plans(outer, inner, empty, a, b, failed)
	s.want(empty.ID, store.Completed)
	s.awaits(outer.ID, inner.ID)
	claimed := s.wantTakes(p, a.ID, b.ID)
	s.finish(p, completed(claimed[0]))
	s.settle()
	s.awaits(outer.ID, inner.ID, failed.ID)
	s.wantCount(outer.ID, store.BatchCount{Members: 3, Open: 1, Completed: 2})
	later := s.plan(in(inner.ID))
	s.finish(p, ended(claimed[1], store.OutcomeDiscarded))
	s.settle()
	s.awaits(outer.ID, inner.ID, failed.ID) // the inner one is a member that has not ended
	s.ends(p, later, store.OutcomeCompleted)
	s.want(inner.ID, store.Discarded)
	s.want(outer.ID, store.Discarded)
	s.want(failed.ID, store.Available)
}

func batchAdd(s *scene) {
	p := s.join()
	batch, members := s.gather(1)
	done := s.plan(after(batch))
	second := s.plan(in(batch))
	claimed := s.wantTakes(p, members[0].ID, second)
	s.finish(p, completed(claimed[0]))
	s.settle()
	s.awaits(batch)
	third := jobs(10, in(batch)) // by the second, which is the last that has not ended
	s.plans(third...)
	s.finish(p, completed(claimed[1]))
	s.settle()
	s.awaits(batch, done)
	s.wantCount(batch, store.BatchCount{Members: 12, Open: 10, Completed: 2})
	for _, c := range s.wantTakes(p, idsOf(third)...) {
		s.awaits(batch)
		s.finish(p, completed(c))
		s.settle()
	}
	s.want(batch, store.Completed)
	s.takesThis(p, done)
}

func batchClosed(s *scene) {
	p := s.join()
	batch, members := s.gather(1)
	s.ends(p, members[0].ID, store.OutcomeCompleted)
	s.want(batch, store.Completed)
	plain, other := aJob(), s.enqueue(queue("other"))
	unknown, self, late := store.NewID(), aBatch(), aBatch()
	in(self.ID)(&self)
	for id, all := range map[store.ID][]store.NewJob{
		batch:         {plain, aJob(in(batch))},
		unknown:       {plain, aJob(in(unknown))},
		other:         {plain, aJob(in(other))},
		members[0].ID: {plain, aJob(in(members[0].ID))},
		plain.ID:      {plain, aJob(in(plain.ID))},
		self.ID:       {plain, self},
		late.ID:       {plain, aBatch(in(late.ID)), late},
	} {
		s.refusedAfter(s.Store, id, all...)
		s.wantGone(plain.ID)
	}
	cancelled, _ := s.gather(1)
	s.cancel(cancelled)
	s.refusedAfter(s.Store, cancelled, plain, aJob(in(cancelled)))
	s.wantCount(batch, store.BatchCount{Members: 1, Completed: 1})
	s.wantAll(3)
}

func batchAgain(s *scene) {
	p := s.join()
	b := aBatch()
	all := append([]store.NewJob{b}, jobs(3, in(b.ID))...)
	all = append(all, aJob(after(b.ID), queue("after")))
	s.plans(all...)
	again := func(want store.BatchCount) {
		s.t.Helper()
		for i, in := range s.inserts(all...) {
			if in != (store.Inserted{ID: all[i].ID, Existing: true}) {
				s.t.Errorf("Insert again of job %d = %+v, want it passed over", i, in)
			}
		}
		s.settle()
		s.wantCount(b.ID, want)
	}
	again(store.BatchCount{Members: 3, Open: 3})
	if got := s.runAll(p); !slices.Equal(got, idsOf(all[1:4])) {
		s.t.Errorf("%v ran, want the members", got)
	}
	s.settle()
	again(store.BatchCount{Members: 3, Completed: 3})
	s.want(b.ID, store.Completed)
	s.want(all[4].ID, store.Available)
}

func batchChain(s *scene) {
	p := s.join()
	b := aBatch()
	all := chain(4, in(b.ID))
	s.plans(append([]store.NewJob{b}, all...)...)
	s.ends(p, all[0].ID, store.OutcomeCompleted)
	s.awaits(b.ID)
	s.ends(p, all[1].ID, store.OutcomeCancelled)
	s.spurned(all[3].ID, all[2].ID, store.Cancelled)
	s.want(b.ID, store.Cancelled)
	s.wantCount(b.ID, store.BatchCount{Members: 4, Completed: 1, Cancelled: 3})
}

func batchCircle(s *scene) {
	p := s.join()
	outer := aBatch()
	inner := aBatch(in(outer.ID))
	member := aJob(in(inner.ID))
	callback := aJob(after(outer.ID))
	behind := aJob(by(store.OnEnded, store.ElseCancel, callback.ID))
	s.plans(outer, inner, member, callback, behind)
	plain := aJob()
	for _, up := range []store.ID{inner.ID, outer.ID, callback.ID, behind.ID} {
		s.refusedAfter(s.Store, up, plain, aJob(in(inner.ID), after(up)))
	}
	other := aBatch()
	last := aJob(after(other.ID))
	s.refusedAfter(s.Store, last.ID, plain, other, last, aJob(in(other.ID), after(last.ID)))
	s.wantAll(3)
	fine := s.plan(in(inner.ID), after(member.ID))
	for _, id := range []store.ID{member.ID, fine, callback.ID, behind.ID} {
		s.ends(p, id, store.OutcomeCompleted)
	}
	s.want(outer.ID, store.Completed)
}

func batchCircleAtOnce(s *scene) {
	for range 16 {
		one, _ := s.gather(1, queue("held"))
		two, _ := s.gather(1, queue("held"))
		calls := [][]store.NewJob{{aJob(in(one), after(two))}, {aJob(in(two), after(one))}}
		errs := make([]error, len(calls))
		together(len(calls), func(i int) { _, errs[i] = s.Store.Insert(s.ctx(), calls[i]) })
		if refused := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil }); len(refused) != 1 {
			s.t.Fatalf("the two calls return %v, want that one is refused", errs)
		}
		s.wantErr(errors.Join(errs...), store.ErrUpstream)
	}
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

func batchCounts(s *scene) {
	p := s.join()
	batch, members := s.gather(8)
	other, _ := s.gather(2, queue("other"))
	claimed := s.takes(p, "mail", 6)
	if len(claimed) != 6 {
		s.t.Fatalf("claimed %d, want 6", len(claimed))
	}
	s.finish(p, completed(claimed[0]), completed(claimed[1]), ended(claimed[2], store.OutcomeDiscarded),
		ended(claimed[3], store.OutcomeCancelled), ended(claimed[4], store.OutcomeExpired))
	s.act(store.Delete, members[7].ID)
	s.settle()
	counts, err := s.Store.Batches(s.ctx(), batch, members[0].ID, other, store.NewID())
	s.must(err)
	want := map[store.ID]store.BatchCount{
		batch: {Members: 8, Open: 2, Completed: 2, Discarded: 1, Cancelled: 3},
		other: {Members: 2, Open: 2},
	}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		s.t.Errorf("Batches = %+v, want %+v", counts, want)
	}
	if counts, err := s.Store.Batches(s.ctx()); err != nil || len(counts) > 0 {
		s.t.Errorf("Batches of none = %v, %v", counts, err)
	}
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

func batchUnique(s *scene) {
	p := s.join()
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	holder := s.enqueue(u)
	b := aBatch()
	kept, twice := aJob(u, in(b.ID)), aJob(u, in(b.ID))
	other := aJob(in(b.ID), queue("other"))
	last := aJob(after(b.ID))
	for i, in := range s.inserts(b, kept, twice, other, last) {
		if kept := i == 1 || i == 2; in.Existing != kept || kept && in.ID != holder {
			s.t.Errorf("Insert of job %d = %+v", i, in)
		}
	}
	s.settle()
	s.wantCount(b.ID, store.BatchCount{Members: 2, Open: 2})
	s.wantFound(store.Filter{Batch: b.ID}, holder, other.ID)
	s.finish(p, completed(s.claimFrom(p, "other", 1)[0]))
	s.settle()
	s.awaits(b.ID, last.ID)
	s.ends(p, holder, store.OutcomeCompleted)
	s.want(b.ID, store.Completed)
	s.takesThis(p, last.ID)
}

func batchUniqueCircle(s *scene) {
	p := s.join()
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	batch, members := s.gather(1)
	callback := s.plan(u, after(batch))
	if in := s.inserts(aJob(u, in(batch)))[0]; in.ID != callback || !in.Existing {
		s.t.Errorf("Insert = %+v, want %s to be there", in, callback)
	}
	s.settle()
	s.wantCount(batch, store.BatchCount{Members: 1, Open: 1})
	s.ends(p, members[0].ID, store.OutcomeCompleted)
	s.want(batch, store.Completed)
	s.takesThis(p, callback)
}

func batchLost(s *scene) {
	batch, members := s.gather(1)
	done := s.plan(by(store.OnEnded, store.ElseCancel, batch), queue("after"))
	p := s.join()
	s.takesThis(p, members[0].ID)
	s.declareLost(p)
	s.settle()
	s.awaits(batch, done)
	p = s.join()
	s.finish(p, retried(s.takesThis(p, members[0].ID), time.Hour))
	s.settle()
	s.awaits(batch, done)
	s.act(store.RunNow, members[0].ID)
	s.ends(p, members[0].ID, store.OutcomeDiscarded)
	s.want(batch, store.Discarded)
	s.want(done, store.Available)
}

func batchAtOnce(s *scene) {
	batch, _ := s.gather(12)
	done := s.plan(by(store.OnEnded, store.ElseCancel, batch), queue("after"))
	together(4, func(int) {
		p := s.join()
		for n := 0; ; n++ {
			got := s.takes(p, "mail", 2)
			if len(got) == 0 {
				return
			}
			if n < 3 { // the members that it holds keep the batch open
				s.inserts(aJob(in(batch)), aJob(in(batch)))
			}
			for _, c := range got {
				s.finish(p, completed(c))
			}
		}
	})
	s.settle()
	s.want(batch, store.Completed)
	if c := s.count(batch); c.Members != c.Completed || c.Members < 14 {
		s.t.Errorf("batch counts %+v, want all members completed", c)
	}
	if got := s.takesAll(s.join(), "after"); len(got) != 1 || got[0].ID != done || got[0].Attempt != 1 {
		s.t.Errorf("claimed %v, want %s, in its first attempt", fences(got...), done)
	}
}
