package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var flowTermsLaws = []law{
	{"Flow/Later", "a job that is let go runs at its time, or at once if that has passed", flowLater},
	{"Flow/Limit", "a job that waits for others holds no limit and waits for none, until it is let go", flowLimit},
	{"Flow/Drop", "a job that a full limit drops when it is let go is cancelled, for what is after it too", flowDrop},
	{"Flow/DropUpstream", "an upstream that its limit drops at the insert is cancelled", flowDropUpstream},
	{"Flow/Newest", "one that was let through or waits for a newer one's sake is cancelled too", flowNewest},
	{"Flow/Strict", "jobs after each other may be under one strict limit", flowStrict},
	{"Flow/Turn", "a job gets its turn when it is let go", flowTurn},
	{"Flow/Unique", "the job that holds the unique key of an upstream stands in for it", flowUnique},
	{"Flow/UniqueReplace", "so does one that takes its input", flowUniqueReplace},
	{"Flow/UniqueWaits", "a job that waits for others holds its unique key", flowUniqueWaits},
	{"Flow/Expire", "a job that waits for others does not expire, and when it is let go has its time", flowExpire},
	{"Flow/ExpireUpstream", "what is after a job that expires is told", flowExpireUpstream},
	{"Flow/Paused", "what ends while queues, tasks and limits are paused is told to what waits", flowPaused},
	{"Flow/Parked", "a job that is let go and has nobody who knows its task is parked as any other", flowParked},
	{"Flow/Schedule", "jobs of a tick may wait for each other", flowSchedule},
	{"Flow/Prune", "a job is kept until all that is after it has ended, and then as long as any other", flowPrune},
	{"Flow/PruneDownstream", "when what was after a job is pruned, nothing keeps that job", flowPruneDownstream},
	{"Batch/Prune", "members are kept until their batch has ended", batchPrune},
	{"Batch/PruneDeleted", "a deleted member is not forgotten while its batch is open", batchPruneDeleted},
}

func flowLater(s *scene) {
	p := s.join()
	first := s.enqueue()
	soon, later := s.plan(after(first), delay(time.Hour)), s.plan(after(first), delay(3*time.Hour))
	s.advance(2 * time.Hour)
	before := s.now()
	s.ends(p, first, store.OutcomeCompleted)
	c := s.takesThis(p, soon)
	s.between("RunAt", c.RunAt, before, s.now())
	j := s.want(later, store.Scheduled)
	s.between("RunAt", j.RunAt, before.Add(50*time.Minute), before.Add(time.Hour))
	s.advance(time.Hour + time.Second)
	s.takesThis(p, later)
}

func flowLimit(s *scene) {
	s.one("crm")
	p := s.join()
	first := s.enqueue()
	waits := jobs(3, after(first), under("crm", "acme"))
	s.plans(waits...)
	s.wantKey("crm", "acme", 0, 0)
	other := s.let(under("crm", "acme"))
	s.wantTakes(p, first, other)
	s.wantKey("crm", "acme", 1, 0)
	s.awaits(idsOf(waits)...)
	s.finishAll(p, first, other)
	got := s.runAll(p)
	if !sameIDs(got, idsOf(waits)) {
		s.t.Errorf("%v ran, want %v", got, idsOf(waits))
	}
	s.wantKey("crm", "acme", 0, 0)
}

// finishAll completes running jobs of a process.
func (s *scene) finishAll(p store.ID, list ...store.ID) {
	s.t.Helper()
	for _, id := range list {
		j := s.want(id, store.Running)
		s.finish(p, store.Ended{
			Fence: store.Fence{ID: id, Attempt: j.Attempt}, Task: j.Task, Queue: j.Queue, Outcome: store.OutcomeCompleted, Terms: j.Terms,
		})
	}
	s.settle()
}

func flowDrop(s *scene) {
	s.full(store.FullDrop)
	p := s.join()
	first := s.enqueue(queue("first"))
	dropped := s.plan(after(first), under("crm", "acme"))
	behind, ends := s.plan(after(dropped)), s.plan(by(store.OnEnded, store.ElseCancel, dropped), queue("ends"))
	s.let(under("crm", "acme"))
	s.awaits(dropped)
	s.finish(p, completed(s.claimFrom(p, "first", 1)[0]))
	s.settle()
	s.want(dropped, store.Cancelled)
	s.spurned(behind, dropped, store.Cancelled)
	s.want(ends, store.Available)
}

