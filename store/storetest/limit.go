package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var limitLaws = []law{
	{"Limit/Max", "so many jobs of a key are let through, and the others wait, whatever other keys do", limitMax},
	{"Limit/Bulk", "so it is when they are inserted at once", limitBulk},
	{"Limit/Unknown", "a job under a limit that nobody has made known waits until somebody does", limitUnknown},
	{"Limit/EndLetsNext", "whichever way an attempt ends for good, its finish lets the next of the key through", limitEndLetsNext},
	{"Limit/EndMany", "jobs that end together let the next of all their keys through", limitEndMany},
	{"Limit/RetryLeaves", "a job that is to be retried or snoozes leaves its limit, and has to get through again", limitRetryLeaves},
	{"Limit/CancelDue", "a job that is cancelled or deleted before its start leaves its limit", limitCancelDue},
	{"Limit/CancelWaiting", "a job that waits can be cancelled and deleted, and does not stand in the way of others", limitCancelWaiting},
	{"Limit/CancelRunning", "a running job that is cancelled holds its limit until it has ended", limitCancelRunning},
	{"Limit/PutBack", "a job that is released, whose process leaves or is lost, holds its limit all the while", limitPutBack},
	{"Limit/Zombie", "what a lost process still writes lets nobody through", limitZombie},
	{"Limit/Suspect", "a suspect holds its limit until it has ended", limitSuspect},
	{"Limit/ReapEnds", "a job that the reaping of its process ends leaves its limit", limitReapEnds},
	{"Limit/Parked", "a parked job leaves its limit, and when it is claimed it has to get through again", limitParked},
	{"Limit/Order", "the jobs of a key of one start in the order of their insert", limitOrder},
	{"Limit/Lanes", "of those that wait for a key, lower priority numbers are let through first", limitLanes},
	{"Limit/Shared", "a limit is shared by tasks and queues", limitShared},
	{"Limit/Several", "a job under several limits needs room in all, and holds none while it waits", limitSeveral},
	{"Limit/Wakes", "a job that is let through wakes a process that sleeps", limitWakes},
	{"Limit/Prune", "pruning forgets nothing that is held or waits", limitPrune},
	{"Limit/Backlog", "however many wait for a key, others go by, and the key goes on", limitBacklog},
	{"Limit/AdmitMost", "Admit looks at no more jobs than it is told, and says that there may be more", limitAdmitMost},
	{"Limit/AdmitAtOnce", "processes that admit at the same time let no more through than there is room for", limitAdmitAtOnce},
	{"Limit/OtherProcess", "a limit holds over all processes", limitOtherProcess},
}

func limitMax(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 2})
	a, b := s.let(under("crm", "acme")), s.let(under("crm", "acme"))
	third := s.waits(under("crm", "acme"))
	if j := s.job(third); j.Limit != (store.Use{Limit: "crm", Key: "acme"}) {
		s.t.Errorf("it waits for %+v, want crm of acme", j.Limit)
	}
	other, none, plain := s.let(under("crm", "other")), s.let(under("crm", "")), s.enqueue()

	s.wantTakes(s.join(), a, b, other, none, plain)
	s.waits(under("crm", "acme"))
	s.wantKey("crm", "acme", 2, 2)
	s.wantAll(7)
}

func limitBulk(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 3})
	var all []store.NewJob
	for i := range 40 {
		all = append(all, aJob(under("crm", fmt.Sprint(i%4))))
	}
	all = append(all, jobs(5)...)
	var through []store.ID
	for i, in := range s.inserts(all...) {
		want := store.Inserted{ID: all[i].ID}
		if i >= 12 && i < 40 {
			want.State = store.Blocked
		} else {
			through = append(through, in.ID)
		}
		if in != want {
			s.t.Errorf("answer %d is %+v, want %+v", i, in, want)
		}
	}
	if got := ids(s.takesAll(s.join(), "mail")); !sameIDs(got, through) {
		s.t.Errorf("claimed %d jobs %v, want the first 3 of each key, and plain ones: %v", len(got), got, through)
	}
	for i := range 4 {
		s.wantKey("crm", fmt.Sprint(i), 3, 7)
	}
}

func limitUnknown(s *scene) {
	id := s.waits(under("crm", "acme"))
	s.settle()
	s.wantTakes(s.join())
	s.one("crm")
	s.settle()
	s.takesThis(s.join(), id)
}

func limitEndLetsNext(s *scene) {
	s.one("crm")
	p := s.join()
	s.let(under("crm", "acme"))
	for _, outcome := range []store.Outcome{
		store.OutcomeCompleted, store.OutcomeDiscarded, store.OutcomeCancelled, store.OutcomeExpired,
	} {
		next := s.waits(under("crm", "acme"))
		c := s.takes(p, "mail", 10)
		if len(c) != 1 {
			s.t.Fatalf("claimed %v, want the one that holds the limit", ids(c))
		}

		s.finish(p, ended(c[0], outcome))

		s.want(c[0].ID, store.State(outcome))
		s.want(next, store.Available) // without Admit
		s.wantKey("crm", "acme", 1, 0)
	}
}

