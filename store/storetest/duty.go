package storetest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

var dutyLaws = []law{
	{"Duty/Once", "a duty is taken once in a period, by whoever asks first", dutyOnce},
	{"Duty/AtOnce", "of processes that ask at the same time one has the duty", dutyAtOnce},
	{"Duty/Again", "a duty can be taken again when its period has passed, once", dutyAgain},
	{"Prune/Kept", "what has not ended, or has ended just now, is not pruned", pruneKept},
	{"Prune/Outcomes", "an ended job is kept as long as its outcome says, and then goes with all that is known of it", pruneOutcomes},
	{"Prune/Retain", "a job's own retention comes before that of its outcome", pruneRetain},
	{"Prune/Tombstone", "however short a job's retention, the same insert makes no second one for a while after its end", pruneTombstone},
	{"Prune/Max", "no more than asked are removed, and fewer only when nothing is left to remove", pruneMax},
	{"Prune/Others", "figures, records and tasks go when they have had their time", pruneOthers},
	{"Prune/AtOnce", "processes that prune at the same time remove each job once", pruneAtOnce},
}

func (s *scene) takeDuty(name string, every time.Duration) bool {
	s.t.Helper()
	mine, err := s.Store.TakeDuty(s.ctx(), name, every)
	s.must(err)
	return mine
}

func dutyOnce(s *scene) {
	for _, name := range []string{"prune", "count"} {
		if !s.takeDuty(name, time.Hour) {
			s.t.Errorf("the first to ask for %s did not get it", name)
		}
		for range 3 {
			if s.takeDuty(name, time.Hour) {
				s.t.Errorf("%s was given twice", name)
			}
		}
	}
}

func dutyAtOnce(s *scene) {
	for round := range 10 {
		var taken atomic.Int64
		together(6, func(int) {
			if s.takeDuty(fmt.Sprint("duty-", round), time.Hour) {
				taken.Add(1)
			}
		})
		if taken.Load() != 1 {
			s.t.Errorf("%d processes have the duty, want one", taken.Load())
		}
	}
}

func dutyAgain(s *scene) {
	s.takeDuty("prune", time.Hour)
	s.advance(30 * time.Minute)
	if s.takeDuty("prune", time.Hour) {
		s.t.Error("the duty was given twice within its period")
	}
	s.advance(31 * time.Minute)
	if !s.takeDuty("prune", time.Hour) || s.takeDuty("prune", time.Hour) {
		s.t.Error("after its period the duty was not given once")
	}
	s.advance(10 * time.Hour)
	if !s.takeDuty("prune", time.Hour) || s.takeDuty("prune", time.Hour) {
		s.t.Error("periods that nobody took were given one by one, want once")
	}
}

func (s *scene) prune(most int) int {
	s.t.Helper()
	n, err := s.Store.Prune(s.ctx(), most)
	s.must(err)
	return n
}

func pruneKept(s *scene) {
	for _, in := range stages {
		in.bring(s)
	}
	if n := s.prune(1000); n != 0 {
		s.t.Errorf("%d jobs were pruned, want none", n)
	}
	s.wantAll(len(stages))
}

func pruneOutcomes(s *scene) {
	byStage := map[string]store.ID{}
	for _, in := range stages {
		byStage[in.name] = in.bring(s)
	}
	now := []string{"scheduled", "available", "retryable", "snoozed", "released", "parked", "suspect", "running"}
	left := append([]string{"completed", "cancelled", "cancelled before its start", "discarded"}, now...)
	passed := time.Duration(0)
	for _, step := range []struct {
		after time.Duration
		gone  []string
	}{
		{store.RetainDone - time.Hour, nil},
		{store.RetainDone + time.Hour, []string{"completed"}},
		{store.RetainEnded - time.Hour, nil},
		{store.RetainEnded + time.Hour, []string{"cancelled", "cancelled before its start"}},
		{store.RetainGaveUp - time.Hour, nil},
		{store.RetainGaveUp + time.Hour, []string{"discarded"}},
		{store.RetainGaveUp * 4, nil},
	} {
		s.advance(step.after - passed)
		passed = step.after
		if n := s.prune(1000); n != len(step.gone) {
			s.t.Errorf("after %v %d jobs were pruned, want %v", passed, n, step.gone)
		}
		left = slices.DeleteFunc(left, func(name string) bool { return slices.Contains(step.gone, name) })
		for name, id := range byStage {
			if found := len(s.find(id)); found != 1 && slices.Contains(left, name) || found > 0 && !slices.Contains(left, name) {
				s.t.Errorf("after %v the %s job is found %d times", passed, name, found)
			}
		}
	}
	if f := s.failures(byStage["discarded"]); len(f) > 0 {
		s.t.Errorf("failures of a pruned job are %+v", f)
	}
	s.insert(aJob(func(n *store.NewJob) { n.ID = byStage["completed"] })) // its id is forgotten
}

