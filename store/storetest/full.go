package storetest

import (
	"time"

	"github.com/offloadhq/offload/store"
)

var fullLaws = []law{
	{"Full/Drop", "a new job that its limit drops is cancelled, and nothing of it runs", fullDrop},
	{"Full/Newest", "of the jobs of a key that wait, only the newest is kept", fullNewest},
	{"Full/CancelDue", "a new job takes the place of one that was let through and has not started", fullCancelDue},
	{"Full/CancelRunning", "a new job has the running one cancelled, and waits for its end", fullCancelRunning},
	{"Full/Bulk", "so it is with jobs that are inserted at once", fullBulk},
	{"Full/Old", "a job that was let through before waits, and has no newer one cancelled", fullOld},
	{"Full/First", "of several limits the first that has no room says what happens", fullFirst},
	{"Later/Holds", "a job whose time has not come holds no limit and waits for none", laterHolds},
	{"Later/Drop", "what a full limit does with it is decided when its time has come", laterDrop},
	{"Later/RunNow", "a job that is to run now goes through its limits", laterRunNow},
	{"Act/RetryLimit", "a job that has ended and is retried goes through its limits", actRetryLimit},
	{"Act/EditKey", "a job whose input is changed goes by the key of the new one", actEditKey},
	{"Act/EditHolder", "so does one that had been let through, and leaves its old key", actEditHolder},
	{"Tx/Limit", "a job inserted within a transaction goes through its limits when that commits", txLimit},
	{"Tx/PutLimits", "a limit can be made known within the transaction that inserts its first job", txPutLimits},
	{"Tx/LimitRollback", "a job whose transaction is rolled back holds nothing", txLimitRollback},
	{"Tx/LimitComplete", "a job that is completed within a transaction leaves its limit when that commits", txLimitComplete},
	{"Tx/LimitCancel", "so does one that is cancelled within a transaction", txLimitCancel},
}

func (s *scene) full(policy store.Full) {
	s.t.Helper()
	s.limits(store.Limit{Name: "crm", Max: 1, WhenFull: policy})
}

func fullDrop(s *scene) {
	s.full(store.FullDrop)
	p := s.join()
	first := s.let(under("crm", "acme"))
	dropped := s.enqueueAs(store.Cancelled, under("crm", "acme"))
	c := s.takesThis(p, first)
	s.enqueueAs(store.Cancelled, under("crm", "acme"))
	s.let(under("crm", "other"))
	if j := s.job(dropped); j.Attempt != 0 || j.FinishedAt.IsZero() {
		s.t.Errorf("job is %+v, want it ended without a start", j)
	}
	s.finish(p, completed(c))
	s.let(under("crm", "acme"))
}

func fullNewest(s *scene) {
	s.full(store.FullNewest)
	p := s.join()
	first := s.let(under("crm", "acme"))
	second := s.waits(under("crm", "acme"))
	third := s.waits(under("crm", "acme"))
	s.want(second, store.Cancelled)
	c := s.takesThis(p, first)
	fourth := s.waits(under("crm", "acme"))
	s.want(third, store.Cancelled)
	s.want(first, store.Running)
	s.finish(p, completed(c))
	s.takesThis(p, fourth)
}

func fullCancelDue(s *scene) {
	s.full(store.FullCancel)
	first := s.let(under("crm", "acme"))
	second := s.let(under("crm", "acme"))
	s.want(first, store.Cancelled)
	s.let(under("crm", "other"))
	s.want(second, store.Available)
	s.wantKey("crm", "acme", 1, 0)
}

func fullCancelRunning(s *scene) {
	s.full(store.FullCancel)
	p := s.join()
	c := s.takesThis(p, s.let(under("crm", "acme")))
	second := s.waits(under("crm", "acme"))
	if v := s.look(p); len(v.Cancel) != 1 || v.Cancel[0] != c.ID {
		s.t.Errorf("its process sees cancelled %v, want %v", v.Cancel, c.ID)
	}
	third := s.waits(under("crm", "acme"))
	s.want(second, store.Cancelled)
	s.finish(p, ended(c, store.OutcomeCancelled))
	c = s.takesThis(p, third)
	if j := s.job(third); j.Cancelling {
		s.t.Error("the newest was cancelled too")
	}
	s.finish(p, completed(c))
	s.wantKey("crm", "acme", 0, 0)
}