func limitEndMany(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 2})
	var all []store.NewJob
	for i := range 150 {
		all = append(all, aJob(under("crm", fmt.Sprint(i%25))))
	}
	s.inserts(all...)
	p := s.join()
	for i := 0; i < len(all); i += 50 {
		got := s.takesAll(p, "mail")
		if !sameIDs(ids(got), idsOf(all[i:i+50])) {
			s.t.Fatalf("claimed %d jobs, want the next two of each key", len(got))
		}
		var ends []store.Ended
		for _, c := range got {
			ends = append(ends, completed(c))
		}
		s.finish(p, ends...)
		s.settle()
	}
}

func limitRetryLeaves(s *scene) {
	s.one("crm")
	p := s.join()
	for _, end := range []func(store.Claimed, time.Duration) store.Ended{retried, snoozed} {
		first := s.let(under("crm", "acme"))
		second := s.waits(under("crm", "acme"))
		s.finish(p, end(s.takesThis(p, first), 0))

		c := s.takesThis(p, second) // the claim comes upon the first, and lets it wait

		s.wantWaits(first, "crm")
		if j := s.job(first); j.Attempt != 1 {
			s.t.Errorf("a job that was not let through counts attempt %d", j.Attempt)
		}
		s.finish(p, completed(c))
		s.finish(p, completed(s.takesThis(p, first)))
		s.wantKey("crm", "acme", 0, 0)
	}
}

func limitCancelDue(s *scene) {
	s.one("crm")
	p := s.join()
	for _, verb := range []store.Verb{store.Cancel, store.Delete} {
		first := s.let(under("crm", "acme"))
		second, third := s.waits(under("crm", "acme")), s.waits(under("crm", "acme"))
		s.act(verb, first)
		s.settle()
		s.want(second, store.Available)
		s.want(third, store.Blocked)
		s.finish(p, completed(s.takesThis(p, second)))
		s.finish(p, completed(s.takesThis(p, third)))
	}
	s.wantKey("crm", "acme", 0, 0)
}

func limitCancelWaiting(s *scene) {
	s.one("crm")
	first := s.let(under("crm", "acme"))
	second, third := s.waits(under("crm", "acme")), s.waits(under("crm", "acme"))
	fourth := s.waits(under("crm", "acme"))
	for id, verb := range map[store.ID]store.Verb{second: store.Cancel, third: store.Delete} {
		if a := s.act(verb, id); a.Effect != store.Done || a.State != store.Blocked {
			s.t.Errorf("%s of a waiting job: %+v", verb, a)
		}
	}
	s.settle()
	s.want(second, store.Cancelled)
	s.wantGone(third)
	s.wantKey("crm", "acme", 1, 1)
	if got := s.runAll(s.join()); !slices.Equal(got, []store.ID{first, fourth}) {
		s.t.Errorf("%v ran, want %v and %v", got, first, fourth)
	}
}

func limitCancelRunning(s *scene) {
	s.one("crm")
	p := s.join()
	c := s.takesThis(p, s.let(under("crm", "acme")))
	next := s.waits(under("crm", "acme"))
	s.cancel(c.ID)
	s.settle()
	s.want(next, store.Blocked)
	s.finish(p, ended(c, store.OutcomeCancelled))
	s.want(next, store.Available)
}

func limitPutBack(s *scene) {
	s.one("crm")
	for _, back := range []func(p store.ID, c store.Claimed){
		func(p store.ID, c store.Claimed) { s.must(s.Store.Release(s.ctx(), p, fences(c))) },
		func(p store.ID, _ store.Claimed) { s.must(s.Store.Leave(s.ctx(), p)) },
		func(p store.ID, _ store.Claimed) { s.declareLost(p) },
	} {
		p := s.join()
		c := s.takesThis(p, s.let(under("crm", "acme")))
		next := s.waits(under("crm", "acme"))

		back(p, c)

		s.settle()
		s.want(c.ID, store.Available)
		s.want(next, store.Blocked)
		s.wantKey("crm", "acme", 1, 1)
		p = s.join()
		s.finish(p, completed(s.takesThis(p, c.ID)))
		s.finish(p, completed(s.takesThis(p, next)))
	}
}

func limitZombie(s *scene) {
	s.one("crm")
	zombie, p := s.join(), s.join()
	old := s.takesThis(zombie, s.let(under("crm", "acme")))
	next := s.waits(under("crm", "acme"))
	s.declareLost(zombie)
	c := s.takesThis(p, old.ID)

	s.finishLost(zombie, completed(old))
	s.must(s.Store.Release(s.ctx(), zombie, fences(old)))
	s.must(s.Store.Park(s.ctx(), zombie, false, fences(old)))

	s.settle()
	s.want(next, store.Blocked)
	s.wantKey("crm", "acme", 1, 1)
	s.finish(p, completed(c))
	s.takesThis(p, next)
}

