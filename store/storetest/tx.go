package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var txLaws = []law{
	{"Tx/Wrong", "what is no transaction of this database is refused, saying what it is", txWrong},
	{"Tx/Commit", "a job inserted within a transaction is there when it commits, and not before", txCommit},
	{"Tx/Rollback", "a job inserted within a transaction that is rolled back was never there", txRollback},
	{"Tx/Existing", "within a transaction too, an id that exists is passed over, and so reported", txExisting},
	{"Tx/Cancel", "a cancel within a transaction happens when it commits, or not at all", txCancel},
	{"Tx/CancelOwn", "a job can be cancelled within the transaction that inserts it", txCancelOwn},
	{"Tx/CancelRunning", "a running job that is cancelled within a transaction is signalled", txCancelRunning},
	{"Tx/Complete", "a job is completed when the transaction commits, with all else that it did", txComplete},
	{"Tx/CompleteFinish", "finishing what a transaction has completed is no loss, and counts once", txCompleteFinish},
	{"Tx/CompleteRollback", "a job whose transaction is rolled back still runs, and ends as its handler says", txCompleteRollback},
	{"Tx/CompleteLost", "completing an attempt whose lease is gone says so, and the transaction cannot commit", txCompleteLost},
	{"Tx/CompleteCancelled", "a signalled job that is completed within a transaction is completed", txCompleteCancelled},
	{"Tx/FinishInTxLost", "an attempt that says it was completed in a transaction, and was not, is lost with its lease", txFinishInTxLost},
	{"Tx/Ended", "a transaction that has ended takes nothing more", txEnded},
	{"Tx/LateCommit", "a job that commits late, behind those claimed meanwhile, is the next claimed", txLateCommit},
	{"Tx/Wakes", "a commit wakes a process that sleeps", txWakes},
}

// begin begins a caller's transaction, rolled back at the end of the law at the latest.
func (s *scene) begin() (Tx, store.TxWriter) {
	s.t.Helper()
	s.needs("Begin", s.Begin != nil)
	tx := s.Begin(s.t)
	s.t.Cleanup(func() { _ = tx.Rollback() }) // after a commit it says that it is over
	w, err := s.Store.Within(tx.Value)
	s.must(err)
	return tx, w
}

func txWrong(s *scene) {
	for _, tx := range []any{nil, 42, "a transaction", &struct{}{}} {
		_, err := s.Store.Within(tx)
		s.wantErr(err, store.ErrTx)
	}
	if _, err := s.Store.Within(42); !strings.Contains(err.Error(), "int") {
		s.t.Errorf("the error is %q, want it to say that an int was given", err)
	}
}

func txCommit(s *scene) {
	tx, w := s.begin()
	all := jobs(3)
	inserted, err := w.Insert(s.ctx(), all)
	s.must(err)
	for i, in := range inserted {
		if in != (store.Inserted{ID: all[i].ID}) {
			s.t.Errorf("Insert = %+v, want a new job %s", in, all[i].ID)
		}
	}
	s.wantAll(0)

	s.must(tx.Commit())

	s.wantAll(3)
	if got := s.claim(s.join(), 10); !sameIDs(ids(got), idsOf(all)) {
		s.t.Errorf("claimed %v, want %v", ids(got), idsOf(all))
	}
}

func txRollback(s *scene) {
	tx, w := s.begin()
	all := jobs(3)
	_, err := w.Insert(s.ctx(), all)
	s.must(err)
	s.must(tx.Rollback())
	s.wantAll(0)
	s.insert(all...)
}

func txExisting(s *scene) {
	old := aJob()
	s.insert(old)
	fresh := aJob()
	tx, w := s.begin()
	for i, want := range [][]store.Inserted{
		{{ID: old.ID, Existing: true}, {ID: fresh.ID}},
		{{ID: old.ID, Existing: true}, {ID: fresh.ID, Existing: true}},
	} {
		inserted, err := w.Insert(s.ctx(), []store.NewJob{old, fresh})
		s.must(err)
		if !slices.Equal(inserted, want) {
			s.t.Errorf("Insert %d = %+v, want %+v", i+1, inserted, want)
		}
	}
	s.must(tx.Commit())
	s.wantAll(2)
}

func (s *scene) cancelWithin(w store.TxWriter, id store.ID) store.Acted {
	s.t.Helper()
	acted, err := w.Act(s.ctx(), store.Act{Verb: store.Cancel, IDs: []store.ID{id}})
	s.must(err)
	if len(acted) != 1 || acted[0].ID != id {
		s.t.Fatalf("Act = %+v, want an answer for job %s", acted, id)
	}
	return acted[0]
}

func txCancel(s *scene) {
	kept, gone := s.enqueue(), s.enqueue(delay(time.Hour))
	tx, w := s.begin()
	s.cancelWithin(w, kept)
	s.must(tx.Rollback())
	s.want(kept, store.Available)

	tx, w = s.begin()
	if a := s.cancelWithin(w, gone); a.Effect != store.Done || a.State != store.Scheduled {
		s.t.Errorf("Act = %+v, want it done to a scheduled job", a)
	}
	if a := s.cancelWithin(w, store.NewID()); a.Effect != store.NotStored {
		s.t.Errorf("Act = %+v, want that the job is not found", a)
	}
	s.want(gone, store.Scheduled)
	s.must(tx.Commit())
	s.want(gone, store.Cancelled)
	s.wantAll(2)
}

