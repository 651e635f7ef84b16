package storetest

import (
	"github.com/offloadhq/offload/store"
)

var flowTxLaws = []law{
	{"Flow/Tx", "jobs that wait can be inserted within a transaction, and wait and run when it has committed", flowTx},
	{"Flow/TxRollback", "a job whose transaction is rolled back never waited", flowTxRollback},
	{"Flow/TxUnknown", "within a transaction too, an unknown upstream is refused", flowTxUnknown},
	{"Flow/TxSteps", "a job may be after one that the same transaction has inserted before", flowTxSteps},
	{"Flow/TxComplete", "what is after a job that is completed within a transaction goes when that commits", flowTxComplete},
	{"Flow/TxCancel", "so does what is after a job that is cancelled within one", flowTxCancel},
	{"Flow/TxLate", "a job whose transaction commits when its upstream has ended long since is not forgotten", flowTxLate},
	{"Flow/TxLateDelete", "nor is one whose upstream was deleted meanwhile", flowTxLateDelete},
	{"Batch/Tx", "a batch that is inserted within a transaction ends when that has committed and all its members have ended", batchTx},
	{"Batch/TxLate", "a batch does not end while a transaction adds to it, and ends after its rollback", batchTxLate},
}

// within inserts new jobs within a transaction.
func (s *scene) within(w store.TxWriter, all ...store.NewJob) {
	s.t.Helper()
	inserted, err := w.Insert(s.ctx(), all)
	s.must(err)
	for i, in := range inserted {
		if in.ID != all[i].ID || in.Existing {
			s.t.Errorf("Insert of new job %s = %+v", all[i].ID, in)
		}
	}
}

func flowTx(s *scene) {
	p := s.join()
	before := s.enqueue()
	tx, w := s.begin()
	all := chain(3)
	after(before)(&all[0])
	s.within(w, all...)
	s.wantAll(1)
	s.must(tx.Commit())
	s.settle()
	s.awaits(idsOf(all)...)
	s.ends(p, before, store.OutcomeCompleted)
	for _, n := range all {
		s.ends(p, n.ID, store.OutcomeCompleted)
	}
	tx, w = s.begin()
	met, never := aJob(after(before)), aJob(by(store.OnFailed, store.ElseCancel, before))
	s.within(w, met, never)
	s.must(tx.Commit())
	s.settle()
	s.takesThis(p, met.ID)
	s.spurned(never.ID, before, store.Completed)
}

func flowTxRollback(s *scene) {
	p := s.join()
	before := s.enqueue()
	batch, members := s.gather(1)
	tx, w := s.begin()
	id := aJob(after(before), in(batch))
	s.within(w, id)
	s.must(tx.Rollback())
	s.settle()
	s.wantGone(id.ID)
	for _, c := range s.wantTakes(p, before, members[0].ID) {
		s.finish(p, completed(c))
	}
	s.settle()
	s.want(batch, store.Completed)
	s.wantTakes(p)
	if e := s.edgesOf(id.ID); len(e) > 0 {
		s.t.Errorf("edges of a job that is not stored: %+v", e)
	}
}

func flowTxUnknown(s *scene) {
	batch, members := s.gather(1)
	s.ends(s.join(), members[0].ID, store.OutcomeCompleted)
	unknown := store.NewID()
	for id, n := range map[store.ID]store.NewJob{
		unknown: aJob(after(unknown)),
		batch:   aJob(in(batch)),
	} {
		tx, w := s.begin()
		s.refusedAfter(w, id, n)
		s.must(tx.Rollback())
	}
	s.wantAll(1)
}

func flowTxSteps(s *scene) {
	p := s.join()
	tx, w := s.begin()
	b := aBatch()
	all := chain(3, in(b.ID))
	s.within(w, b, all[0])
	s.within(w, all[1])
	s.within(w, all[2])
	s.must(tx.Commit())
	s.settle()
	s.awaits(all[1].ID, all[2].ID, b.ID)
	for _, n := range all {
		s.ends(p, n.ID, store.OutcomeCompleted)
	}
	s.want(b.ID, store.Completed)
}