func fullBulk(s *scene) {
	for _, test := range []struct {
		policy store.Full
		want   []store.State // of four jobs
	}{
		{store.FullWait, []store.State{store.Available, store.Blocked, store.Blocked, store.Blocked}},
		{store.FullDrop, []store.State{store.Available, store.Cancelled, store.Cancelled, store.Cancelled}},
		{store.FullNewest, []store.State{store.Available, store.Cancelled, store.Cancelled, store.Blocked}},
		{store.FullCancel, []store.State{store.Cancelled, store.Cancelled, store.Cancelled, store.Available}},
	} {
		s.limits(store.Limit{Name: string(test.policy), Max: 1, WhenFull: test.policy})
		all := jobs(4, under(string(test.policy), "acme"))
		s.inserts(all...)
		s.settle()
		for i, n := range all {
			if j := s.job(n.ID); j.State != test.want[i] {
				s.t.Errorf("%s: job %d of 4 is %s, want %s", test.policy, i+1, j.State, test.want[i])
			}
		}
	}
}

func fullOld(s *scene) {
	for _, policy := range []store.Full{store.FullDrop, store.FullNewest, store.FullCancel} {
		s.full(policy)
		p := s.join()
		old := s.takesThis(p, s.let(under("crm", "acme")))
		s.finish(p, retried(old, 0))
		fresh := s.let(under("crm", "acme"))
		// Which of the two is claimed first is not said: the old one is due, and undecided.
		got := s.takesAll(p, "mail")
		if len(got) != 1 {
			s.t.Fatalf("%s: claimed %v, want one", policy, ids(got))
		}
		other := fresh
		if got[0].ID == fresh {
			other = old.ID
		}
		s.wantWaits(other, "crm")
		if s.job(got[0].ID).Cancelling {
			s.t.Errorf("%s: the other one was cancelled", policy)
		}
		s.finish(p, completed(got[0]))
		s.finish(p, completed(s.takesThis(p, other)))
	}
}

func fullFirst(s *scene) {
	s.one("wait")
	s.limits(store.Limit{Name: "drop", Max: 1, WhenFull: store.FullDrop})
	s.let(under("wait", ""))
	s.let(under("drop", ""))
	s.enqueueAs(store.Blocked, under("wait", ""), under("drop", ""))
	s.enqueueAs(store.Cancelled, under("drop", ""), under("wait", ""))
	s.enqueueAs(store.Blocked, under("drop", "other"), under("wait", ""))
	s.enqueueAs(store.Cancelled, under("wait", "other"), under("drop", ""))
}

func laterHolds(s *scene) {
	s.one("crm")
	p := s.join()
	later := s.enqueue(under("crm", "acme"), delay(time.Hour))
	s.want(later, store.Scheduled)
	c := s.takesThis(p, s.let(under("crm", "acme")))
	s.advance(time.Hour + time.Second)
	s.wantTakes(p)
	s.wantWaits(later, "crm")
	s.finish(p, completed(c))
	s.finish(p, completed(s.takesThis(p, later)))

	later = s.enqueue(under("crm", "acme"), delay(time.Hour))
	s.advance(time.Hour + time.Second)
	s.takesThis(p, later)
	s.waits(under("crm", "acme"))
}

func laterDrop(s *scene) {
	s.full(store.FullDrop)
	p := s.join()
	s.let(under("crm", "acme"))
	later := s.enqueue(under("crm", "acme"), delay(time.Hour))
	s.want(later, store.Scheduled)
	s.takesAll(p, "mail")
	s.advance(time.Hour + time.Second)
	s.wantTakes(p)
	s.want(later, store.Cancelled)
}

func laterRunNow(s *scene) {
	s.one("crm")
	p := s.join()
	c := s.takesThis(p, s.let(under("crm", "acme")))
	later := s.enqueue(under("crm", "acme"), delay(time.Hour))
	if a := s.act(store.RunNow, later); a.Effect != store.Done {
		s.t.Fatalf("RunNow: %+v", a)
	}
	s.wantTakes(p)
	s.wantWaits(later, "crm")
	s.finish(p, completed(c))
	s.takesThis(p, later)
}

func actRetryLimit(s *scene) {
	s.one("crm")
	p := s.join()
	first := s.let(under("crm", "acme"))
	s.finish(p, ended(s.takesThis(p, first), store.OutcomeDiscarded))
	c := s.takesThis(p, s.let(under("crm", "acme")))
	if a := s.act(store.Retry, first); a.Effect != store.Done {
		s.t.Fatalf("Retry: %+v", a)
	}
	s.wantTakes(p)
	s.wantWaits(first, "crm")
	s.finish(p, completed(c))
	s.takesThis(p, first)
}