func flowDropUpstream(s *scene) {
	s.full(store.FullDrop)
	b := aBatch()
	first, dropped := aJob(under("crm", "acme")), aJob(under("crm", "acme"), in(b.ID))
	never, held := aJob(after(first.ID, dropped.ID)), aJob(by(store.OnCompleted, store.ElseHold, dropped.ID))
	ends := aJob(by(store.OnEnded, store.ElseCancel, dropped.ID))
	s.plans(b, first, dropped, never, held, ends)
	s.want(dropped.ID, store.Cancelled)
	s.spurned(never.ID, dropped.ID, store.Cancelled)
	s.holds(held.ID)
	s.want(b.ID, store.Cancelled)
	s.wantTakes(s.join(), first.ID, ends.ID)
}

func flowNewest(s *scene) {
	s.full(store.FullCancel)
	p := s.join()
	first := s.let(under("crm", "acme"))
	waits, ends := s.plan(after(first)), s.plan(by(store.OnEnded, store.ElseCancel, first))
	second := s.let(under("crm", "acme"))
	s.settle()
	s.want(first, store.Cancelled)
	s.spurned(waits, first, store.Cancelled)
	got := s.takesAll(p, "mail")
	if !sameIDs(ids(got), []store.ID{second, ends}) {
		s.t.Errorf("claimed %v, want %s and %s", ids(got), second, ends)
	}
}

func flowStrict(s *scene) {
	s.limits(store.Limit{Name: "seat", Max: 1, Strict: true})
	p := s.join()
	all := chain(3, under("seat", "a"))
	s.plans(all...)
	s.ends(p, all[0].ID, store.OutcomeDiscarded)
	s.spurned(all[1].ID, all[0].ID, store.Discarded)
	s.retries(all[0].ID)
	if got := s.runAll(p); !slices.Equal(got, idsOf(all)) {
		s.t.Errorf("%v ran, want %v", got, idsOf(all))
	}
	s.wantKey("seat", "a", 0, 0)
}

func flowTurn(s *scene) {
	p := s.join()
	first := s.enqueue(queue("first"))
	waits := jobs(3, after(first), turn("a", 0))
	s.plans(waits...)
	s.wantTakes(p)
	s.finish(p, completed(s.claimFrom(p, "first", 1)[0]))
	s.settle()
	b := s.enqueue(turn("b", 0))
	got := ids(s.takesAll(p, "mail"))
	if len(got) != 4 || slices.Index(got, b) > 1 {
		s.t.Errorf("claimed %v, want %s in turn with the first of %v", got, b, idsOf(waits))
	}
}

func flowUnique(s *scene) {
	p := s.join()
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	holder := s.enqueue(u, queue("holder"))
	kept, other := aJob(u), aJob(u)
	next, both := aJob(after(kept.ID)), aJob(after(kept.ID, other.ID))
	for i, in := range s.inserts(kept, other, next, both) {
		if i < 2 && (in.ID != holder || !in.Existing) || i >= 2 && in.Existing {
			s.t.Errorf("Insert of job %d = %+v, want it kept out by %s", i, in, holder)
		}
	}
	s.settle()
	s.awaits(next.ID, both.ID)
	if e := s.edgesOf(next.ID); len(e) != 1 || e[0].Upstream != holder {
		s.t.Errorf("edges are %+v, want one to %s", e, holder)
	}
	s.finish(p, completed(s.claimFrom(p, "holder", 1)[0]))
	s.settle()
	s.wantTakes(p, next.ID, both.ID)
	s.refusedAfter(s.Store, kept.ID, aJob(after(kept.ID))) // it was never stored
	if s.Begin == nil {
		return
	}
	s.enqueue(u, queue("holder"))
	tx, w := s.begin()
	kept = aJob(u)
	next = aJob(after(kept.ID))
	_, err := w.Insert(s.ctx(), []store.NewJob{kept, next})
	s.must(err)
	s.must(tx.Commit())
	s.settle()
	s.awaits(next.ID)
	s.finish(p, completed(s.claimFrom(p, "holder", 1)[0]))
	s.settle()
	s.takesThis(p, next.ID)
}

func flowUniqueReplace(s *scene) {
	p := s.join()
	u := unique("k", store.UntilEnded, store.ConflictReplace)
	old := s.enqueue(u, input([]byte("1")))
	fresh := aJob(u, input([]byte("2")))
	next := aJob(after(fresh.ID))
	if in := s.inserts(fresh, next); in[0] != (store.Inserted{ID: old, Existing: true, Replaced: true}) || in[1].ID != next.ID {
		s.t.Errorf("Insert = %+v, want the first to replace the input of %s", in, old)
	}
	s.settle()
	s.awaits(next.ID)
	c := s.takesThis(p, old)
	if string(c.Input) != "2" {
		s.t.Errorf("input is %s, want 2", c.Input)
	}
	s.finish(p, completed(c))
	s.settle()
	s.takesThis(p, next.ID)
}

