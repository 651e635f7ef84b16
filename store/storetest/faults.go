package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var faultLaws = []law{
	{"Faults/Fail", "whichever statement fails, the call says that the store is unavailable, and made again loses and doubles nothing", faultsFail},
	{"Faults/LoseAnswer", "so it is whichever statement's answer is lost, also that of a commit", faultsLoseAnswer},
}

func faultsFail(s *scene) { s.breakEach(Fail) }

func faultsLoseAnswer(s *scene) { s.breakEach(LoseAnswer) }

// breakEach lives the same life again and again, each time with the next statement broken,
// until a life meets no fault.
func (s *scene) breakEach(fault Fault) {
	s.needs("Faulty", s.Faulty != nil)
	broken, faults := s.Faulty(s.t)
	for n := 1; !s.t.Failed(); n++ {
		l := &life{scene: s, broken: broken, queue: fmt.Sprint("mail-", n)}
		faults.Arm(n, fault)
		l.live()
		met := faults.Disarm()
		l.judge()
		if s.t.Failed() {
			s.t.Logf("the fault met statement %d", n)
		}
		if !met {
			s.t.Logf("%d statements broke", n-1)
			return
		}
	}
}

// A life is a script of calls that leaves each of its jobs where it is known to be, whatever
// fault it meets.
type life struct {
	*scene
	broken store.Store // on which it is lived
	queue  string      // its own
	jobs   []store.NewJob
	start  store.NewJob               // by the first process, which leaves before it ends
	first  map[store.ID]store.Claimed // what the first process knows to have claimed
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

// again makes a call until it is answered.
func (l *life) again(doing string, call func() error) {
	l.t.Helper()
	var err error
	for range 5 {
		if err = call(); err == nil {
			return
		}
		if !errors.Is(err, store.ErrUnavailable) {
			l.t.Errorf("%s: the fault is told as %v, want an ErrUnavailable", doing, err)
		}
	}
	l.t.Fatalf("%s: one fault breaks it for good: %v", doing, err)
}

func (l *life) live() {
	l.jobs = jobs(lives, queue(l.queue), tags(map[string]string{"a": "1"}))
	l.again("insert", func() error {
		_, err := l.broken.Insert(l.ctx(), l.jobs)
		return err
	})
	l.start = aJob(queue(l.queue))
	p := l.joins()
	l.liveFirst(p)
	l.again("leave", func() error { return l.broken.Leave(l.ctx(), p) })
	l.liveSecond(l.joins())
}

func (l *life) joins() store.ID {
	p := store.Process{ID: store.NewID(), Host: "host", PID: 1}
	l.again("join", func() error { return l.broken.Join(l.ctx(), p) })
	return p.ID
}

// liveFirst claims and ends each job in its own way.
func (l *life) liveFirst(p store.ID) {
	l.first = map[store.ID]store.Claimed{}
	l.again("claim", func() error {
		claimed, err := l.broken.Claim(l.ctx(), store.ClaimRequest{Process: p, Queue: l.queue, Limit: lives})
		for _, c := range claimed {
			l.first[c.ID] = c
		}
		return err
	})
	l.again("start", func() error {
		_, _, err := l.broken.Start(l.ctx(), p, l.start)
		return err
	})
	l.again("beat", func() error {
		_, err := l.broken.Beat(l.ctx(), store.Process{ID: p, Running: len(l.first)})
		return err
	})
	l.again("progress", func() error {
		c := l.first[l.jobs[toCancel].ID]
		return l.broken.WriteProgress(l.ctx(), p, []store.Progress{{Fence: c.Fence, Done: 1}})
	})
	l.again("cancel", func() error {
		acted, err := l.broken.Act(l.ctx(), store.Act{Verb: store.Cancel, IDs: []store.ID{l.jobs[toCancel].ID}, Who: "ada"})
		if err == nil && acted[0].Effect != store.Done && acted[0].Effect != store.Nothing {
			l.t.Errorf("cancel: %+v", acted)
		}
		return err
	})
	l.finishes(p)
	l.again("release", func() error { return l.broken.Release(l.ctx(), p, l.fences(toRelease)) })
	l.again("park", func() error { return l.broken.Park(l.ctx(), p, false, l.fences(toPark)) })
	l.again("park suspect", func() error { return l.broken.Park(l.ctx(), p, true, l.fences(toSuspect)) })
	l.again("look", func() error {
		_, err := l.broken.Look(l.ctx(), p)
		return err
	})
}

func (l *life) fences(i int) []store.Fence {
	if c, known := l.first[l.jobs[i].ID]; known {
		return fences(c)
	}
	return nil
}

func (l *life) finishes(p store.ID) {
	var all []store.Ended
	for i, outcome := range map[int]store.Outcome{
		toComplete: store.OutcomeCompleted, toRetry: store.OutcomeRetry,
		toDiscard: store.OutcomeDiscarded, toSnooze: store.OutcomeSnooze,
	} {
		if c, known := l.first[l.jobs[i].ID]; known {
			all = append(all, ended(c, outcome))
		}
	}
	l.again("finish", func() error {
		lost, err := l.broken.Finish(l.ctx(), p, all)
		if err == nil && len(lost) > 0 {
			l.t.Errorf("finish, made again, lost %v", lost)
		}
		return err
	})
}

// liveSecond claims what is due and is lost.
func (l *life) liveSecond(p store.ID) {
	l.again("claim", func() error {
		_, err := l.broken.Claim(l.ctx(), store.ClaimRequest{Process: p, Queue: l.queue, Limit: 2})
		return err
	})
	l.again("claim parked", func() error {
		_, err := l.broken.ClaimParked(l.ctx(), store.ParkedRequest{Process: p, Queue: l.queue, Tasks: []string{"send"}, Limit: 1})
		return err
	})
	l.again("sleep", func() error { return l.broken.Sleep(l.ctx(), p, true) })
	l.again("reap", func() error {
		_, err := l.broken.Reap(l.ctx(), []store.Beaten{{ID: p, Count: -1}})
		return err
	})
	l.again("register", func() error {
		return l.broken.RegisterTasks(l.ctx(), []store.Task{{Name: "send"}, {Name: "draw"}})
	})
	l.again("pause", func() error { return l.broken.Control(l.ctx(), store.Control{PauseQueue: l.queue, Who: "ada"}) })
	l.again("prune", func() error {
		_, err := l.broken.Prune(l.ctx(), 10)
		return err
	})
	l.again("duty", func() error {
		_, err := l.broken.TakeDuty(l.ctx(), l.queue, time.Hour)
		return err
	})
	l.again("find", func() error {
		_, err := l.broken.Find(l.ctx(), store.Filter{Queues: []string{l.queue}})
		return err
	})
}

// judge completes what is left, through a store that is sound, and checks that each job went
// its way once.
func (l *life) judge() {
	l.t.Helper()
	p := l.join()
	l.drain(p, l.queue)
	l.must(l.Store.Leave(l.ctx(), p))
	l.scene.want(l.start.ID, store.Completed)
	want := map[string]int64{"completed": lives} // the cancelled one counts no attempt, the started one does
	for i, n := range l.jobs {
		_, known := l.first[n.ID]
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
	for _, f := range l.figures(store.FigureQuery{Queues: []string{l.queue}}) {
		got[f.Outcome] += f.Count
	}
	for outcome, n := range want {
		if got[outcome] != n {
			l.t.Errorf("figures count %d %s, want %d", got[outcome], outcome, n)
		}
	}
	if found := l.findAll(store.Filter{Queues: []string{l.queue}, Max: 1000}); len(found) != lives+1 {
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