func limitSuspect(s *scene) {
	s.one("crm")
	id := s.let(under("crm", "acme"))
	next := s.waits(under("crm", "acme"))
	for range store.SuspectAt {
		p := s.join()
		s.takesThis(p, id)
		s.declareLost(p)
	}
	if j := s.want(id, store.Blocked); j.Waits != store.WaitsAlone {
		s.t.Fatalf("job waits for %q, want a suspect", j.Waits)
	}
	s.settle()
	s.wantKey("crm", "acme", 1, 1)
	s.advance(store.SuspectDelay + time.Second)
	s.wantTakes(s.join())
	p := s.join()
	c := s.claimSuspect(p, "mail", 1)
	if len(c) != 1 || c[0].ID != id {
		s.t.Fatalf("claimed suspects %v, want %v", ids(c), id)
	}
	s.must(s.Store.Park(s.ctx(), p, true, fences(c[0])))
	s.wantKey("crm", "acme", 1, 1)
	s.finish(p, completed(s.claimSuspect(p, "mail", 1)[0]))
	s.takesThis(p, next)
}

func limitReapEnds(s *scene) {
	s.one("crm")
	p := s.join()
	c := s.takesThis(p, s.let(under("crm", "acme")))
	next := s.waits(under("crm", "acme"))
	s.cancel(c.ID)
	s.declareLost(p)
	s.want(c.ID, store.Cancelled)
	s.settle()
	s.want(next, store.Available)

	last := s.waits(under("crm", "acme"))
	s.crashing(next, 2)
	s.advance(store.SuspectDelay + time.Second)
	p = s.join()
	s.claimSuspect(p, "mail", 1)
	s.declareLost(p)
	s.want(next, store.Discarded)
	s.settle()
	s.takesThis(s.join(), last)
}

func limitParked(s *scene) {
	s.one("crm")
	p := s.join()
	parked := s.takesThis(p, s.let(under("crm", "acme")))
	next := s.waits(under("crm", "acme"))
	s.must(s.Store.Park(s.ctx(), p, false, fences(parked)))
	s.settle()
	c := s.takesThis(p, next)
	s.wantKey("crm", "acme", 1, 0)

	if got := s.claimParked(p, "mail", 10, "send"); len(got) > 0 {
		s.t.Fatalf("claimed parked %v though their limit has no room", ids(got))
	}
	s.settle()
	s.wantWaits(parked.ID, "crm")
	if v := s.observed(); len(v.Parked) > 0 {
		s.t.Errorf("Look shows %v as parked, though they wait for a limit", v.Parked)
	}
	s.finish(p, completed(c))
	s.finish(p, completed(s.takesThis(p, parked.ID)))

	parked = s.takesThis(p, s.let(under("crm", "acme")))
	s.must(s.Store.Park(s.ctx(), p, false, fences(parked)))
	got := append(s.claimParked(p, "mail", 10, "send"), s.takesAll(p, "mail")...)
	if !slices.Equal(ids(got), []store.ID{parked.ID}) {
		s.t.Fatalf("claimed %v, want the parked job that has room", ids(got))
	}
	s.wantKey("crm", "acme", 1, 0)
}

func limitOrder(s *scene) {
	s.one("crm")
	var all []store.ID
	for range 10 {
		n := jobs(3, under("crm", "acme"))
		s.inserts(n...)
		all = append(all, idsOf(n)...)
		n = jobs(1, under("crm", "acme"))
		s.inserts(n...)
		all = append(all, n[0].ID)
	}
	if got := s.runAll(s.join()); !slices.Equal(got, all) {
		s.t.Errorf("jobs ran in the order %v\nwant %v", got, all)
	}
}

func limitLanes(s *scene) {
	s.one("crm")
	first := s.let(under("crm", "acme"), priority(9))
	late := s.waits(under("crm", "acme"), priority(7))
	middle := s.waits(under("crm", "acme"))
	early := s.waits(under("crm", "acme"), priority(0))
	want := []store.ID{first, early, middle, late}
	if got := s.runAll(s.join()); !slices.Equal(got, want) {
		s.t.Errorf("jobs ran in the order %v\nwant %v", got, want)
	}
}

func limitShared(s *scene) {
	s.one("crm")
	first := s.let(under("crm", "acme"))
	second := s.waits(under("crm", "acme"), task("draw"), queue("image"))
	third := s.waits(under("crm", "acme"))
	p := s.join()
	c := s.takesThis(p, first)
	s.finish(p, completed(c))
	got := s.takesAll(p, "image")
	if !slices.Equal(ids(got), []store.ID{second}) {
		s.t.Fatalf("claimed %v from the other queue, want %v", ids(got), second)
	}
	s.wantTakes(p)
	s.finish(p, completed(got[0]))
	s.takesThis(p, third)
}