func flowUniqueWaits(s *scene) {
	p := s.join()
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	first := s.enqueue()
	waits := s.plan(after(first), u)
	s.conflict(waits, u)
	s.ends(p, first, store.OutcomeCompleted)
	s.conflict(waits, u)
	s.ends(p, waits, store.OutcomeCompleted)
	never := s.plan(by(store.OnFailed, store.ElseCancel, first), u)
	s.spurned(never, first, store.Completed)
	s.enqueue(u)
}

func flowExpire(s *scene) {
	p := s.join()
	first := s.enqueue(queue("first"))
	waits, later := s.plan(after(first), expire(time.Hour)), s.plan(after(first), expire(time.Hour), delay(10*time.Hour))
	held := s.plan(by(store.OnFailed, store.ElseHold, first), expire(time.Hour))
	s.advance(5 * time.Hour)
	if v := s.observed(); !v.Expire.IsZero() {
		s.t.Errorf("Look wants Expire at %v, though all that may expire waits", v.Expire)
	}
	s.expires(0)
	if at := s.place(waits).ExpiresAt; !at.IsZero() {
		s.t.Errorf("it expires at %v, though it waits", at)
	}
	s.finish(p, completed(s.claimFrom(p, "first", 1)[0]))
	s.settle()
	s.same("ExpiresAt", s.place(waits).ExpiresAt, s.job(waits).RunAt.Add(time.Hour))
	s.advance(59 * time.Minute)
	s.expires(0)
	s.advance(time.Minute + time.Second)
	s.expires(1)
	s.want(waits, store.Expired)
	s.want(later, store.Scheduled)
	s.advance(6 * time.Hour)
	s.expires(1)
	s.want(later, store.Expired)
	s.holds(held)
	s.act(store.RunNow, held)
	s.advance(30 * time.Minute)
	s.expires(0)
	if c := s.takesThis(p, held); c.ExpiresAt.IsZero() {
		s.t.Error("the claim does not say when the job expires")
	}
}

func flowExpireUpstream(s *scene) {
	first := s.enqueue(expire(time.Hour))
	next, ends := s.plan(after(first)), s.plan(by(store.OnEnded, store.ElseCancel, first))
	batch, _ := s.gather(1, expire(time.Hour))
	s.advance(time.Hour + time.Second)
	s.expires(2)
	s.settle()
	s.spurned(next, first, store.Expired)
	s.want(batch, store.Cancelled)
	s.takesThis(s.join(), ends)
}

func flowPaused(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 5})
	p := s.join()
	first := s.enqueue()
	next, limited := s.plan(after(first)), s.plan(after(first), under("crm", "acme"))
	c := s.takesThis(p, first)
	use := store.Use{Limit: "crm", Key: "acme"}
	s.control(store.Control{PauseQueue: "mail"})
	s.control(store.Control{PauseTask: "send"})
	s.control(store.Control{PauseLimit: use, PauseFor: time.Hour})
	s.finish(p, completed(c))
	s.settle()
	s.want(next, store.Available)
	s.wantWaits(limited, "crm")
	s.control(store.Control{ResumeQueue: "mail"})
	s.control(store.Control{ResumeTask: "send"})
	s.advance(time.Hour + time.Second)
	s.settle()
	if got := s.takesAll(p, "mail"); !sameIDs(ids(got), []store.ID{next, limited}) {
		s.t.Errorf("claimed %v, want %v and %v", ids(got), next, limited)
	}
}

func flowParked(s *scene) {
	p := s.join()
	first := s.enqueue()
	next := s.plan(after(first), task("draw"))
	s.ends(p, first, store.OutcomeCompleted)
	s.must(s.Store.Park(s.ctx(), p, false, fences(s.takesThis(p, next))))
	if j := s.want(next, store.Blocked); j.Waits != store.WaitsTask {
		s.t.Errorf("it waits for %q, want for a process that knows its task", j.Waits)
	}
	if v := s.observed(); len(v.Parked) != 1 {
		s.t.Errorf("Look shows parked %v, want one", v.Parked)
	}
	if got := s.claimParked(p, "mail", 1, "draw"); len(got) != 1 {
		s.t.Errorf("claimed %v, want %s", ids(got), next)
	}
}

