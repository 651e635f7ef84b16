package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var copyFlowLaws = []law{
	{"CopyFlow/Chain", "a chain of which half has run goes on in the other store where it was", copyFlowChain},
	{"CopyFlow/Batch", "a batch that is open comes along with its members as they stand, those too that stand in, and ends when the others have ended", copyFlowBatch},
	{"CopyFlow/Held", "what is held for a person is held in the other store, and let go or reopened there", copyFlowHeld},
	{"CopyFlow/Cut", "what was cancelled for an upstream comes back in the other store when that is retried, with the batch that it is a member of", copyFlowCut},
	{"CopyFlow/Failing", "what waits for a failure in a batch that is open, and for something else, has not forgotten it", copyFlowFailing},
	{"CopyFlow/Unsettled", "what the other store has not been told is settled there when it is adopted, and no sooner", copyFlowUnsettled},
	{"CopyFlow/Expire", "what waits for others expires in the other store only when it has been let go", copyFlowExpire},
	{"CopyFlow/Pages", "it comes along the same whatever comes first", copyFlowPages},
}

// arrived is a scene on another store to which all jobs were moved, before it is adopted. What
// has come is what was there.
func (s *scene) arrived() *scene {
	s.t.Helper()
	to := &scene{t: s.t, Subject: s.open(s.t), open: s.open}
	s.must(to.Store.SetMove(s.ctx(), store.Move{ID: store.NewID(), From: "here", To: "there"}))
	from := s.export()
	s.imports(to, from)
	return to
}

// imports stores jobs, one by one, and wants them to be what they were.
func (s *scene) imports(to *scene, from []store.Copied) {
	s.t.Helper()
	for i := range from {
		if n, err := to.Store.Import(s.ctx(), from[i:i+1]); err != nil || n != 1 {
			s.t.Fatalf("Import of job %s = %d, %v", from[i].ID, n, err)
		}
	}
	book, err := s.Store.ExportBook(s.ctx())
	s.must(err)
	s.must(to.Store.ImportBook(s.ctx(), book))
	got := to.export()
	if len(got) != len(from) {
		s.t.Fatalf("%d jobs came, want %d", len(got), len(from))
	}
	from = slices.SortedFunc(slices.Values(from), func(a, b store.Copied) int { return a.ID.Compare(b.ID) })
	for i := range got {
		if got[i].Sum() != from[i].Sum() {
			s.t.Errorf("a job came as\n%+v, want\n%+v", got[i], from[i])
		}
	}
}

// moved is arrived, adopted and settled.
func (s *scene) moved() *scene {
	s.t.Helper()
	to := s.arrived()
	to.adopts()
	return to
}

func (s *scene) adopts() {
	s.t.Helper()
	s.must(s.Store.Adopt(s.ctx()))
	s.settle()
}

// runs runs the only job of a queue that can be started, and ends it so.
func (s *scene) runs(p store.ID, name string, outcome store.Outcome) {
	s.t.Helper()
	got := s.claimFrom(p, name, 10)
	if len(got) != 1 {
		s.t.Fatalf("claimed %v from %s, want one job", ids(got), name)
	}
	s.finish(p, ended(got[0], outcome))
	s.settle()
}

func copyFlowChain(s *scene) {
	all := chain(4)
	s.plans(all...)
	s.ends(s.join(), all[0].ID, store.OutcomeCompleted)
	edges := s.edgesOf(idsOf(all)...)

	to := s.moved()

	p := to.join()
	to.awaits(all[2].ID, all[3].ID)
	if got := to.edgesOf(idsOf(all)...); !slices.Equal(got, edges) {
		s.t.Errorf("edges came as %+v, want %+v", got, edges)
	}
	to.wantFound(store.Filter{Flow: all[3].Terms.Flow}, all[3].ID)
	for _, n := range all[1:] {
		to.ends(p, n.ID, store.OutcomeCompleted)
	}
	to.wantTakes(p)
}

func copyFlowBatch(s *scene) {
	key := func(n *store.NewJob) {
		terms(n).Unique = &store.Unique{Key: "one", Until: store.UntilEnded, OnConflict: store.ConflictKeep}
	}
	old := s.enqueue(queue("old"), key)
	outer, batch := aBatch(), aBatch()
	in(outer.ID)(&batch)
	done, open := aJob(queue("done"), in(batch.ID)), aJob(queue("open"), in(batch.ID))
	s.plans(outer, batch, done, open, aJob(after(batch.ID), queue("behind")), aJob(after(outer.ID), queue("last")))
	if got := s.inserts(aJob(queue("new"), key, in(batch.ID))); got[0].ID != old {
		s.t.Fatalf("Insert under a key that is taken = %+v", got)
	}
	s.settle()
	s.runs(s.join(), "done", store.OutcomeCompleted)
	s.wantCount(batch.ID, store.BatchCount{Members: 3, Open: 2, Completed: 1})

	to := s.moved()

	p := to.join()
	to.awaits(outer.ID, batch.ID)
	to.wantCount(batch.ID, store.BatchCount{Members: 3, Open: 2, Completed: 1})
	to.plans(aJob(queue("added"), in(batch.ID)))
	to.runs(p, "open", store.OutcomeCompleted)
	to.runs(p, "old", store.OutcomeCompleted)
	to.awaits(batch.ID)
	to.runs(p, "added", store.OutcomeCompleted)
	to.want(batch.ID, store.Completed)
	to.want(outer.ID, store.Completed)
	to.runs(p, "behind", store.OutcomeCompleted)
	to.runs(p, "last", store.OutcomeCompleted)
}

