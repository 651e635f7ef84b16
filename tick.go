package offload

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// A scheduleSpec is all of a schedule as it is stored, so that a process whose code knows
// nothing of it can take its ticks. The options are those of task and call together, as they
// were when it was declared or set.
type scheduleSpec struct {
	Cron    string        `json:"cron,omitempty"`
	Every   time.Duration `json:"every,omitempty"` // nanoseconds
	Zone    string        `json:"zone,omitempty"`
	Overlap Overlap       `json:"overlap,omitempty"`
	Missed  Missed        `json:"missed,omitempty"`
	Jitter  time.Duration `json:"jitter,omitempty"`
	From    time.Time     `json:"from,omitzero"`
	To      time.Time     `json:"to,omitzero"`

	Task    string          `json:"task"`
	Input   json.RawMessage `json:"input"`
	Queue   string          `json:"queue"`
	Options rules           `json:"options"`
}

// readSpec reads what a store keeps of a schedule.
func readSpec(s *store.Schedule) (*scheduleSpec, *timing, error) {
	var spec scheduleSpec
	if err := json.Unmarshal(s.Spec, &spec); err != nil {
		return nil, nil, fmt.Errorf("offload: read schedule %q: %w", s.Name, err)
	}
	schedule := spec.schedule(s.Name)
	timing, err := schedule.timing(schedule.refusal())
	return &spec, timing, err
}

// schedule makes a Schedule of what is stored, whose call has its options.
func (spec *scheduleSpec) schedule(name string) *Schedule {
	call := newCall(nil, spec.Task, spec.Input, []EnqueueOption{storedOptions(spec.Options.config(spec.Queue))}, nil)
	call.sealed = seal.LooksSealed(spec.Input)
	return &Schedule{
		Name: name, Cron: spec.Cron, Every: spec.Every, Zone: spec.Zone, Overlap: spec.Overlap, Missed: spec.Missed,
		Jitter: spec.Jitter, From: spec.From, To: spec.To,
		Call: call,
	}
}

// storedOptions are all options of a call, in place of those of its task.
type storedOptions jobConfig

func (o storedOptions) applyEnqueue(c *enqueueConfig) {
	c.jobConfig = jobConfig(o)
	c.registered = map[string]bool{} // what is stored of a limit is no newer than what code says
	for i := range c.limits {
		c.registered[c.limits[i].Name] = true
	}
}

// Bounds of ticks.
const (
	// tickGrace is how late a tick may be that is not missed.
	tickGrace = time.Minute

	// mostMissed is how many jobs MissedAll makes at once.
	mostMissed = 1000
)

// tick says what a schedule does that is due. It depends on nothing but what it is given.
func tick(now time.Time, s store.Schedule) (store.Ticked, error) {
	spec, timing, err := readSpec(&s)
	if err != nil {
		return store.Ticked{}, err
	}
	first := s.Next
	if !s.Last.IsZero() && !first.After(s.Last) { // that was taken
		if first, _ = timing.next(s.Last); first.IsZero() {
			return store.Ticked{}, nil
		}
	}
	if first.IsZero() || first.After(now) {
		return store.Ticked{Next: first}, nil
	}
	var done store.Ticked
	done.Next, _ = timing.next(now)
	if spec.passes(&s) {
		return done, nil
	}
	for _, at := range spec.taken(timing, first, now) {
		job, err := spec.job(s.Name, at)
		if err != nil {
			return store.Ticked{}, err
		}
		done.Last, done.Jobs = at, append(done.Jobs, job)
	}
	if spec.Overlap == OverlapCancel && len(done.Jobs) > 0 && unended(s.LastState) {
		done.Cancel = []ID{s.LastJob}
	}
	return done, nil
}

// taken returns the ticks from first on up to now that have a job.
func (spec *scheduleSpec) taken(t *timing, first, now time.Time) []time.Time {
	if spec.Missed == MissedAll {
		return t.last(first, now, mostMissed)
	}
	newest := t.newest(first, now)
	if spec.Missed == MissedSkip && now.Sub(newest) > tickGrace {
		return nil
	}
	return []time.Time{newest}
}

// passes reports whether a tick does nothing, since an earlier job stands in its way.
func (spec *scheduleSpec) passes(s *store.Schedule) bool {
	switch spec.Overlap {
	case "", OverlapSkip:
		return unended(s.LastState)
	case OverlapBehind:
		switch s.LastState {
		case Scheduled, Available, Blocked:
			return true
		}
	}
	return false
}

// unended reports whether the last job of a schedule is there and has not ended.
func unended(last State) bool { return last != "" && !last.Ended() }

// scheduleLimit and the schedule's name make the name of the limit that keeps its jobs one
// after another.
const scheduleLimit = store.OwnLimit + "schedule:"

// alone returns the limit that the schedule's jobs are under, nil if they may overlap or never do.
func (spec *scheduleSpec) alone(name string) *store.Limit {
	switch {
	case spec.Overlap == OverlapAllow, spec.Missed != MissedAll && (spec.Overlap == "" || spec.Overlap == OverlapSkip):
		return nil
	}
	return &store.Limit{Name: scheduleLimit + name, Max: 1}
}

// job makes the job of a tick; the zero time is a person's word.
func (spec *scheduleSpec) job(name string, at time.Time) (store.NewJob, error) {
	config := enqueueConfig{jobConfig: spec.Options.config(spec.Queue)}
	job := config.newJob(spec.Task, spec.Input, NewID())
	terms, _, err := config.terms(spec.Task, nil, spec.Input)
	if err != nil {
		return job, fmt.Errorf("offload: schedule %q: %w", name, err)
	}
	if terms == nil {
		terms = &store.Terms{}
	}
	terms.Schedule, terms.Tick = name, at
	if alone := spec.alone(name); alone != nil {
		terms.Limits = append([]store.Use{{Limit: alone.Name}}, terms.Limits...)
	}
	job.Terms = terms
	if spec.Jitter > 0 && !at.IsZero() {
		job.RunAt = at.Add(jitter(name, at, spec.Jitter))
	}
	return job, nil
}

// jitter returns how long after its tick a job is due: the same for whoever asks.
func jitter(name string, at time.Time, most time.Duration) time.Duration {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", name, at.UnixMicro()))
	return time.Duration(binary.BigEndian.Uint64(sum[:]) % (uint64(most) + 1)).Truncate(time.Microsecond)
}

// runSchedule says what a schedule does that a person runs now: its next tick stays.
func runSchedule(_ time.Time, s store.Schedule) (store.Ticked, error) {
	spec, _, err := readSpec(&s)
	if err != nil {
		return store.Ticked{}, err
	}
	if spec.passes(&s) {
		return store.Ticked{}, &InputError{
			Field: fmt.Sprintf("schedule %q", s.Name), Got: fmt.Sprintf("still at work: its job %s is %s", s.LastJob, s.LastState),
			Want: "a schedule whose last job has ended, or OverlapAllow",
		}
	}
	job, err := spec.job(s.Name, time.Time{})
	if err != nil {
		return store.Ticked{}, err
	}
	done := store.Ticked{Next: s.Next, Jobs: []store.NewJob{job}}
	if spec.Overlap == OverlapCancel && unended(s.LastState) {
		done.Cancel = []ID{s.LastJob}
	}
	return done, nil
}

// passSchedule says that a schedule passes over the ticks up to now.
func passSchedule(now time.Time, s store.Schedule) (store.Ticked, error) {
	_, timing, err := readSpec(&s)
	if err != nil {
		return store.Ticked{}, err
	}
	next, _ := timing.next(now)
	return store.Ticked{Next: next}, nil
}
