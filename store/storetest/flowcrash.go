package storetest

import (
	"errors"
	"fmt"

	"github.com/offloadhq/offload/store"
)

var flowCrashLaws = []law{
	{"Faults/FlowsLoseAnswer", "whichever statement's answer is lost, nobody who waits is forgotten or let go twice when the call is made again", flowsLoseAnswer},
	{"Faults/FlowsCrash", "whichever statement is the last of a process, others bring what waits in line with what it left", flowsCrash},
}

func flowsLoseAnswer(s *scene) { s.breakFlows(1, false) }
func flowsCrash(s *scene)      { s.breakFlows(2, true) }

// breakFlows is breakTerms for a life with jobs that wait for others.
func (s *scene) breakFlows(first int, dies bool) {
	s.needs("Faulty", s.Faulty != nil)
	broken, faults := s.Faulty(s.t)
	for n := first; !s.t.Failed(); n += faultStep() {
		l := &flowLife{scene: s, broken: broken, name: fmt.Sprint("life-", n), dies: dies, claimed: map[store.ID]store.Claimed{}}
		l.prepare()
		faults.Arm(n, LoseAnswer)
		l.live()
		met := faults.Disarm()
		l.judge()
		if s.t.Failed() {
			s.t.Logf("the fault met statement %d, in %s", n, l.doing)
		}
		if !met {
			s.t.Logf("fewer than %d statements broke", n)
			return
		}
	}
}

// A flowLife is a life of one process, whose queue is its own.
type flowLife struct {
	*scene
	broken  store.Store // on which it is lived
	name    string
	dies    bool // at the fault
	dead    bool
	doing   string
	jobs    []store.NewJob
	process store.ID
	claimed map[store.ID]store.Claimed // and known to be
}

// The jobs of a life.
const (
	aFirst  = iota // completes
	aSecond        // after it: fails, and is retried
	aThird         // after that, is deleted
	aFourth        // after that
	aGroup         // of two members
	aMember        // fails, and is retried
	another        // completes
	aDone          // after the group
	aLast          // after that
	aRescue        // if the group fails
	aStray         // is cancelled
	aHeld          // after that, or else is held
	flowsOfALife
)

func (l *flowLife) prepare() {
	l.jobs = jobs(flowsOfALife, queue(l.name))
	l.jobs[aGroup] = aBatch()
	group := l.jobs[aGroup].ID
	for i, with := range map[int]func(*store.NewJob){
		aSecond: after(l.jobs[aFirst].ID), aThird: after(l.jobs[aSecond].ID), aFourth: after(l.jobs[aThird].ID),
		aMember: in(group), another: in(group),
		aDone: after(group), aLast: after(l.jobs[aDone].ID), aRescue: by(store.OnFailed, store.ElseCancel, group),
		aHeld: by(store.OnCompleted, store.ElseHold, l.jobs[aStray].ID),
	} {
		with(&l.jobs[i])
	}
	l.process = l.join()
}

// call makes a call until it is answered, or dies of its error.
func (l *flowLife) call(doing string, call func() error) {
	l.t.Helper()
	var err error
	for range 5 {
		if l.dead {
			return
		}
		if err = call(); err == nil {
			return
		}
		l.doing = doing
		if !errors.Is(err, store.ErrUnavailable) {
			l.t.Errorf("%s: the fault is told as %v, want an ErrUnavailable", doing, err)
		}
		l.dead = l.dies
	}
	l.t.Fatalf("%s: one fault breaks it for good: %v", doing, err)
}

func (l *flowLife) live() {
	l.call("insert", func() error {
		_, err := l.broken.Insert(l.ctx(), l.jobs)
		return err
	})
	l.acts(store.Act{Verb: store.Cancel}, aStray)
	l.claims()
	l.ends(map[int]store.Outcome{aFirst: store.OutcomeCompleted, aMember: store.OutcomeDiscarded})
	l.claims()
	l.ends(map[int]store.Outcome{aSecond: store.OutcomeDiscarded, another: store.OutcomeCompleted})
	l.acts(store.Act{Verb: store.Retry}, aMember, aSecond)
	l.claims()
	l.ends(map[int]store.Outcome{aSecond: store.OutcomeCompleted, aMember: store.OutcomeCompleted})
	l.acts(store.Act{Verb: store.RunNow}, aHeld)
	l.acts(store.Act{Verb: store.Cancel}, aDone, aLast)
	l.acts(store.Act{Verb: store.Retry, Heed: true}, aLast, aDone)
	l.acts(store.Act{Verb: store.Delete}, aThird)
	l.call("settle", func() error {
		_, _, err := l.broken.Settle(l.ctx(), 100)
		return err
	})
	l.call("leave", func() error { return l.broken.Leave(l.ctx(), l.process) })
}

func (l *flowLife) acts(act store.Act, list ...int) {
	for _, i := range list {
		act.IDs = append(act.IDs, l.jobs[i].ID)
	}
	l.call(string(act.Verb), func() error {
		_, err := l.broken.Act(l.ctx(), act)
		return err
	})
}

func (l *flowLife) claims() {
	l.call("claim", func() error {
		claimed, err := l.broken.Claim(l.ctx(), store.ClaimRequest{Process: l.process, Queue: l.name, Limit: 100})
		for _, c := range claimed {
			l.claimed[c.ID] = c
		}
		return err
	})
}

func (l *flowLife) ends(outcomes map[int]store.Outcome) {
	var all []store.Ended
	for i, outcome := range outcomes {
		if c, known := l.claimed[l.jobs[i].ID]; known {
			all = append(all, ended(c, outcome))
			delete(l.claimed, c.ID)
		}
	}
	l.call("finish", func() error {
		lost, err := l.broken.Finish(l.ctx(), l.process, all)
		if err == nil && len(lost) > 0 {
			l.t.Errorf("finish, made again, lost %v", lost)
		}
		return err
	})
}

// judge lets what is left end, through a store that is sound, and checks that nothing was
// forgotten.
func (l *flowLife) judge() {
	l.t.Helper()
	l.declareLost(l.process)
	l.inserts(l.jobs...)
	p := l.join()
	for got := []store.Claimed{{}}; len(got) > 0; {
		l.settle()
		got = l.takes(p, l.name, 100)
		var all []store.Ended
		for _, c := range got {
			if c.ID != l.jobs[aHeld].ID { // which a person lets go
				wantAllowed(l.scene, c.ID)
			}
			all = append(all, completed(c))
		}
		l.finish(p, all...)
	}
	l.must(l.Store.Leave(l.ctx(), p))
	found := l.find(idsOf(l.jobs)...)
	if n := len(found); n < flowsOfALife-1 || n == flowsOfALife-1 && len(l.find(l.jobs[aThird].ID)) > 0 {
		l.t.Errorf("%d jobs are stored, want %d, or one less", n, flowsOfALife)
	}
	for _, j := range found {
		if !j.State.Ended() && j.Waits != store.WaitsHeld {
			l.t.Errorf("job %s of %s is left %s, and waits for %q: %+v", j.ID, j.Task, j.State, j.Waits, l.edgesOf(j.ID))
		}
	}
	l.wantSpurned(found, nil)
	l.wantBatch(l.jobs[aGroup].ID)
}