func copyFlowHeld(s *scene) {
	first := s.enqueue(queue("first"))
	hold := by(store.OnCompleted, store.ElseHold, first)
	let, again := s.plan(hold, queue("let")), s.plan(hold, queue("again"))
	behind := s.plan(after(let), queue("behind"))
	s.runs(s.join(), "first", store.OutcomeDiscarded)

	to := s.moved()

	p := to.join()
	to.holds(let, again)
	to.awaits(behind)
	if a := to.act(store.RunNow, let); a.Effect != store.Done {
		s.t.Errorf("RunNow of a held job: %+v, want it done", a)
	}
	to.runs(p, "let", store.OutcomeCompleted)
	to.runs(p, "behind", store.OutcomeCompleted)
	to.retries(first)
	to.awaits(again)
	to.runs(p, "first", store.OutcomeCompleted)
	to.runs(p, "again", store.OutcomeCompleted)
}

func copyFlowCut(s *scene) {
	batch := aBatch()
	first := aJob(queue("first"))
	cut := aJob(after(first.ID), in(batch.ID), queue("cut"))
	behind := aJob(after(cut.ID), queue("behind"))
	byHand := aJob(after(first.ID), queue("hand"))
	s.plans(batch, first, cut, behind, byHand)
	s.cancel(byHand.ID)
	s.runs(s.join(), "first", store.OutcomeDiscarded)
	s.want(batch.ID, store.Cancelled)

	to := s.moved()

	p := to.join()
	to.spurned(cut.ID, first.ID, store.Discarded)
	to.spurned(behind.ID, cut.ID, store.Cancelled)
	to.want(batch.ID, store.Cancelled)
	to.retries(first.ID)
	to.awaits(cut.ID, behind.ID, batch.ID)
	to.want(byHand.ID, store.Cancelled)
	for _, name := range []string{"first", "cut", "behind"} {
		to.runs(p, name, store.OutcomeCompleted)
	}
	to.want(batch.ID, store.Completed)
}

func copyFlowFailing(s *scene) {
	other := s.enqueue(queue("other"))
	batch := aBatch()
	fails, open := aJob(queue("fails"), in(batch.ID)), aJob(queue("open"), in(batch.ID))
	mends := aJob(by(store.OnFailed, store.ElseCancel, batch.ID), after(other), queue("mends"))
	s.plans(batch, fails, open, mends)
	s.runs(s.join(), "fails", store.OutcomeDiscarded)
	s.awaits(mends.ID)

	to := s.moved()

	p := to.join()
	to.awaits(mends.ID, batch.ID)
	to.runs(p, "other", store.OutcomeCompleted)
	to.runs(p, "mends", store.OutcomeCompleted)
	to.runs(p, "open", store.OutcomeCompleted)
	to.want(batch.ID, store.Discarded)
}

func copyFlowUnsettled(s *scene) {
	batch := aBatch()
	first := aJob(queue("first"), in(batch.ID))
	waits, never := aJob(by(store.OnEnded, store.ElseCancel, first.ID), queue("waits")), aJob(after(first.ID))
	s.plans(batch, first, waits, never)
	p := s.join()
	if got := s.claimFrom(p, "first", 1); len(got) != 1 {
		s.t.Fatalf("claimed %v, want %s", ids(got), first.ID)
	}
	s.cancel(first.ID) // it runs: where it goes to, it is cancelled

	to := s.arrived()

	to.want(first.ID, store.Cancelled)
	to.awaits(waits.ID, never.ID, batch.ID)
	to.adopts()
	to.spurned(never.ID, first.ID, store.Cancelled)
	to.want(batch.ID, store.Cancelled)
	to.runs(to.join(), "waits", store.OutcomeCompleted)
}

func copyFlowExpire(s *scene) {
	first := s.enqueue(queue("first"))
	expires := func(n *store.NewJob) { terms(n).Expire = time.Hour }
	limited := func(n *store.NewJob) { terms(n).Limits = []store.Use{{Limit: "one"}} }
	s.must(s.Store.PutLimits(s.ctx(), []store.Limit{{Name: "one", Max: 1}}))
	waits := s.plan(after(first), queue("waits"), expires, limited)
	later := s.plan(after(first), queue("later"), delay(time.Hour), limited)

	to := s.moved()

	if v := to.observed(); !v.Expire.IsZero() {
		s.t.Errorf("View.Expire is %v while the job waits for another", v.Expire)
	}
	p := to.join()
	to.runs(p, "first", store.OutcomeCompleted)
	to.want(later, store.Scheduled)
	if v := to.observed(); v.Expire.IsZero() {
		s.t.Error("the job can't expire when it has been let go")
	}
	to.want(waits, store.Available)
	to.runs(p, "waits", store.OutcomeCompleted)
}

func copyFlowPages(s *scene) {
	batch := aBatch()
	all := chain(3, in(batch.ID))
	last := aJob(after(batch.ID))
	s.plans(append(append([]store.NewJob{batch}, all...), last)...)
	s.ends(s.join(), all[0].ID, store.OutcomeCompleted)
	from := s.export()
	slices.Reverse(from)

	to := &scene{t: s.t, Subject: s.open(s.t), open: s.open}
	s.must(to.Store.SetMove(s.ctx(), store.Move{ID: store.NewID(), From: "here", To: "there"}))
	s.imports(to, from)
	to.adopts()

	p := to.join()
	for _, id := range []store.ID{all[1].ID, all[2].ID, last.ID} {
		to.ends(p, id, store.OutcomeCompleted)
	}
	to.want(batch.ID, store.Completed)
}
