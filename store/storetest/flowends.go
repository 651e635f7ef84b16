package storetest

import (
	"time"

	"github.com/offloadhq/offload/store"
)

var flowEndsLaws = []law{
	{"Flow/Signalled", "what is after a running job that was cancelled is told whichever way that ends", flowSignalled},
	{"Flow/DropLater", "what is after a job is told when a limit drops it at the claim", flowDropLater},
	{"Flow/NewestLater", "so it is when a claim finds a newer one of its key", flowNewestLater},
	{"Flow/Tick", "what is after a job is told when a tick cancels it", flowTick},
	{"Flow/Started", "a job may be after one that was started at its insert", flowStarted},
	{"Flow/Together", "a job under a limit, in turn, unique, with a time to expire, waits, is let go and runs", flowTogether},
	{"Batch/Large", "a batch of many members ends, and lets go what is after it", batchLarge},
}

func flowSignalled(s *scene) {
	for _, way := range []struct {
		name string
		end  func(p store.ID, c store.Claimed)
	}{
		{"released", func(p store.ID, c store.Claimed) { s.must(s.Store.Release(s.ctx(), p, fences(c))) }},
		{"parked", func(p store.ID, c store.Claimed) { s.must(s.Store.Park(s.ctx(), p, false, fences(c))) }},
		{"left", func(p store.ID, _ store.Claimed) { s.must(s.Store.Leave(s.ctx(), p)) }},
		{"lost", func(p store.ID, _ store.Claimed) { s.declareLost(p) }},
		{"retried", func(p store.ID, c store.Claimed) { s.finish(p, retried(c, 0)) }},
	} {
		batch, members := s.gather(1)
		id := members[0].ID
		ends, never := s.plan(by(store.OnEnded, store.ElseCancel, id), queue(way.name)), s.plan(after(id))
		p := s.join()
		c := s.takesThis(p, id)
		s.cancel(id)
		s.settle()
		s.awaits(batch, ends, never)
		way.end(p, c)
		s.settle()
		s.spurned(never, id, store.Cancelled)
		if j := s.job(batch); j.State != store.Cancelled || s.job(ends).State != store.Available {
			s.t.Errorf("when its process %s it, the batch is %s, and what is after it %s", way.name, j.State, s.job(ends).State)
		}
	}
}

func flowDropLater(s *scene) {
	s.full(store.FullDrop)
	p := s.join()
	s.let(under("crm", "acme"), queue("other"))
	dropped := s.enqueue(under("crm", "acme"), delay(time.Hour))
	batch := aBatch()
	member := aJob(in(batch.ID), under("crm", "acme"), delay(time.Hour))
	never, ends := aJob(after(dropped)), aJob(by(store.OnEnded, store.ElseCancel, dropped), queue("ends"))
	s.plans(batch, member, never, ends)
	s.awaits(never.ID, ends.ID, batch.ID)
	s.advance(time.Hour + time.Second)
	s.wantTakes(p)
	s.want(dropped, store.Cancelled)
	s.spurned(never.ID, dropped, store.Cancelled)
	s.want(ends.ID, store.Available)
	s.want(batch.ID, store.Cancelled)
}

func flowNewestLater(s *scene) {
	s.full(store.FullCancel)
	p := s.join()
	first := s.let(under("crm", "acme"), queue("other"))
	never := s.plan(after(first), queue("after"))
	later := s.enqueue(under("crm", "acme"), delay(time.Hour))
	s.advance(time.Hour + time.Second)
	s.takesThis(p, later)
	s.spurned(never, first, store.Cancelled)
}

func flowTick(s *scene) {
	first := s.enqueue()
	never := s.plan(after(first))
	s.put(s.nightly(-time.Minute))
	s.tick(1, func(now time.Time, c store.Schedule) (store.Ticked, error) {
		t, err := daily(now, c)
		t.Cancel = []store.ID{first}
		return t, err
	})
	s.settle()
	s.spurned(never, first, store.Cancelled)
}

func flowStarted(s *scene) {
	p := s.join()
	n := aJob()
	c := s.start(p, n)
	next := s.plan(after(n.ID))
	s.awaits(next)
	s.finish(p, completed(c))
	s.settle()
	s.takesThis(p, next)
}

func flowTogether(s *scene) {
	s.one("crm")
	p := s.join()
	first := s.enqueue(queue("first"))
	with := []func(*store.NewJob){
		after(first), under("crm", "acme"), turn("a", 0), unique("k", store.UntilEnded, store.ConflictKeep),
		expire(2 * time.Hour), delay(time.Hour),
	}
	id := s.plan(with...)
	s.conflict(id, unique("k", store.UntilEnded, store.ConflictKeep))
	s.advance(5 * time.Hour)
	s.expires(0)
	s.awaits(id)
	holds := s.takesThis(p, s.let(under("crm", "acme")))
	s.finish(p, completed(s.claimFrom(p, "first", 1)[0]))
	s.settle()
	s.wantWaits(id, "crm")
	s.advance(time.Hour)
	s.expires(0)
	s.finish(p, completed(holds))
	s.settle()
	c := s.takesThis(p, id)
	if c.ExpiresAt.IsZero() || c.Terms == nil || c.Terms.Turn == nil || c.Terms.Flow.IsZero() {
		s.t.Errorf("claimed %+v with terms %+v, want those that it was given", c, c.Terms)
	}
	s.finish(p, completed(c))
	s.settle()
	s.wantKey("crm", "acme", 0, 0)
	s.enqueue(unique("k", store.UntilEnded, store.ConflictKeep))
	s.let(under("crm", "acme"))
}

func batchLarge(s *scene) {
	p := s.join()
	n := *backlog / 3
	batch, _ := s.gather(n)
	done := s.plan(after(batch), queue("after"))
	var all []store.Ended
	for _, c := range s.takesAll(p, "mail") {
		all = append(all, completed(c))
	}
	s.finish(p, all[1:]...)
	s.settle()
	s.wantCount(batch, store.BatchCount{Members: n, Open: 1, Completed: n - 1})
	s.awaits(batch, done)
	s.finish(p, all[0])
	s.settle()
	s.want(batch, store.Completed)
	s.want(done, store.Available)
}
