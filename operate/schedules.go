package operate

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// A Schedule is a schedule as it is stored, and its ticks. What is embedded can be changed and
// given to SetSchedule.
type Schedule struct {
	offload.Schedule
	Origin    Origin
	Paused    bool
	Orphaned  bool          // no program declares it any more, so that it doesn't tick
	Next      time.Time     // the next tick; zero is never again
	Last      time.Time     // the last tick that was taken; zero if none was
	LastJob   offload.ID    // the job of it; zero if it made none
	LastState offload.State // of that job; "" if it is gone
}

// Origin says who made a schedule. One made at run time wins over one of the same name in
// code, until it is removed.
type Origin string

// Who made a schedule.
const (
	OriginCode Origin = "code" // a program, as a Part
	OriginAPI  Origin = "api"  // somebody at run time, by SetSchedule
)

// Schedules returns all schedules, by name. With names it returns those, and an ErrNotFound if
// one is not there.
func (o *Operator) Schedules(ctx context.Context, names ...string) ([]Schedule, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	found, err := s.Schedules(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("offload: list schedules: %w", err)
	}
	if err := missing("schedule", names, found, func(s *store.Schedule) string { return s.Name }); err != nil {
		return nil, err
	}
	now, err := s.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("offload: list schedules: %w", err)
	}
	schedules := make([]Schedule, len(found))
	for i := range found {
		if schedules[i], err = o.schedule(ctx, &found[i], now); err != nil {
			return nil, err
		}
	}
	return schedules, nil
}

func (o *Operator) schedule(ctx context.Context, s *store.Schedule, now time.Time) (Schedule, error) {
	read, err := inside.ReadSchedule(ctx, o.app, *s)
	if err != nil {
		return Schedule{}, fmt.Errorf("offload: read schedule %q: %w", s.Name, err)
	}
	declared, _ := read.(offload.Schedule)
	schedule := Schedule{
		Schedule: declared, Origin: OriginAPI, Paused: s.Paused,
		Next: s.Next, Last: s.Last, LastJob: s.LastJob, LastState: s.LastState,
	}
	if s.InCode {
		schedule.Origin = OriginCode
		schedule.Orphaned = now.Sub(s.Declared) >= store.DeclaredFor
	}
	return schedule, nil
}

// missing returns an ErrNotFound for the first name that nothing of what was found has.
func missing[T any](what string, names []string, found []T, nameOf func(*T) string) error {
	known := map[string]bool{}
	for i := range found {
		known[nameOf(&found[i])] = true
	}
	for _, name := range names {
		if !known[name] {
			return fmt.Errorf("offload: %s %q: %w", what, name, offload.ErrNotFound)
		}
	}
	return nil
}

// SetSchedule is App.SetSchedule, with the name kept.
func (o *Operator) SetSchedule(ctx context.Context, schedule offload.Schedule) error {
	s, err := o.store()
	if err != nil {
		return err
	}
	if err := o.app.SetSchedule(ctx, schedule); err != nil {
		return err
	}
	return o.record(ctx, s, store.Record{What: "set schedule " + cmp.Or(schedule.Name, schedule.Call.Task())})
}

// RemoveSchedule is App.RemoveSchedule, with the name kept.
func (o *Operator) RemoveSchedule(ctx context.Context, name string) error {
	s, err := o.store()
	if err != nil {
		return err
	}
	if err := o.app.RemoveSchedule(ctx, name); err != nil {
		return err
	}
	return o.record(ctx, s, store.Record{What: "remove schedule " + name})
}

// PauseSchedule lets a schedule tick no more until it is resumed. Jobs that it has enqueued go
// on.
func (o *Operator) PauseSchedule(ctx context.Context, name string) error {
	return o.controlNamed(ctx, "schedule", name, store.Control{PauseSchedule: name})
}

// ResumeSchedule takes PauseSchedule back. Ticks that have passed meanwhile are not made up
// for, whatever the schedule says of missed ones: they were not missed, but paused.
func (o *Operator) ResumeSchedule(ctx context.Context, name string) error {
	s, err := o.store()
	if err != nil {
		return err
	}
	if err := inside.CheckName("schedule", name); err != nil {
		return err
	}
	_, err = s.Take(ctx, name, func(now time.Time, s store.Schedule) (store.Ticked, error) {
		if !s.Paused {
			return store.Ticked{Next: s.Next}, nil // a tick that is due now is to be taken
		}
		return inside.PassSchedule(now, s)
	})
	if err != nil {
		return fmt.Errorf("offload: resume schedule: %w", err)
	}
	return o.control(ctx, store.Control{ResumeSchedule: name})
}

// RunSchedule enqueues the job of a schedule now, as a tick of now would, also of one that is
// paused or has ended. Its own ticks stay as they are. An earlier job that has not ended counts:
// where a tick would do nothing, because of OverlapSkip or since one waits behind it already,
// RunSchedule returns an *InputError that names the job.
func (o *Operator) RunSchedule(ctx context.Context, name string) (*offload.Job, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	if err := inside.CheckName("schedule", name); err != nil {
		return nil, err
	}
	inserted, err := s.Take(ctx, name, inside.RunSchedule)
	if err != nil {
		return nil, fmt.Errorf("offload: run schedule: %w", err)
	}
	if len(inserted) == 0 {
		return nil, fmt.Errorf("offload: run schedule %q: it enqueued no job", name)
	}
	job, err := o.app.Job(ctx, inserted[len(inserted)-1].ID)
	if err != nil {
		return nil, err
	}
	return job, o.record(ctx, s, store.Record{What: "run schedule " + name, Job: job.ID})
}