func txCancelOwn(s *scene) {
	tx, w := s.begin()
	n := aJob()
	_, err := w.Insert(s.ctx(), []store.NewJob{n})
	s.must(err)
	if a := s.cancelWithin(w, n.ID); a.Effect != store.Done {
		s.t.Errorf("Act = %+v, want it done", a)
	}
	s.must(tx.Commit())
	s.want(n.ID, store.Cancelled)
	s.wantAll(1)
}

func txCancelRunning(s *scene) {
	p, c := s.running("mail")
	tx, w := s.begin()
	if a := s.cancelWithin(w, c.ID); a.Effect != store.Done || a.State != store.Running {
		s.t.Errorf("Act = %+v, want it done to a running job", a)
	}
	s.must(tx.Commit())
	if v := s.look(p); !slices.Equal(v.Cancel, []store.ID{c.ID}) {
		s.t.Errorf("the process sees cancelled %v, want %v", v.Cancel, c.ID)
	}
}

func txComplete(s *scene) {
	p, c := s.running("mail")
	next := aJob()
	tx, w := s.begin()
	_, err := w.Insert(s.ctx(), []store.NewJob{next})
	s.must(err)
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.want(c.ID, store.Running)

	s.must(tx.Commit())

	j := s.want(c.ID, store.Completed)
	if string(j.Result) != `"done"` || j.Attempt != 1 || j.FinishedAt.IsZero() {
		s.t.Errorf("job is %+v, want it completed with its result", j)
	}
	s.want(next.ID, store.Available)
	s.wantAll(2)
}

func inTx(e store.Ended) store.Ended {
	e.InTx = true
	return e
}

func txCompleteFinish(s *scene) {
	p, c := s.running("mail")
	tx, w := s.begin()
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.must(tx.Commit())
	for range 2 {
		s.finish(p, inTx(completed(c)))
	}
	if j := s.want(c.ID, store.Completed); string(j.Result) != `"done"` {
		s.t.Errorf("result is %q", j.Result)
	}
	s.wantFigures(map[string]int64{"completed": 1})
}

func txCompleteRollback(s *scene) {
	p, c := s.running("mail")
	tx, w := s.begin()
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.must(tx.Rollback())
	s.want(c.ID, store.Running)
	s.finish(p, inTx(retried(c, time.Hour)))
	s.want(c.ID, store.Retryable)
	s.wantFigures(map[string]int64{"retry": 1})
}

func txCompleteLost(s *scene) {
	p, c := s.running("mail")
	s.declareLost(p)
	tx, w := s.begin()
	next := aJob()
	_, err := w.Insert(s.ctx(), []store.NewJob{next})
	s.must(err)
	s.wantErr(w.Complete(s.ctx(), p, completed(c)), store.ErrLeaseLost)
	if err := tx.Commit(); err == nil {
		s.t.Error("Commit = nil, want an error")
	}
	s.want(c.ID, store.Available)
	s.wantGone(next.ID)
	s.wantFigures(map[string]int64{})
}

func txCompleteCancelled(s *scene) {
	p, c := s.running("mail")
	s.cancel(c.ID)
	tx, w := s.begin()
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.must(tx.Commit())
	s.finish(p, inTx(completed(c)))
	s.want(c.ID, store.Completed)
}

func txFinishInTxLost(s *scene) {
	p, c := s.running("mail")
	s.declareLost(p)
	s.finishLost(p, inTx(completed(c)))
	other := s.join()
	again := s.claimThis(other, c.ID)
	s.finish(other, completed(again))
	s.finishLost(p, inTx(completed(c)))
	if j := s.want(c.ID, store.Completed); j.Attempt != 2 {
		s.t.Errorf("attempt is %d, want 2", j.Attempt)
	}
}

func txEnded(s *scene) {
	p, c := s.running("mail")
	tx, w := s.begin()
	s.must(tx.Commit())
	if _, err := w.Insert(s.ctx(), jobs(1)); err == nil {
		s.t.Error("Insert = nil after the end, want an error")
	}
	if err := w.Complete(s.ctx(), p, completed(c)); err == nil {
		s.t.Error("Complete = nil after the end, want an error")
	}
	s.want(c.ID, store.Running)
	s.wantAll(1)
}

func txLateCommit(s *scene) {
	s.needs("transaction beside which others can write", !s.OneWriter)
	p := s.join()
	for range 3 {
		tx, w := s.begin()
		late := aJob()
		_, err := w.Insert(s.ctx(), []store.NewJob{late})
		s.must(err)
		for range 3 {
			s.insert(jobs(*backlog / 10)...)
			s.claim(p, *backlog)
		}
		s.insert(jobs(3)...)
		s.must(tx.Commit())
		s.claimThis(p, late.ID)
	}
}

func txWakes(s *scene) {
	s.needs("Begin", s.Begin != nil)
	s.wantWake(s.listening("mail"), "mail", func() {
		tx, w := s.begin()
		_, err := w.Insert(s.ctx(), jobs(1))
		s.must(err)
		s.must(tx.Commit())
	})
}
