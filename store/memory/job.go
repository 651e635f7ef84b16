package memory

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A place is where a job lies.
type place int

const (
	nowhere place = iota // on the way
	due
	leased
	blocked
	done
	deleted // its id is kept for a while, so that the same insert again makes no second job
)

// A lane holds the due jobs of one queue and priority, or those of one that have a turn.
type lane struct {
	queue    string
	priority int
}

// A job is all that is known of one.
type job struct {
	store.NewJob // as it was inserted or edited
	created      time.Time
	place        place
	runAt        time.Time
	attempt      int
	failures     int
	history      []store.Failure
	groups       map[int]string // of failures, by attempt
	crashes      int
	crashed      time.Time // last
	closer       closer    // of its last attempt that was finished

	process  store.ID // that holds its lease
	holder   string   // that process, as people know it
	started  time.Time
	cancel   bool // its lease is signalled
	progress *store.Progress
	notes

	suspect bool   // why it is blocked
	need    string // or what a process must have that takes it
	waits   *key   // or for which key of a limit
	holds   []*key // of limits

	edges   []*edge // to its upstreams, or members
	open    int     // of them, that have not ended
	gaveUp  int     // of them, that were discarded
	awaits  bool    // it is blocked until they let it go
	held    bool    // or somebody does
	spurned bool    // it was cancelled for one of them

	begun     bool // an attempt may have been started
	wasBegun  bool // before this one
	undecided bool // whether it is let through is decided when it is claimed
	fresh     bool // Limit.WhenFull has a say in that
	turned    bool // it has a turn
	turnAt    time.Time

	state    store.State // how it is done
	finished time.Time   // or deleted
	result   []byte
}

// A closer is who finished an attempt.
type closer struct {
	process store.ID
	attempt int
}

// take takes a job from its place.
func (s *Store) take(j *job) {
	switch j.place {
	case due:
		l := j.lane()
		at, _ := slices.BinarySearchFunc(s.due[l], j, earlier)
		switch rest := s.due[l]; {
		case len(rest) == 1:
			delete(s.due, l)
		case at == 0: // the usual claim moves nothing
			rest[0] = nil
			s.due[l] = rest[1:]
		default:
			s.due[l] = slices.Delete(rest, at, at+1)
		}
	case leased:
		delete(s.leases, j.ID)
	case blocked:
		delete(s.blocked, j.ID)
		if k := j.waits; k != nil {
			k.waiters = slices.DeleteFunc(k.waiters, func(other *job) bool { return other == j })
			s.touched[k] = true
			j.waits = nil
		}
	}
	if j.Terms != nil {
		delete(s.expiring, j.ID)
	}
	j.place = nowhere
}

// put puts a job that was taken into a place.
func (s *Store) put(j *job, to place) {
	switch to {
	case due:
		l := j.lane()
		at, _ := slices.BinarySearchFunc(s.due[l], j, earlier)
		s.due[l] = slices.Insert(s.due[l], at, j)
		if j.runAt.After(s.now()) {
			s.wake(anything) // a claim would not find it: look when it comes
		} else {
			s.wake(store.Wake{Queue: l.queue, Priority: l.priority})
		}
	case leased:
		s.leases[j.ID] = j
	case blocked:
		s.blocked[j.ID] = j
		s.wake(anything) // those who know its task are shown it by Look
	}
	if j.Terms != nil && (to == due || to == blocked) && !j.expires().IsZero() {
		s.expiring[j.ID] = j
	}
	j.place = to
}

func earlier(a, b *job) int {
	return cmp.Or(a.order().Compare(b.order()), a.ID.Compare(b.ID))
}

func (j *job) lane() lane {
	if j.turned {
		return lane{j.Queue, store.FairLane + j.Priority}
	}
	return lane{j.Queue, j.Priority}
}

// order is when it comes, among those of its lane.
func (j *job) order() time.Time {
	if j.turned {
		return j.turnAt
	}
	return j.runAt
}

// ended reports whether the job has ended, or was deleted.
func (j *job) ended() bool { return j.place == done || j.place == deleted }

// putDone ends a job that was taken.
func (s *Store) putDone(j *job, state store.State, now time.Time) {
	if state == store.Discarded {
		s.stop(j)
	}
	s.end(j)
	j.state, j.finished = state, now
	s.put(j, done)
	s.mark(j.ID)
}

// end takes back all that a job holds for as long as it lives.
func (s *Store) end(j *job) {
	s.leave(j, false)
	s.vacate(j, true)
	j.undecided, j.fresh, j.turned = false, false, false
	j.awaits, j.held = false, false
}

// crashesAt is how many crashes are not forgotten.
func (j *job) crashesAt(now time.Time) int {
	if now.Sub(j.crashed) > store.CrashMemory {
		return 0
	}
	return j.crashes
}

// stateAt is the job's state as people know it.
func (j *job) stateAt(now time.Time) store.State {
	switch {
	case j.place == leased:
		return store.Running
	case j.place == blocked:
		return store.Blocked
	case j.place == done:
		return j.state
	case !j.runAt.After(now):
		return store.Available
	case j.failures > 0:
		return store.Retryable
	}
	return store.Scheduled
}

// large reports whether the input is read on its own.
func (j *job) large() bool { return len(j.Input) > store.InlineInput }

// view is the job as Find shows it.
func (s *Store) view(j *job, now time.Time, whole bool) store.Job {
	v := store.Job{
		ID: j.ID, Task: j.Task, Queue: j.Queue, Priority: j.Priority,
		State: j.stateAt(now), Waits: s.waits(j),
		Attempt: j.attempt, Failures: j.failures, Crashes: j.crashesAt(now),
		MaxAttempts: j.MaxAttempts, Timeout: j.Timeout, GiveUpAfter: j.GiveUpAfter, Retain: j.Retain,
		RunAt: j.runAt, CreatedAt: j.created, StartedAt: j.started,
		Tags: maps.Clone(j.Tags), InputSize: len(j.Input), Terms: cloneTerms(j.Task, j.Terms),
	}
	if j.waits != nil {
		v.Limit = j.use(j.waits)
	}
	switch j.place {
	case leased:
		v.Process, v.Cancelling = j.holder, j.cancel
	case done:
		v.FinishedAt = j.finished
	}
	if len(j.history) > 0 {
		v.Error = j.history[len(j.history)-1].Error
	}
	if whole || !j.large() {
		v.Input = bytes.Clone(j.Input)
	}
	if whole || len(j.result) <= store.InlineInput {
		v.Result = bytes.Clone(j.result)
	}
	if j.progress != nil {
		p := *j.progress
		v.Progress = &p
	}
	return v
}

// waits says why a job is blocked.
func (s *Store) waits(j *job) string {
	switch {
	case j.place != blocked:
		return ""
	case j.held:
		return store.WaitsHeld
	case j.awaits:
		return store.WaitsAfter
	case j.waits != nil:
		return store.WaitsLimit
	case j.suspect:
		return store.WaitsAlone
	case j.need != "":
		return store.WaitsNeed
	case s.pausedTasks[j.Task]:
		return store.WaitsPaused
	}
	return store.WaitsTask
}
