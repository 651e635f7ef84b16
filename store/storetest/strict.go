package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var strictLaws = []law{
	{"Strict/Retry", "a strict limit is kept by a job that waits for a retry or a snooze", strictRetry},
	{"Strict/Parked", "so it is by a job that is parked", strictParked},
	{"Strict/Stops", "a job that is discarded stops its key, and no other", strictStops},
	{"Strict/Crash", "so does a job that is discarded for its crashes", strictCrash},
	{"Strict/Others", "a job that ends in another way stops nothing", strictOthers},
	{"Strict/RetryFirst", "when the job that stopped its key is retried, it goes first, and the others follow it", strictRetryFirst},
	{"Strict/RetryPaused", "so it does when the key is paused meanwhile", strictRetryPaused},
	{"Strict/Delete", "when it is deleted, the next goes", strictDelete},
	{"Strict/Skip", "when the key is skipped, the next goes, and the one that stopped it can be retried later", strictSkip},
	{"Strict/Paused", "a job that was let through when its key is paused goes first after the pause", strictPaused},
	{"Pause/Key", "no job of a paused key starts, those that were let through neither; others do", pauseKey},
	{"Pause/Ends", "a pause is over when its time has passed, or when it is taken back", pauseEnds},
	{"Pause/Full", "a key that is full when it is paused, and left meanwhile, goes on after the pause", pauseFull},
	{"Pause/Snooze", "a job that snoozes can pause its key for everybody", pauseSnooze},
	{"Pause/Longest", "a snooze does not shorten a pause", pauseLongest},
	{"Pause/Order", "after a pause the jobs of a key of one start in the order of their insert", pauseOrder},
}

// strict makes a strict limit known, and returns three jobs of a key of it: one that is let
// through and two that wait.
func (s *scene) strict() (first, second, third store.ID) {
	s.t.Helper()
	s.limits(store.Limit{Name: "seat", Max: 1, Strict: true})
	return s.let(under("seat", "a")), s.waits(under("seat", "a")), s.waits(under("seat", "a"))
}

func strictRetry(s *scene) {
	first, second, third := s.strict()
	p := s.join()
	for _, end := range []func(store.Claimed, time.Duration) store.Ended{retried, snoozed} {
		s.finish(p, end(s.takesThis(p, first), time.Hour))
		s.settle()
		s.wantTakes(p)
		s.wantKey("seat", "a", 1, 2)
		s.advance(time.Hour + time.Second)
	}
	s.finish(p, retried(s.takesThis(p, first), 0))
	s.wantRuns(p, first, second, third)
	s.wantKey("seat", "a", 0, 0)
}

func strictParked(s *scene) {
	first, second, _ := s.strict()
	s.keepsParked(first, second)
}

// keepsParked wants the first of a key to keep it while it is parked, from the second.
func (s *scene) keepsParked(first, second store.ID) {
	s.t.Helper()
	p := s.join()
	s.must(s.Store.Park(s.ctx(), p, false, fences(s.takesThis(p, first))))
	s.settle()
	s.wantTakes(p)
	got := append(s.claimParked(p, "mail", 10, "send"), s.takesAll(p, "mail")...)
	if !slices.Equal(ids(got), []store.ID{first}) {
		s.t.Fatalf("claimed %v, want the parked job", ids(got))
	}
	s.finish(p, completed(got[0]))
	s.takesThis(p, second)
}

// stopped is strict when the first has been discarded.
func (s *scene) stopped() (p, first, second, third store.ID) {
	s.t.Helper()
	first, second, third = s.strict()
	p = s.join()
	s.finish(p, ended(s.takesThis(p, first), store.OutcomeDiscarded))
	s.wantStopped(p, first, 2)
	return p, first, second, third
}

// wantStopped wants a job to stop its key.
func (s *scene) wantStopped(p, by store.ID, waiting int) {
	s.t.Helper()
	s.settle()
	s.wantTakes(p)
	if k := s.key("seat", "a"); k.Stopped != by || k.Held != 0 || k.Waiting != waiting {
		s.t.Errorf("key is %+v, want %d jobs stopped by %v", k, waiting, by)
	}
}

func strictStops(s *scene) {
	p, first, second, third := s.stopped()
	late := s.waits(under("seat", "a"))
	other := s.let(under("seat", "other"))
	s.takesThis(p, other)
	s.wantStopped(p, first, 3)
	for _, id := range []store.ID{second, third, late} {
		s.wantWaits(id, "seat")
	}
}

func strictCrash(s *scene) {
	first, _, _ := s.strict()
	s.crashing(first, store.CrashLimit)
	s.want(first, store.Discarded)
	s.wantStopped(s.join(), first, 2)
}

func strictOthers(s *scene) {
	first, second, third := s.strict()
	p := s.join()
	s.finish(p, ended(s.takesThis(p, first), store.OutcomeCancelled))
	s.finish(p, ended(s.takesThis(p, second), store.OutcomeExpired))
	s.cancel(third)
	s.settle()
	s.let(under("seat", "a"))
}

func strictRetryFirst(s *scene) {
	p, first, second, third := s.stopped()
	if a := s.act(store.Retry, first); a.Effect != store.Done {
		s.t.Fatalf("Retry of the job that stopped its key: %+v", a)
	}
	s.settle()
	s.finish(p, ended(s.takesThis(p, first), store.OutcomeDiscarded))
	s.wantStopped(p, first, 2)
	s.act(store.Retry, first)
	s.wantRuns(p, first, second, third)
}

func strictRetryPaused(s *scene) {
	p, first, second, third := s.stopped()
	s.control(store.Control{PauseLimit: store.Use{Limit: "seat", Key: "a"}, PauseFor: time.Hour})
	s.act(store.Retry, first)
	s.wantTakes(p)
	s.want(first, store.Blocked)
	s.advance(time.Hour + time.Second)
	s.settle()
	s.wantRuns(p, first, second, third)
}

