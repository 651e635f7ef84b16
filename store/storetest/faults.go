package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var faultLaws = []law{
	{"Faults/Fail", "whichever statement fails, the call says that the store is unavailable, and made again loses and doubles nothing", faultsFail},
	{"Faults/LoseAnswer", "so it is whichever statement's answer is lost, also that of a commit", faultsLoseAnswer},
}

func faultsFail(s *scene) { s.breakEach(1, Fail) }

func faultsLoseAnswer(s *scene) { s.breakEach(2, LoseAnswer) }

// breakEach breaks lives with plain jobs, in one of two laws.
func (s *scene) breakEach(first int, fault Fault) {
	from, step := shared(first, 2)
	s.breakLives(from, step, fault, false, func(l *life) lived { return &plainLife{life: l} })
}

// A plainLife is a script of calls that leaves each of its jobs where it is known to be, whatever
// fault it meets. Its first process leaves before it ends; the second is lost.
type plainLife struct {
	*life
	start store.NewJob // by the first process
}

// What becomes of the jobs of a life, if their claim is known.
const (
	toComplete = iota
	toRetry
	toDiscard
	toSnooze
	toRelease
	toPark
	toSuspect
	toCancel
	lives
)

func (l *plainLife) prepare() {
	l.jobs = jobs(lives, queue(l.name), tags(map[string]string{"a": "1"}))
	l.start = aJob(queue(l.name))
}

func (l *plainLife) live() {
	l.enqueues()
	l.process = l.joins()
	l.liveFirst(l.process)
	l.leaves()
	l.liveSecond(l.joins())
}

func (l *plainLife) joins() store.ID {
	p := store.Process{ID: store.NewID(), Host: "host", PID: 1}
	l.call("join", func() error { return l.broken.Join(l.ctx(), p) })
	return p.ID
}

// liveFirst claims and ends each job in its own way.
func (l *plainLife) liveFirst(p store.ID) {
	l.claims()
	l.call("start", func() error {
		_, _, err := l.broken.Start(l.ctx(), p, l.start)
		return err
	})
	l.call("beat", func() error {
		_, err := l.broken.Beat(l.ctx(), store.Process{ID: p, Running: len(l.claimed)})
		return err
	})
	l.call("progress", func() error {
		c := l.claimed[l.jobs[toCancel].ID]
		return l.broken.WriteProgress(l.ctx(), p, []store.Progress{{Fence: c.Fence, Done: 1}})
	})
	l.call("cancel", func() error {
		acted, err := l.broken.Act(l.ctx(), store.Act{Verb: store.Cancel, IDs: []store.ID{l.jobs[toCancel].ID}, Who: "ada"})
		if err == nil && acted[0].Effect != store.Done && acted[0].Effect != store.Nothing {
			l.t.Errorf("cancel: %+v", acted)
		}
		return err
	})
	l.ends()
	l.call("release", func() error { return l.broken.Release(l.ctx(), p, l.fences(toRelease)) })
	l.call("park", func() error { return l.broken.Park(l.ctx(), p, false, l.fences(toPark)) })
	l.call("park suspect", func() error { return l.broken.Park(l.ctx(), p, true, l.fences(toSuspect)) })
	l.call("look", func() error {
		_, err := l.broken.Look(l.ctx(), p)
		return err
	})
}

func (l *plainLife) fences(i int) []store.Fence {
	if c, known := l.claimed[l.jobs[i].ID]; known {
		return fences(c)
	}
	return nil
}

func (l *plainLife) ends() {
	var all []store.Ended
	for i, outcome := range map[int]store.Outcome{
		toComplete: store.OutcomeCompleted, toRetry: store.OutcomeRetry,
		toDiscard: store.OutcomeDiscarded, toSnooze: store.OutcomeSnooze,
	} {
		if c, known := l.claimed[l.jobs[i].ID]; known {
			all = append(all, ended(c, outcome))
		}
	}
	l.finishes(all)
}

// liveSecond claims what is due and is lost.
func (l *plainLife) liveSecond(p store.ID) {
	l.call("claim", func() error {
		_, err := l.broken.Claim(l.ctx(), store.ClaimRequest{Process: p, Queue: l.name, Limit: 2})
		return err
	})
	l.call("claim parked", func() error {
		_, err := l.broken.ClaimParked(l.ctx(), store.ParkedRequest{Process: p, Queue: l.name, Tasks: []string{"send"}, Limit: 1})
		return err
	})
	l.call("sleep", func() error { return l.broken.Sleep(l.ctx(), p, true) })
	l.call("reap", func() error {
		_, err := l.broken.Reap(l.ctx(), []store.Beaten{{ID: p, Count: -1}})
		return err
	})
	l.call("register", func() error {
		return l.broken.RegisterTasks(l.ctx(), []store.Task{{Name: "send"}, {Name: "draw"}})
	})
	l.call("pause", func() error { return l.broken.Control(l.ctx(), store.Control{PauseQueue: l.name, Who: "ada"}) })
	l.call("prune", func() error {
		_, err := l.broken.Prune(l.ctx(), 10)
		return err
	})
	l.call("duty", func() error {
		_, err := l.broken.TakeDuty(l.ctx(), l.name, time.Hour)
		return err
	})
	l.call("find", func() error {
		_, err := l.broken.Find(l.ctx(), store.Filter{Queues: []string{l.name}})
		return err
	})
}

// judge completes what is left, through a store that is sound, and checks that each job went
// its way once.
func (l *plainLife) judge() {
	l.t.Helper()
	p := l.join()
	l.drain(p, l.name)
	l.must(l.Store.Leave(l.ctx(), p))
	l.scene.want(l.start.ID, store.Completed)
	want := map[string]int64{"completed": lives} // the cancelled one counts no attempt, the started one does
	for i, n := range l.jobs {
		_, known := l.claimed[n.ID]
		failures, state := 0, store.Completed
		switch {
		case i == toCancel:
			state = store.Cancelled
		case i == toDiscard && known:
			state, failures = store.Discarded, 1
			want["discarded"]++
			want["completed"]--
		case i == toRetry && known:
			failures = 1
			want["retry"]++
		case i == toSnooze && known:
			want["snooze"]++
		}
		l.scene.want(n.ID, state)
		if f := l.failures(n.ID); len(f) != failures {
			l.t.Errorf("job %d has %d records of failures, want %d", i, len(f), failures)
		}
	}
	got := map[string]int64{}
	for _, f := range l.figures(store.FigureQuery{Queues: []string{l.name}}) {
		got[f.Outcome] += f.Count
	}
	for outcome, n := range want {
		if got[outcome] != n {
			l.t.Errorf("figures count %d %s, want %d", got[outcome], outcome, n)
		}
	}
	if found := l.findAll(store.Filter{Queues: []string{l.name}, Max: 1000}); len(found) != lives+1 {
		l.t.Errorf("%d jobs are stored, want %d", len(found), lives+1)
	}
}

// drain claims and completes all that can be run in some queues.
func (s *scene) drain(p store.ID, queues ...string) {
	s.t.Helper()
	for _, queue := range queues {
		for {
			claimed := slices.Concat(
				s.claimFrom(p, queue, 100), s.claimParked(p, queue, 100, "send", "draw"), s.claimSuspect(p, queue, 1),
			)
			if len(claimed) == 0 {
				break
			}
			var all []store.Ended
			for _, c := range claimed {
				all = append(all, completed(c))
			}
			s.finish(p, all...)
		}
	}
}