func flowSchedule(s *scene) {
	p := s.join()
	c := s.nightly(-time.Minute)
	s.put(c)
	b := aBatch()
	all := chain(2, in(b.ID))
	s.tick(1, func(now time.Time, c store.Schedule) (store.Ticked, error) {
		t, err := daily(now, c)
		t.Jobs = append([]store.NewJob{b}, all...)
		return t, err
	})
	s.settle()
	for _, n := range all {
		s.awaits(b.ID)
		s.ends(p, n.ID, store.OutcomeCompleted)
	}
	s.want(b.ID, store.Completed)
}

// keeps prunes, and wants jobs to be kept.
func (s *scene) keeps(list ...store.ID) {
	s.t.Helper()
	s.prune(1000)
	for _, id := range list {
		if len(s.find(id)) != 1 {
			s.t.Errorf("job %s was pruned", id)
		}
	}
}

func flowPrune(s *scene) {
	p := s.join()
	short := retain(time.Hour)
	first, other := s.enqueue(short), s.enqueue(queue("other"), short)
	next := s.plan(after(first, other), short)
	never := s.plan(by(store.OnFailed, store.ElseHold, first), short)
	alone := s.enqueue(short)
	for _, c := range s.wantTakes(p, first, alone) {
		s.finish(p, completed(c))
	}
	s.settle()
	s.advance(40 * 24 * time.Hour)
	s.keeps(first, next, never)
	s.wantGone(alone)
	s.cancel(never)
	s.keeps(first)
	s.finish(p, completed(s.claimFrom(p, "other", 1)[0]))
	s.settle()
	s.advance(2 * time.Hour)
	s.keeps(first, other, next)
	c := s.takesThis(p, next)
	s.keeps(first, other)
	if e := s.edgesOf(next); len(e) != 2 || e[0].State != store.Completed || e[1].State != store.Completed {
		s.t.Errorf("edges are %+v, want both completed", e)
	}
	s.finish(p, completed(c))
	s.keeps(next)
	s.wantGone(first)
	s.wantGone(other)
	if e := s.edgesOf(next); len(e) != 2 || e[0].Upstream != first || e[0].State != store.Completed {
		s.t.Errorf("edges are %+v, want them as they were", e)
	}
	s.advance(2 * time.Hour)
	s.prune(1000)
	s.wantAll(0)
	if e := s.edgesOf(next); len(e) > 0 {
		s.t.Errorf("edges are %+v of a job that was pruned", e)
	}
}

func flowPruneDownstream(s *scene) {
	p := s.join()
	first := s.enqueue(retain(2 * time.Hour))
	next := s.plan(after(first), retain(time.Hour))
	s.ends(p, first, store.OutcomeDiscarded)
	s.spurned(next, first, store.Discarded)
	s.advance(90 * time.Minute)
	s.keeps(first)
	s.wantGone(next)
	s.retries(first)
	s.ends(p, first, store.OutcomeDiscarded)
	s.advance(3 * time.Hour)
	s.prune(1000)
	s.wantAll(0)
}

func batchPrune(s *scene) {
	p := s.join()
	short := retain(time.Hour)
	batch, members := s.gather(3, short)
	claimed := s.wantTakes(p, idsOf(members)...)
	s.finish(p, completed(claimed[0]), ended(claimed[1], store.OutcomeDiscarded))
	s.settle()
	s.advance(40 * 24 * time.Hour)
	s.keeps(batch, members[0].ID, members[1].ID)
	s.finish(p, completed(claimed[2]))
	s.settle()
	s.want(batch, store.Discarded)
	s.keeps(batch, members[2].ID)
	s.wantGone(members[0].ID)
	s.wantGone(members[1].ID)
	s.advance(40 * 24 * time.Hour)
	s.prune(1000)
	s.wantGone(batch)
	if counts, err := s.Store.Batches(s.ctx(), batch); err != nil || len(counts) > 0 {
		s.t.Errorf("Batches = %v, %v; want none of a batch that was pruned", counts, err)
	}
}

func batchPruneDeleted(s *scene) {
	p := s.join()
	batch, members := s.gather(2)
	s.act(store.Delete, members[0].ID)
	s.settle()
	s.advance(40 * 24 * time.Hour)
	s.keeps(batch)
	s.wantCount(batch, store.BatchCount{Members: 2, Open: 1, Cancelled: 1})
	s.ends(p, members[1].ID, store.OutcomeCompleted)
	s.want(batch, store.Cancelled)
}