func strictDelete(s *scene) {
	p, first, second, third := s.stopped()
	if a := s.act(store.Delete, first); a.Effect != store.Done {
		s.t.Fatalf("Delete of the job that stopped its key: %+v", a)
	}
	s.settle()
	s.wantRuns(p, second, third)
}

func strictSkip(s *scene) {
	p, first, second, third := s.stopped()
	s.control(store.Control{SkipLimit: store.Use{Limit: "seat", Key: "a"}, Who: "ada"})
	s.settle()
	c := s.takesThis(p, second)
	s.act(store.Retry, first)
	s.wantTakes(p)
	s.finish(p, completed(c))
	if got := s.runAll(p); !sameIDs(got, []store.ID{third, first}) {
		s.t.Errorf("%v ran, want %v and %v", got, third, first)
	}
}

func pauseKey(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 2})
	p := s.join()
	running := s.takesThis(p, s.let(under("crm", "acme")))
	through := s.let(under("crm", "acme"))
	s.control(store.Control{PauseLimit: store.Use{Limit: "crm", Key: "acme"}, PauseFor: time.Hour, Who: "ada"})
	s.waits(under("crm", "acme"))
	other := s.let(under("crm", "other"))

	s.takesThis(p, other)

	s.wantWaits(through, "crm")
	if k := s.key("crm", "acme"); k.Held != 1 || k.Waiting != 2 {
		s.t.Errorf("key is %+v, want the running one to hold it and two to wait", k)
	}
	s.between("Paused", s.key("crm", "acme").Paused, s.now().Add(59*time.Minute), s.now().Add(time.Hour))
	s.finish(p, completed(running))
	s.settle()
	s.wantTakes(p)
}

func pauseEnds(s *scene) {
	s.one("crm")
	p := s.join()
	use := store.Use{Limit: "crm", Key: "acme"}
	s.control(store.Control{PauseLimit: use, PauseFor: time.Hour})
	first := s.waits(under("crm", "acme"))
	v := s.observed()
	s.between("View.Admit", v.Admit, v.Now.Add(59*time.Minute), v.Now.Add(time.Hour))
	s.control(store.Control{PauseLimit: use})
	s.settle()
	s.finish(p, completed(s.takesThis(p, first)))
	if k := s.key("crm", "acme"); !k.Paused.IsZero() {
		s.t.Errorf("key is paused until %v after the end of its pause", k.Paused)
	}

	s.control(store.Control{PauseLimit: use, PauseFor: time.Hour})
	second := s.waits(under("crm", "acme"))
	s.advance(time.Hour + time.Second)
	s.settle()
	s.takesThis(p, second)
}

func pauseFull(s *scene) {
	s.one("crm")
	p := s.join()
	running := s.takesThis(p, s.let(under("crm", "acme")))
	second := s.waits(under("crm", "acme"))
	s.control(store.Control{PauseLimit: store.Use{Limit: "crm", Key: "acme"}, PauseFor: time.Hour})
	third := s.waits(under("crm", "acme"))
	s.finish(p, completed(running))
	s.settle()
	s.wantTakes(p)

	s.advance(time.Hour + time.Second)

	s.settle()
	s.wantRuns(p, second, third)
}

// pausing is a snooze that pauses a limit's key.
func pausing(c store.Claimed, limit string, in time.Duration) store.Ended {
	e := snoozed(c, in)
	e.Pause = limit
	return e
}

func pauseSnooze(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 2}, store.Limit{Name: "disk", Max: 5})
	p := s.join()
	both := []func(*store.NewJob){under("disk", ""), under("crm", "acme")}
	first, second := s.let(both...), s.let(both...)
	c := s.wantTakes(p, first, second)
	third := s.waits(both...)

	s.finish(p, pausing(c[0], "crm", time.Hour))

	s.settle()
	s.wantTakes(p)
	s.wantWaits(third, "crm")
	s.takesThis(p, s.let(under("disk", ""))) // whose key is not the one
	s.takesThis(p, s.let(under("crm", "other")))
	s.finish(p, completed(c[1]))
	s.settle()
	s.wantTakes(p)
	s.advance(time.Hour + time.Second)
	s.settle()
	got := s.takesAll(p, "mail")
	if !sameIDs(ids(got), []store.ID{first, third}) {
		s.t.Errorf("claimed %v after the pause, want %v and %v", ids(got), first, third)
	}
}

func pauseLongest(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 2})
	p := s.join()
	a, b := s.let(under("crm", "acme")), s.let(under("crm", "acme"))
	c := s.wantTakes(p, a, b)
	s.finish(p, pausing(c[0], "crm", time.Hour))
	s.finish(p, pausing(c[1], "crm", time.Minute))
	s.advance(2 * time.Minute)
	s.settle()
	s.wantTakes(p)
	s.advance(time.Hour)
	s.settle()
	if got := s.takesAll(p, "mail"); !sameIDs(ids(got), []store.ID{a, b}) {
		s.t.Errorf("claimed %v after the pause, want %v and %v", ids(got), a, b)
	}
}

func pauseOrder(s *scene) {
	s.one("crm")
	p := s.join()
	first := s.let(under("crm", "acme"))
	second, third := s.waits(under("crm", "acme")), s.waits(under("crm", "acme"))
	use := store.Use{Limit: "crm", Key: "acme"}
	s.control(store.Control{PauseLimit: use, PauseFor: time.Hour})
	s.wantTakes(p)
	s.wantWaits(first, "crm")
	s.control(store.Control{PauseLimit: use})
	s.settle()
	s.wantRuns(p, first, second, third)
}
