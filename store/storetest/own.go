package storetest

import (
	"time"

	"github.com/offloadhq/offload/store"
)

var ownLaws = []law{
	{"Own/Retry", "a limit of offload's own is kept by a job that waits for a retry or a snooze, also beside others", ownRetry},
	{"Own/Parked", "so it is by a job that is parked", ownParked},
	{"Own/Hurried", "so it is by a job whose retry a person hurries or edits", ownHurried},
	{"Own/Full", "so it is by a job that waits for another limit when it is tried again, and goes when that has room", ownFull},
	{"Own/Paused", "so it is by a job whose other limit is paused before it starts", ownPaused},
	{"Own/Stops", "a job that is discarded stops no key of it", ownStops},
	{"Own/Ends", "whatever ends a job that waits for a retry lets the next go", ownEnds},
}

// own makes a limit of offload's own known, and returns three jobs of a key of it, under another
// limit too: one that is let through and two that wait.
func (s *scene) own() (first, second, third store.ID) {
	s.t.Helper()
	s.limits(store.Limit{Name: store.OwnLimit + "behind:send", Max: 1}, store.Limit{Name: "crm", Max: 1})
	under := []func(*store.NewJob){under(store.OwnLimit+"behind:send", "a"), under("crm", "")}
	return s.let(under...), s.waits(under...), s.waits(under...)
}

func ownRetry(s *scene) {
	first, second, third := s.own()
	p := s.join()
	for _, end := range []func(store.Claimed, time.Duration) store.Ended{retried, snoozed} {
		s.finish(p, end(s.takesThis(p, first), time.Hour))
		s.settle()
		s.wantTakes(p)
		s.wantKey(store.OwnLimit+"behind:send", "a", 1, 2)
		s.finish(p, completed(s.takesThis(p, s.let(under("crm", ""))))) // which the job has left
		s.advance(time.Hour + time.Second)
	}
	s.finish(p, retried(s.takesThis(p, first), 0))
	s.wantRuns(p, first, second, third)
	s.wantKey(store.OwnLimit+"behind:send", "a", 0, 0)
}

func ownParked(s *scene) {
	first, second, _ := s.own()
	s.keepsParked(first, second)
}

func ownHurried(s *scene) {
	first, second, third := s.own()
	p := s.join()
	five := 5
	for _, act := range []store.Act{{Verb: store.Retry}, {Verb: store.RunNow}, {Verb: store.Change, Edit: &store.Edit{Priority: &five}}} {
		s.finish(p, retried(s.takesThis(p, first), time.Hour))
		act.IDs = []store.ID{first}
		acted, err := s.Store.Act(s.ctx(), act)
		s.must(err)
		if len(acted) != 1 || acted[0].Effect != store.Done {
			s.t.Fatalf("%s of a job that waits for a retry: %+v", act.Verb, acted)
		}
		s.settle()
		if act.Verb == store.Change {
			s.wantTakes(p)
			s.advance(time.Hour + time.Second)
		}
	}
	s.wantRuns(p, first, second, third)
}

func ownStops(s *scene) {
	first, second, third := s.own()
	p := s.join()
	s.finish(p, retried(s.takesThis(p, first), 0))
	s.finish(p, ended(s.takesThis(p, first), store.OutcomeDiscarded))
	s.settle()
	s.wantKey(store.OwnLimit+"behind:send", "a", 1, 1)
	s.crashing(second, store.CrashLimit)
	s.want(second, store.Discarded)
	s.settle()
	s.wantRuns(p, third)
	s.wantKey(store.OwnLimit+"behind:send", "a", 0, 0)
}

func ownEnds(s *scene) {
	first, second, third := s.own()
	p := s.join()
	s.finish(p, retried(s.takesThis(p, first), time.Hour))
	s.cancel(first)
	s.settle()
	s.finish(p, retried(s.takesThis(p, second), time.Hour))
	if a := s.act(store.Delete, second); a.Effect != store.Done {
		s.t.Fatalf("Delete of a job that waits for a retry: %+v", a)
	}
	s.settle()
	s.takesThis(p, third)
}

// ownPaused is about a job that keeps its place while another of its limits is paused.
func ownPaused(s *scene) {
	first, second, third := s.own()
	p := s.join()
	s.control(store.Control{PauseLimit: store.Use{Limit: "crm"}, PauseFor: time.Hour})
	s.wantTakes(p)
	s.wantWaits(first, "crm")
	s.wantKey(store.OwnLimit+"behind:send", "a", 1, 2)
	s.advance(time.Hour + time.Second)
	s.settle()
	s.wantRuns(p, first, second, third)
}

func strictPaused(s *scene) {
	first, second, third := s.strict()
	p := s.join()
	s.control(store.Control{PauseLimit: store.Use{Limit: "seat", Key: "a"}, PauseFor: time.Hour})
	s.wantTakes(p)
	s.wantWaits(first, "seat")
	s.advance(time.Hour + time.Second)
	s.settle()
	s.wantRuns(p, first, second, third)
}

func ownFull(s *scene) {
	first, second, third := s.own()
	p := s.join()
	s.finish(p, retried(s.takesThis(p, first), time.Minute))
	s.settle()
	other := s.takesThis(p, s.let(under("crm", "")))
	s.advance(time.Minute + time.Second)
	s.wantTakes(p)
	s.wantWaits(first, "crm")
	s.wantKey(store.OwnLimit+"behind:send", "a", 1, 2)
	s.finish(p, completed(other))
	s.settle()
	s.wantRuns(p, first, second, third)
	s.wantKey(store.OwnLimit+"behind:send", "a", 0, 0)
	s.wantKey("crm", "", 0, 0)
}