func pruneRetain(s *scene) {
	short := s.ending("mail", store.OutcomeDiscarded, retain(time.Hour))
	long := s.ending("mail", store.OutcomeCompleted, retain(90*24*time.Hour))
	s.advance(2 * time.Hour)
	if n := s.prune(100); n != 1 {
		s.t.Errorf("%d jobs were pruned, want the one kept for an hour", n)
	}
	s.wantGone(short)
	s.advance(89 * 24 * time.Hour)
	s.prune(100)
	s.want(long, store.Completed)
	s.advance(2 * 24 * time.Hour)
	s.prune(100)
	s.wantGone(long)
}

func pruneTombstone(s *scene) {
	id := s.ending("mail", store.OutcomeCompleted, retain(time.Second))
	s.advance(store.Tombstone / 2)
	s.prune(100)
	inserted, err := s.Store.Insert(s.ctx(), []store.NewJob{aJob(func(n *store.NewJob) { n.ID = id })})
	s.must(err)
	if !inserted[0].Existing {
		s.t.Errorf("the same insert made a second job %v after the end of the first", store.Tombstone/2)
	}
	s.advance(2 * store.Tombstone)
	s.prune(100)
	s.prune(100)
	s.insert(aJob(func(n *store.NewJob) { n.ID = id }))
}

func pruneMax(s *scene) {
	const n = 25
	for range n {
		s.ending("mail", store.OutcomeCompleted)
	}
	s.advance(store.RetainDone + time.Hour)
	if got := s.prune(0); got != 0 {
		s.t.Errorf("%d jobs were pruned, want none", got)
	}
	for _, want := range []int{10, 10, 5, 0} {
		if got := s.prune(10); got != want {
			s.t.Errorf("%d jobs were pruned, want %d", got, want)
		}
	}
	s.wantAll(0)
}

func pruneOthers(s *scene) {
	s.ending("mail", store.OutcomeCompleted)
	s.act(store.Delete, s.findAll(store.Filter{})[0].ID)
	s.must(s.Store.PutRecord(s.ctx(), store.Record{ID: store.NewID(), Time: s.now(), Who: "ada", What: "edit all"}))
	s.register(store.Task{Name: "old"}, store.Task{Name: "used"})
	count := func() (figures int64, records, tasks int) {
		for _, f := range s.figures(store.FigureQuery{Since: time.Unix(0, 0)}) {
			figures += f.Count
		}
		return figures, len(s.records(time.Time{})), len(s.tasks())
	}
	s.advance(store.RetainTasks - time.Hour)
	s.register(store.Task{Name: "used"})
	s.prune(100)
	if f, r, t := count(); f != 1 || r != 1 || t != 2 {
		s.t.Errorf("early there are %d figures, %d records, %d tasks; want 1, 1, 2", f, r, t)
	}
	s.advance(2 * time.Hour)
	s.prune(100)
	if f, r, t := count(); f != 1 || r != 1 || t != 1 {
		s.t.Errorf("after %v there are %d figures, %d records, %d tasks; want 1, 1, 1", store.RetainTasks, f, r, t)
	}
	s.advance(store.RetainActs)
	s.prune(100)
	if f, r, t := count(); f != 0 || r != 0 || t != 0 {
		s.t.Errorf("after %v there are %d figures, %d records, %d tasks; want none", store.RetainActs, f, r, t)
	}
}

func pruneAtOnce(s *scene) {
	const n = 40
	s.insert(jobs(n)...)
	p := s.join()
	var all []store.Ended
	for _, c := range s.claim(p, n) {
		all = append(all, completed(c))
	}
	s.finish(p, all...)
	s.advance(store.RetainDone + time.Hour)
	var removed atomic.Int64
	together(4, func(int) {
		for got := 1; got > 0; {
			got = s.prune(3)
			removed.Add(int64(got))
		}
	})
	for range n {
		removed.Add(int64(s.prune(100))) // what a process passed over while another one held it
	}
	if removed.Load() != n {
		s.t.Errorf("%d jobs were said to be pruned, want %d", removed.Load(), n)
	}
	s.wantAll(0)
}