func limitSeveral(s *scene) {
	s.one("crm", "disk")
	p := s.join()
	holder := s.takesThis(p, s.let(under("crm", "acme")))
	both := s.waits(under("disk", ""), under("crm", "acme"))
	s.wantWaits(both, "crm")
	disk := s.let(under("disk", "")) // which the one that waits does not hold
	s.finish(p, completed(holder))
	s.wantWaits(both, "disk")
	crm := s.let(under("crm", "acme"))
	got := s.wantTakes(p, disk, crm)
	s.finish(p, completed(got[0]))
	s.wantWaits(both, "crm")
	s.finish(p, completed(got[1]))
	s.takesThis(p, both)
	s.wantKey("crm", "acme", 1, 0)
	s.wantKey("disk", "", 1, 0)
}

func limitWakes(s *scene) {
	s.one("crm")
	p := s.join()
	s.let(under("crm", "acme"))
	s.wantWake(s.listening("mail"), "mail", func() {
		s.inserts(aJob(under("crm", "acme")))
		for _, c := range s.takes(p, "mail", 1) {
			s.finish(p, completed(c))
		}
	})
}

func limitPrune(s *scene) {
	s.one("crm")
	p := s.join()
	first := s.takesThis(p, s.let(under("crm", "acme")))
	next := s.waits(under("crm", "acme"))
	s.advance(2 * store.RetainTasks)
	s.prune(100)
	s.settle()
	s.wantKey("crm", "acme", 1, 1)
	s.finish(p, completed(first))
	s.finish(p, completed(s.takesThis(p, next)))
	s.prune(100)
	s.let(under("crm", "acme"))
	s.waits(under("crm", "acme"))
}

func limitOtherProcess(s *scene) {
	other := s.another()
	s.one("crm")
	first := s.let(under("crm", "acme"))
	second := other.waits(under("crm", "acme"))
	p := other.join()
	s.finish(p, completed(other.takesThis(p, first)))
	s.takesThis(s.join(), second)
	other.waits(under("crm", "acme"))
}

func limitBacklog(s *scene) {
	s.one("crm")
	all := jobs(*backlog, under("crm", "huge"))
	s.inserts(all...)
	p := s.join()
	other, plain := s.let(under("crm", "small")), s.enqueue(queue("other"))
	got := s.wantTakes(p, all[0].ID, other)
	if c := s.takes(p, "other", 1); len(c) != 1 || c[0].ID != plain {
		s.t.Errorf("claimed %v from another queue, want %v", ids(c), plain)
	}
	for i := 1; i < 20; i++ {
		s.finish(p, completed(got[0]))
		got = s.wantTakes(p, all[i].ID)
	}
}

// pausedFor are jobs that wait for the end of a pause that is over.
func (s *scene) pausedFor(n int, l store.Limit) {
	s.t.Helper()
	s.limits(l)
	s.control(store.Control{PauseLimit: store.Use{Limit: l.Name}, PauseFor: time.Hour})
	s.inserts(jobs(n, under(l.Name, ""))...)
	s.wantKey(l.Name, "", 0, n)
	s.advance(time.Hour + time.Second)
}

func limitAdmitMost(s *scene) {
	s.pausedFor(20, store.Limit{Name: "crm", Max: 10})
	sum, more := 0, true
	for i := 0; more; i++ {
		var moved int
		var err error
		moved, more, err = s.Store.Admit(s.ctx(), 3)
		s.must(err)
		if sum += moved; moved > 3 || i > 100 {
			s.t.Fatalf("Admit of at most 3 moved %d, more %v, in call %d", moved, more, i+1)
		}
	}
	if sum != 10 {
		s.t.Errorf("%d were let through, want 10", sum)
	}
	s.wantKey("crm", "", 10, 10)
}

func limitAdmitAtOnce(s *scene) {
	stores := []*scene{s}
	if s.Another != nil {
		stores = append(stores, s.another())
	}
	s.pausedFor(20, store.Limit{Name: "crm", Max: 7})
	moved := make([]int, 4)
	together(len(moved), func(i int) {
		s := stores[i%len(stores)]
		for more := true; more; {
			var n int
			var err error
			if n, more, err = s.Store.Admit(s.ctx(), 2); err != nil {
				s.t.Errorf("Admit: %v", err)
				return
			}
			moved[i] += n
		}
	})
	s.settle()
	s.wantKey("crm", "", 7, 13)
	if got := len(s.takesAll(s.join(), "mail")); got != 7 {
		s.t.Errorf("%d were let through (%v), want 7", got, moved)
	}
}
