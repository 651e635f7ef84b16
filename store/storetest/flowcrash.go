package storetest

import "github.com/offloadhq/offload/store"

var flowCrashLaws = []law{
	{"Faults/FlowsLoseAnswer", "whichever statement's answer is lost, nobody who waits is forgotten or let go twice when the call is made again", flowsLoseAnswer},
	{"Faults/FlowsCrash", "whichever statement is the last of a process, others bring what waits in line with what it left", flowsCrash},
}

func flowsLoseAnswer(s *scene) { s.breakFlows(1, false) }
func flowsCrash(s *scene)      { s.breakFlows(2, true) }

// breakFlows breaks lives with jobs that wait for others, in one of two laws.
func (s *scene) breakFlows(first int, dies bool) {
	from, step := shared(first, 2)
	s.breakLives(from, step, LoseAnswer, dies, func(l *life) lived { return &flowLife{l} })
}

// A flowLife is a life with jobs that wait for others.
type flowLife struct{ *life }

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

func (l *flowLife) live() {
	l.enqueues()
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
	l.leaves()
}

func (l *flowLife) ends(outcomes map[int]store.Outcome) {
	var all []store.Ended
	for i, outcome := range outcomes {
		if c, known := l.claimed[l.jobs[i].ID]; known {
			all = append(all, ended(c, outcome))
			delete(l.claimed, c.ID)
		}
	}
	l.finishes(all)
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
