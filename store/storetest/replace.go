package storetest

import (
	"runtime"
	"time"

	"github.com/offloadhq/offload/store"
)

var replaceLaws = []law{
	{"Replace/Debounce", "a debounced job runs once, at the last time and with the last input", replaceDebounce},
	{"Replace/KeepsTime", "replacing an input leaves the job its time, and all else", replaceKeepsTime},
	{"Replace/Limited", "a job that waits for a limit takes the new input, and keeps its place", replaceLimited},
	{"Replace/Behind", "with a limit of its own exactly one job waits behind the running one, with the newest input", replaceBehind},
	{"Replace/Parked", "a job that is parked and never ran waits, and takes the new input", replaceParked},
	{"Replace/Tried", "a job that was tried does not wait: the new one is stored beside it, and has the key", replaceTried},
	{"Replace/Terms", "a new input brings its keys of limits along", replaceTerms},
	{"Replace/Claimed", "an input that comes while its job is claimed is never lost", replaceClaimed},
	{"Unique/Retry", "a job that has ended takes its key again when it is retried, or says who has it", uniqueRetry},
	{"Unique/RetryFree", "a job that needs its key no more is retried whoever has it", uniqueRetryFree},
	{"Unique/Edit", "a job whose input is changed has the key of the new one, or says who has it", uniqueEdit},
	{"Tx/Unique", "within a transaction too, a key that is taken keeps, fails and replaces", txUnique},
	{"Tx/UniqueTakes", "a key taken within a transaction is its job's when that commits, and free when it is rolled back", txUniqueTakes},
	{"Tx/UniqueWaits", "an insert with a key that a transaction takes waits for its end, and goes by it", txUniqueWaits},
	{"Tx/UniqueLate", "a job that commits late has held its key all the while", txUniqueLate},
}

func replaceDebounce(s *scene) {
	u := unique("k", store.UntilStarted, store.ConflictDebounce)
	p := s.join()
	id := s.enqueue(u, delay(time.Minute))
	for range 3 {
		s.advance(50 * time.Second)
		s.replaced(id, u, delay(time.Minute))
		s.between("RunAt", s.want(id, store.Scheduled).RunAt, s.now().Add(50*time.Second), s.now().Add(time.Minute))
		if got := s.claim(p, 10); len(got) > 0 {
			s.t.Fatalf("claimed %v before its time", ids(got))
		}
	}
	s.advance(61 * time.Second)
	if c := s.claimThis(p, id); string(c.Input) != "new" {
		s.t.Errorf("claimed input %q, want the new one", c.Input)
	}
	s.enqueue(u, delay(time.Minute))
	s.wantAll(2)
}

func replaceKeepsTime(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictReplace)
	n := aJob(u, delay(time.Hour), tags(map[string]string{"a": "1"}))
	s.insert(n)
	before := s.job(n.ID)
	s.replaced(n.ID, u, delay(2*time.Hour), priority(1), queue("other"))
	j := s.want(n.ID, store.Scheduled)
	s.same("RunAt", j.RunAt, before.RunAt)
	if j.Queue != n.Queue || j.Priority != n.Priority || j.Tags["a"] != "1" {
		s.t.Errorf("job is %+v, want no more than its input to have changed", j)
	}
	s.advance(time.Hour + time.Second)
	s.claimThis(s.join(), n.ID)
}

func replaceLimited(s *scene) {
	s.one("crm")
	u := unique("k", store.UntilEnded, store.ConflictReplace)
	first := s.let(under("crm", ""))
	second := s.waits(under("crm", ""), u)
	third := s.waits(under("crm", ""))
	s.replaced(second, under("crm", ""), u)
	s.settle()
	s.wantWaits(second, "crm")
	if got := s.runAll(s.join()); len(got) != 3 || got[0] != first || got[1] != second || got[2] != third {
		s.t.Errorf("jobs ran in the order %v, want %v, %v, %v", got, first, second, third)
	}
	s.wantKey("crm", "", 0, 0)
}

func replaceBehind(s *scene) {
	name := store.OwnLimit + "send"
	s.one(name)
	with := func(in string) []func(*store.NewJob) {
		return []func(*store.NewJob){
			under(name, "k"), unique("k", store.UntilStarted, store.ConflictReplace), input([]byte(in)),
		}
	}
	p := s.join()
	running := s.takesThis(p, s.let(with("1")...))
	behind := s.waits(with("2")...)
	for _, in := range []string{"3", "4"} {
		n := aJob(with(in)...)
		if got := s.inserts(n)[0]; got != (store.Inserted{ID: behind, Existing: true, Replaced: true}) {
			s.t.Fatalf("Insert = %+v, want the one behind to have the new input", got)
		}
	}
	s.settle()
	s.wantTakes(p)
	s.finish(p, completed(running))
	if c := s.takesThis(p, behind); string(c.Input) != "4" {
		s.t.Errorf("the one behind ran with input %q, want the newest", c.Input)
	}
	s.waits(with("5")...)
	s.wantAll(3)
}

