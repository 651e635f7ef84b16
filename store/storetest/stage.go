package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A stage is a point in a job's life to which a law can bring one.
type stage struct {
	name  string
	state store.State
	bring func(s *scene) store.ID
}

// stages are all there are; the jobs lie in a queue of their own for each, so that laws can
// bring many.
var stages = []stage{
	{"scheduled", store.Scheduled, func(s *scene) store.ID { return s.enqueue(queue("scheduled"), delay(time.Hour)) }},
	{"available", store.Available, func(s *scene) store.ID { return s.enqueue(queue("available")) }},
	{"retryable", store.Retryable, func(s *scene) store.ID { return s.ending("retryable", store.OutcomeRetry) }},
	{"snoozed", store.Scheduled, func(s *scene) store.ID { return s.ending("snoozed", store.OutcomeSnooze) }},
	{"released", store.Available, func(s *scene) store.ID {
		p, c := s.running("released")
		s.must(s.Store.Release(s.ctx(), p, fences(c)))
		return c.ID
	}},
	{"parked", store.Blocked, func(s *scene) store.ID { return s.parking("parked", false) }},
	{"suspect", store.Blocked, func(s *scene) store.ID { return s.parking("suspect", true) }},
	{"running", store.Running, func(s *scene) store.ID {
		_, c := s.running("running")
		return c.ID
	}},
	{"completed", store.Completed, func(s *scene) store.ID { return s.ending("completed", store.OutcomeCompleted) }},
	{"discarded", store.Discarded, func(s *scene) store.ID { return s.ending("discarded", store.OutcomeDiscarded) }},
	{"cancelled", store.Cancelled, func(s *scene) store.ID { return s.ending("cancelled", store.OutcomeCancelled) }},
	{"cancelled before its start", store.Cancelled, func(s *scene) store.ID {
		id := s.enqueue(queue("unstarted"))
		s.cancel(id)
		return id
	}},
}

// stageOf returns a stage by its name.
func stageOf(name string) stage {
	for _, in := range stages {
		if in.name == name {
			return in
		}
	}
	panic("storetest: no stage " + name)
}

// running is a job of a queue that a new process runs. Others of the queue stay due.
func (s *scene) running(name string, with ...func(*store.NewJob)) (process store.ID, c store.Claimed) {
	s.t.Helper()
	id := s.enqueue(append(with, queue(name))...)
	process = s.join()
	claimed := s.claimFrom(process, name, 1000)
	at := slices.Index(ids(claimed), id)
	if at < 0 {
		s.t.Fatalf("Claim from %s gave %v, want job %s among them", name, ids(claimed), id)
	}
	s.must(s.Store.Release(s.ctx(), process, fences(slices.Delete(slices.Clone(claimed), at, at+1)...)))
	return process, claimed[at]
}

// ending is a job of a queue whose first attempt has ended.
func (s *scene) ending(name string, outcome store.Outcome, with ...func(*store.NewJob)) store.ID {
	s.t.Helper()
	p, c := s.running(name, with...)
	e := ended(c, outcome)
	if outcome == store.OutcomeRetry || outcome == store.OutcomeSnooze {
		e.RunIn = time.Hour
	}
	s.finish(p, e)
	return c.ID
}

// parking is a job of a queue that is blocked.
func (s *scene) parking(name string, suspect bool, with ...func(*store.NewJob)) store.ID {
	s.t.Helper()
	p, c := s.running(name, with...)
	s.must(s.Store.Park(s.ctx(), p, suspect, fences(c)))
	return c.ID
}
