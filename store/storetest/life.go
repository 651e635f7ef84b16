package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/offloadhq/offload/store"
)

// A life is what one process does, whose queue is its own, on a store with a fault.
type life struct {
	*scene
	broken  store.Store // on which it is lived
	name    string      // of its queue
	dies    bool        // at the fault
	dead    bool
	doing   string // what met the fault
	jobs    []store.NewJob
	process store.ID
	claimed map[store.ID]store.Claimed // and known to be
}

// A lived is a life with jobs of some kind.
type lived interface {
	prepare() // makes what is not the subject, and jobs and process
	live()    // makes the calls, one of which meets the fault
	judge()   // checks, through a store that is sound, what has come of it
}

// shared is where a law begins that breaks statements of lives, and how far the next is, where several
// laws share the statements out: each begins with one of its own and passes those of the others over. Together they break
// every third; each in every way takes half an hour on a database, and is for -storetest.everyfault.
func shared(first, laws int) (from, step int) {
	switch {
	case *everyFault:
		return 1, 1
	case testing.Short():
		return first, 9 * laws
	}
	return first, 3 * laws
}

// breakLives lives a life again and again, each time with another statement broken, until one meets no
// fault.
func (s *scene) breakLives(first, step int, fault Fault, dies bool, born func(*life) lived) {
	s.needs("Faulty", s.Faulty != nil)
	broken, faults := s.Faulty(s.t)
	for n := first; !s.t.Failed(); n += step {
		l := &life{scene: s, broken: broken, name: fmt.Sprint("life-", n), dies: dies, claimed: map[store.ID]store.Claimed{}}
		is := born(l)
		is.prepare()
		faults.Arm(n, fault)
		is.live()
		met := faults.Disarm()
		is.judge()
		if s.t.Failed() {
			s.t.Logf("the fault met statement %d, in %s", n, l.doing)
		}
		if !met {
			s.t.Logf("fewer than %d statements broke", n)
			return
		}
	}
}

// call makes a call until it is answered, or dies of its error.
func (l *life) call(doing string, call func() error) {
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

func (l *life) enqueues() {
	l.call("insert", func() error {
		_, err := l.broken.Insert(l.ctx(), l.jobs)
		return err
	})
}

// acts acts on some of the jobs.
func (l *life) acts(act store.Act, list ...int) {
	for _, i := range list {
		act.IDs = append(act.IDs, l.jobs[i].ID)
	}
	l.call(string(act.Verb), func() error {
		_, err := l.broken.Act(l.ctx(), act)
		return err
	})
}

func (l *life) claims() {
	l.call("claim", func() error {
		claimed, err := l.broken.Claim(l.ctx(), store.ClaimRequest{Process: l.process, Queue: l.name, Limit: 100})
		for _, c := range claimed {
			l.claimed[c.ID] = c
		}
		return err
	})
}

func (l *life) finishes(all []store.Ended) {
	l.call("finish", func() error {
		lost, err := l.broken.Finish(l.ctx(), l.process, all)
		if err == nil && len(lost) > 0 {
			l.t.Errorf("finish, made again, lost %v", lost)
		}
		return err
	})
}

func (l *life) leaves() {
	l.call("leave", func() error { return l.broken.Leave(l.ctx(), l.process) })
}