func replaceParked(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictReplace)
	id := s.parking("mail", false, u)
	s.replaced(id, u)
	got := s.claimParked(s.join(), "mail", 10, "send")
	if len(got) != 1 || string(got[0].Input) != "new" {
		s.t.Errorf("claimed %+v, want the parked job with its new input", got)
	}
}

func replaceTried(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictReplace)
	old := s.ending("mail", store.OutcomeRetry, u)
	before := s.job(old)
	fresh := s.enqueue(u, input([]byte("new")))
	if j := s.want(old, store.Retryable); string(j.Input) != string(before.Input) {
		s.t.Errorf("the job that was tried has input %q, want its own", j.Input)
	}
	s.cancel(old)
	s.conflict(fresh, unique("k", store.UntilEnded, store.ConflictKeep))
}

func replaceTerms(s *scene) {
	s.one("crm")
	u := unique("k", store.UntilEnded, store.ConflictReplace)
	p := s.join()
	id := s.let(u, under("crm", "acme"))
	next := s.waits(under("crm", "acme"))
	s.let(under("crm", "other"))
	s.replaced(id, u, under("crm", "other"))
	s.settle()
	s.want(next, store.Available)
	if got := s.takesAll(p, "mail"); len(got) != 2 {
		s.t.Errorf("claimed %v, want one of each key", ids(got))
	}
	s.wantWaits(id, "crm")
	s.wantKey("crm", "acme", 1, 0)
	s.wantKey("crm", "other", 1, 1)
}

func replaceClaimed(s *scene) {
	for i := range 30 {
		p := s.join()
		old := s.enqueue(unique("k", store.UntilEnded, store.ConflictReplace))
		n := aJob(unique("k", store.UntilEnded, store.ConflictReplace), input([]byte("new")))
		var claimed []store.Claimed
		together(2, func(who int) {
			if who == i%2 {
				claimed = s.takes(p, "mail", 1)
				return
			}
			s.inserts(n)
		})
		ran := false
		for claimed = append(claimed, s.takes(p, "mail", 10)...); len(claimed) > 0; claimed = s.takes(p, "mail", 10) {
			for _, c := range claimed {
				ran = ran || string(c.Input) == "new"
				s.finish(p, completed(c))
			}
		}
		if s.want(old, store.Completed); !ran {
			s.t.Fatal("the new input never ran")
		}
	}
}

func uniqueRetry(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	first := s.ending("mail", store.OutcomeDiscarded, u)
	second := s.enqueue(u)
	if a := s.act(store.Retry, first); a.Effect != store.Taken || a.By != second || a.State != store.Discarded {
		s.t.Errorf("Retry = %+v, want that job %s has the key", a, second)
	}
	s.want(first, store.Discarded)
	s.cancel(second)
	if a := s.act(store.Retry, first); a.Effect != store.Done {
		s.t.Errorf("Retry = %+v when the key is free", a)
	}
	s.conflict(first, u)
	if a := s.act(store.Retry, second); a.Effect != store.Taken || a.By != first {
		s.t.Errorf("Retry = %+v, want that job %s has the key", a, first)
	}
	p := s.join()
	s.finish(p, completed(s.claimThis(p, first)))
	s.enqueue(u)
}

func uniqueRetryFree(s *scene) {
	started := unique("started", store.UntilStarted, store.ConflictKeep)
	p := s.join()
	tried := s.claimThis(p, s.enqueue(started))
	s.finish(p, ended(tried, store.OutcomeDiscarded))
	s.enqueue(started, queue("other"))
	ever := unique("ever", store.Never, store.ConflictReplace)
	old := s.claimThis(p, s.enqueue(ever))
	s.finish(p, ended(old, store.OutcomeDiscarded))
	s.enqueue(ever, queue("other")) // has taken it over
	for _, id := range []store.ID{tried.ID, old.ID} {
		if a := s.act(store.Retry, id); a.Effect != store.Done {
			s.t.Errorf("Retry = %+v, want it done", a)
		}
	}
}