func flowTxComplete(s *scene) {
	p := s.join()
	batch, members := s.gather(1)
	next, done := s.plan(after(members[0].ID)), s.plan(after(batch))
	c := s.takesThis(p, members[0].ID)
	tx, w := s.begin()
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.must(tx.Rollback())
	s.settle()
	s.awaits(next, done, batch)
	tx, w = s.begin()
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.must(tx.Commit())
	s.settle()
	s.finish(p, inTx(completed(c)))
	s.settle()
	s.want(batch, store.Completed)
	s.wantTakes(p, next, done)
}

func flowTxCancel(s *scene) {
	p := s.join()
	all := chain(3)
	ends := aJob(by(store.OnEnded, store.ElseCancel, all[2].ID))
	s.plans(append(all, ends)...)
	tx, w := s.begin()
	s.cancelWithin(w, all[0].ID)
	s.must(tx.Commit())
	s.settle()
	s.spurned(all[1].ID, all[0].ID, store.Cancelled)
	s.spurned(all[2].ID, all[1].ID, store.Cancelled)
	s.takesThis(p, ends.ID)
}

func flowTxLate(s *scene) {
	s.needs("transaction beside which others can write", !s.OneWriter)
	p := s.join()
	first, second := s.enqueue(), s.enqueue()
	claimed := s.wantTakes(p, first, second)
	tx, w := s.begin()
	met, never := aJob(after(first)), aJob(after(second))
	behind := aJob(after(met.ID))
	s.within(w, met, never, behind)
	s.finish(p, completed(claimed[0]), ended(claimed[1], store.OutcomeDiscarded))
	s.settle()
	s.must(tx.Commit())
	s.settle()
	s.spurned(never.ID, second, store.Discarded)
	s.ends(p, met.ID, store.OutcomeCompleted)
	s.takesThis(p, behind.ID)
}

func flowTxLateDelete(s *scene) {
	s.needs("transaction beside which others can write", !s.OneWriter)
	first := s.enqueue()
	tx, w := s.begin()
	never, held := aJob(after(first)), aJob(by(store.OnCompleted, store.ElseHold, first))
	ends := aJob(by(store.OnEnded, store.ElseCancel, first))
	s.within(w, never, held, ends)
	s.act(store.Delete, first)
	s.settle()
	s.must(tx.Commit())
	s.settle()
	s.spurned(never.ID, first, store.Deleted)
	s.holds(held.ID)
	s.takesThis(s.join(), ends.ID)
}

func batchTx(s *scene) {
	p := s.join()
	tx, w := s.begin()
	b, empty := aBatch(), aBatch()
	members := jobs(2, in(b.ID))
	done := aJob(after(b.ID, empty.ID))
	s.within(w, append([]store.NewJob{b, empty, done}, members...)...)
	s.must(tx.Commit())
	s.settle()
	s.want(empty.ID, store.Completed)
	s.awaits(b.ID, done.ID)
	tx, w = s.begin()
	more := aJob(in(b.ID))
	s.within(w, more)
	s.must(tx.Commit())
	for _, c := range s.wantTakes(p, members[0].ID, members[1].ID, more.ID) {
		s.awaits(b.ID)
		s.finish(p, completed(c))
		s.settle()
	}
	s.want(b.ID, store.Completed)
	s.takesThis(p, done.ID)
}

func batchTxLate(s *scene) {
	s.needs("transaction beside which others can write", !s.OneWriter)
	p := s.join()
	for _, commit := range []bool{true, false} {
		batch, members := s.gather(1)
		done := s.plan(after(batch), queue("after"))
		tx, w := s.begin()
		late := aJob(in(batch))
		s.within(w, late)
		s.finish(p, completed(s.takesThis(p, members[0].ID)))
		for range 3 { // it may still be worth a call, but that can't end it
			_, _, err := s.Store.Settle(s.ctx(), 100)
			s.must(err)
		}
		s.awaits(batch, done)
		if commit {
			s.must(tx.Commit())
			s.settle()
			s.awaits(batch, done)
			s.ends(p, late.ID, store.OutcomeCompleted)
		} else {
			s.must(tx.Rollback())
			s.settle()
		}
		s.want(batch, store.Completed)
		s.finish(p, completed(s.claimFrom(p, "after", 1)[0]))
	}
}