// rekeyed changes a job's input and key of a limit.
func (s *scene) rekeyed(id store.ID, limit, key string) {
	s.t.Helper()
	n := aJob(under(limit, key))
	a := s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{id}, Edit: &store.Edit{Input: []byte(key), Terms: n.Terms}})
	if a.Effect != store.Done {
		s.t.Fatalf("edit of job %s: %+v", id, a)
	}
	if j := s.job(id); string(j.Input) != key || j.Terms == nil || len(j.Terms.Limits) != 1 || j.Terms.Limits[0].Key != key {
		s.t.Errorf("the edited job is %+v, want input and key %q", j, key)
	}
	s.settle()
}

func actEditKey(s *scene) {
	s.one("crm")
	p := s.join()
	first := s.let(under("crm", "acme"))
	second, third := s.waits(under("crm", "acme")), s.waits(under("crm", "acme"))
	s.rekeyed(second, "crm", "other")
	got := s.wantTakes(p, first, second)
	s.wantKey("crm", "acme", 1, 1)
	s.wantKey("crm", "other", 1, 0)
	s.finish(p, completed(got[1]))
	s.want(third, store.Blocked)
}

func actEditHolder(s *scene) {
	s.one("crm")
	p := s.join()
	first := s.let(under("crm", "acme"))
	second := s.waits(under("crm", "acme"))
	c := s.takesThis(p, first)
	other := s.let(under("crm", "other"))
	s.finish(p, completed(c))
	s.want(second, store.Available)
	third := s.waits(under("crm", "acme"))
	s.rekeyed(second, "crm", "other")
	s.wantTakes(p, other, third)
	s.wantWaits(second, "crm")
	s.wantKey("crm", "other", 1, 1)
}

func txLimit(s *scene) {
	s.one("crm")
	p := s.join()
	tx, w := s.begin()
	all := jobs(3, under("crm", "acme"))
	_, err := w.Insert(s.ctx(), all)
	s.must(err)
	s.must(tx.Commit())
	s.settle()
	late := aJob(under("crm", "acme"))
	s.inserts(late)
	seen := map[store.ID]int{}
	for range 4 {
		got := s.takesAll(p, "mail")
		if len(got) != 1 {
			s.t.Fatalf("claimed %v, want one at a time", ids(got))
		}
		seen[got[0].ID]++
		s.wantKey("crm", "acme", 1, 3-len(seen)+1)
		s.finish(p, completed(got[0]))
	}
	if len(seen) != 4 {
		s.t.Errorf("%v ran, want all four", seen)
	}
	s.wantKey("crm", "acme", 0, 0)
}

func txPutLimits(s *scene) {
	for _, commit := range []bool{false, true} {
		tx, w := s.begin()
		s.must(w.PutLimits(s.ctx(), []store.Limit{{Name: "crm", Max: 1}}))
		_, err := w.Insert(s.ctx(), jobs(2, under("crm", "")))
		s.must(err)
		if commit {
			s.must(tx.Commit())
		} else {
			s.must(tx.Rollback())
		}
	}
	s.settle()
	if got := s.takesAll(s.join(), "mail"); len(got) != 1 {
		s.t.Errorf("claimed %v, want one of the two", ids(got))
	}
	if l := s.limit("crm"); l.Max != 1 || l.ByHand {
		s.t.Errorf("limit is %+v, want it as it was made known", l)
	}
	s.wantKey("crm", "", 1, 1)
}

func txLimitRollback(s *scene) {
	s.one("crm")
	tx, w := s.begin()
	_, err := w.Insert(s.ctx(), jobs(3, under("crm", "acme")))
	s.must(err)
	s.must(tx.Rollback())
	s.let(under("crm", "acme"))
	s.wantAll(1)
	s.wantKey("crm", "acme", 1, 0)
}

func txLimitComplete(s *scene) {
	s.one("crm")
	p := s.join()
	c := s.takesThis(p, s.let(under("crm", "acme")))
	next := s.waits(under("crm", "acme"))
	tx, w := s.begin()
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.must(tx.Commit())
	s.finish(p, inTx(completed(c)))
	s.settle()
	s.takesThis(p, next)
	s.wantKey("crm", "acme", 1, 0)
}

func txLimitCancel(s *scene) {
	s.one("crm")
	first := s.let(under("crm", "acme"))
	second, third := s.waits(under("crm", "acme")), s.waits(under("crm", "acme"))
	tx, w := s.begin()
	s.cancelWithin(w, first)
	s.cancelWithin(w, second)
	s.must(tx.Commit())
	s.settle()
	s.takesThis(s.join(), third)
}