func uniqueEdit(s *scene) {
	u := func(key string) func(*store.NewJob) { return unique(key, store.UntilEnded, store.ConflictKeep) }
	a, b := s.enqueue(u("a")), s.enqueue(u("b"))
	edit := func(id store.ID, key string) store.Acted {
		s.t.Helper()
		n := aJob(u(key))
		return s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{id}, Edit: &store.Edit{Input: []byte("new"), Terms: n.Terms}})
	}
	if got := edit(a, "b"); got.Effect != store.Taken || got.By != b {
		s.t.Errorf("edit = %+v, want that job %s has the key", got, b)
	}
	if j := s.want(a, store.Available); string(j.Input) == "new" {
		s.t.Error("an edit that was refused changed the input")
	}
	s.conflict(a, u("a"))
	if got := edit(a, "c"); got.Effect != store.Done {
		s.t.Errorf("edit = %+v, want it done", got)
	}
	s.conflict(a, u("c"))
	other := s.enqueue(u("a"))
	if got := edit(a, "c"); got.Effect != store.Done || string(s.job(a).Input) != "new" {
		s.t.Errorf("edit with its own key = %+v, want it done", got)
	}
	s.cancel(a)
	s.enqueue(u("c"))
	s.conflict(other, u("a"))
}

func txUnique(s *scene) {
	old := s.enqueue(unique("k", store.UntilEnded, store.ConflictKeep))
	tx, w := s.begin()
	n := aJob(unique("k", store.UntilEnded, store.ConflictKeep))
	inserted, err := w.Insert(s.ctx(), []store.NewJob{n})
	s.must(err)
	if inserted[0] != (store.Inserted{ID: old, Existing: true}) {
		s.t.Errorf("Insert = %+v, want that job %s exists", inserted[0], old)
	}
	s.must(tx.Commit())

	tx, w = s.begin()
	s.refusedBy(w, old, aJob(), aJob(unique("k", store.UntilEnded, store.ConflictFail)))
	s.must(tx.Rollback())
	s.wantAll(1)

	for _, commit := range []bool{false, true} {
		tx, w = s.begin()
		n = aJob(unique("k", store.UntilEnded, store.ConflictReplace), input([]byte("new")))
		inserted, err = w.Insert(s.ctx(), []store.NewJob{n})
		s.must(err)
		if inserted[0] != (store.Inserted{ID: old, Existing: true, Replaced: true}) {
			s.t.Errorf("Insert = %+v, want that job %s is replaced", inserted[0], old)
		}
		if commit {
			s.must(tx.Commit())
		} else {
			s.must(tx.Rollback())
		}
		if j := s.job(old); (string(j.Input) == "new") != commit {
			s.t.Errorf("committed %v, the job has input %q", commit, j.Input)
		}
	}
	s.wantAll(1)
}

func txUniqueTakes(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	tx, w := s.begin()
	first, again := aJob(u), aJob(u)
	inserted, err := w.Insert(s.ctx(), []store.NewJob{first})
	s.must(err)
	if inserted[0] != (store.Inserted{ID: first.ID}) {
		s.t.Errorf("Insert = %+v, want a new job", inserted[0])
	}
	inserted, err = w.Insert(s.ctx(), []store.NewJob{again})
	s.must(err)
	if inserted[0] != (store.Inserted{ID: first.ID, Existing: true}) {
		s.t.Errorf("Insert = %+v, want that the first one has the key", inserted[0])
	}
	s.must(tx.Rollback())
	second := s.enqueue(u)
	s.cancel(second)

	tx, w = s.begin()
	_, err = w.Insert(s.ctx(), []store.NewJob{first})
	s.must(err)
	s.must(tx.Commit())
	s.conflict(first.ID, u)
	p := s.join()
	s.finish(p, completed(s.claimThis(p, first.ID)))
	s.enqueue(u)
}

func txUniqueWaits(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	for i := range 10 {
		commit := i%2 == 1
		tx, w := s.begin()
		mine, other := aJob(u), aJob(u)
		_, err := w.Insert(s.ctx(), []store.NewJob{mine})
		s.must(err)
		var got []store.Inserted
		together(2, func(i int) {
			if i == 1 {
				got = s.inserts(other)
				return
			}
			for range 5 { // round trips, so that the insert is under way
				runtime.Gosched()
				s.now()
			}
			end := tx.Rollback
			if commit {
				end = tx.Commit
			}
			if err := end(); err != nil {
				s.t.Errorf("the end of the transaction: %v", err)
			}
		})
		want := store.Inserted{ID: other.ID}
		if commit {
			want = store.Inserted{ID: mine.ID, Existing: true}
		}
		if got[0] != want {
			s.t.Errorf("committed %v: Insert = %+v, want %+v", commit, got[0], want)
		}
		s.cancel(want.ID)
	}
}

func txUniqueLate(s *scene) {
	s.needs("transaction beside which others can write", !s.OneWriter)
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	tx, w := s.begin()
	late := aJob(u)
	_, err := w.Insert(s.ctx(), []store.NewJob{late})
	s.must(err)
	s.insert(jobs(20)...)
	s.insert(jobs(20, unique("", store.UntilEnded, store.ConflictKeep), func(n *store.NewJob) { n.Terms.Unique.Key = n.ID.String() })...)
	p := s.join()
	s.claim(p, 100)
	s.must(tx.Commit())
	s.conflict(late.ID, u)
	s.claimThis(p, late.ID)
}
