package offload

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/fields"
	"github.com/offloadhq/offload/store"
)

// An ownSchedule is a schedule as this app stores it.
type ownSchedule struct {
	name string
	spec scheduleSpec
}

// takeOver is how long after its last declaration a schedule that other code declares may be
// replaced by one of the same name of a process that was opened before: well before it would
// cease to tick.
const takeOver = store.DeclaredFor * 2 / 3

// resolveSchedules makes the schedules of the app's parts ready to be stored.
func (a *App) resolveSchedules(ctx context.Context, schedules []Schedule) error {
	for i := range schedules {
		spec, err := a.specOf(ctx, &schedules[i])
		if err != nil {
			return err
		}
		a.schedules = append(a.schedules, ownSchedule{schedules[i].name(), spec})
	}
	return nil
}

// specOf resolves the call of a schedule and makes the limits known that its jobs are under.
// The schedule was checked.
func (a *App) specOf(ctx context.Context, s *Schedule) (spec scheduleSpec, err error) {
	call := s.Call
	config, def, err := a.resolve(ctx, call)
	if err != nil {
		return spec, err
	}
	if u := config.unique; u != nil && u.OnConflict == ConflictFail { // nobody is there to be told
		kept := *u
		kept.OnConflict = ConflictKeep
		config.unique = &kept
	}
	_, limits, err := config.terms(call.task, def, call.input)
	if err != nil {
		return spec, err
	}
	input, err := a.sealSchedule(&config.jobConfig, s.name(), call, def)
	if err != nil {
		return spec, err
	}
	spec = scheduleSpec{
		Cron: s.Cron, Every: s.Every, Zone: s.Zone, Overlap: s.Overlap, Missed: s.Missed, Jitter: s.Jitter,
		From: stored(s.From), To: stored(s.To),
		Task: call.task, Input: input, Queue: config.queue, Options: config.rules(),
	}
	used := config.used(call.task, limits)
	if alone := spec.alone(s.name()); alone != nil {
		used = append(used, usedLimit{*alone, call.task, true})
	}
	return spec, a.limits.ensure(ctx, a.store, nil, used)
}

// stored is a time as every database keeps it.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

// declareSchedules makes the schedules of this app's code known, or with names, those: what
// was opened last wins.
func (a *App) declareSchedules(ctx context.Context, names ...string) error {
	own := a.schedules
	if len(names) > 0 {
		own = slices.DeleteFunc(slices.Clone(own), func(o ownSchedule) bool { return !slices.Contains(names, o.name) })
	}
	return a.putSchedules(ctx, own, true, anyway)
}

func anyway(*store.Schedule, time.Time) bool { return true }

// declareAgain lets the schedules of this app's code go on to tick. One that a process opened
// later declares otherwise is left to that process, as long as it is there.
func (a *App) declareAgain(ctx context.Context) error {
	return a.putSchedules(ctx, a.schedules, true, func(old *store.Schedule, now time.Time) bool {
		return now.Sub(old.Declared) >= takeOver
	})
}

// putSchedules stores schedules. Code stands back where one of the name was made at run time;
// where other code says something else, replaces is asked.
func (a *App) putSchedules(ctx context.Context, own []ownSchedule, inCode bool, replaces func(old *store.Schedule, now time.Time) bool) error {
	if len(own) == 0 {
		return nil
	}
	before, now, err := a.storedSchedules(ctx, own)
	if err != nil {
		return err
	}
	var puts []store.Schedule
	for i := range own {
		put, err := own[i].stored(inCode)
		if err != nil {
			return err
		}
		old := before[put.Name]
		if put.Spec, err = a.asBefore(&own[i], old, put.Spec); err != nil {
			return err
		}
		if old != nil && inCode && (!old.InCode || !sameJSON(old.Spec, put.Spec) && !replaces(old, now)) {
			continue
		}
		if put.Next, err = own[i].next(old, now); err != nil {
			return err
		}
		puts = append(puts, put)
	}
	if len(puts) == 0 {
		return nil
	}
	if err := a.store.PutSchedules(ctx, puts); err != nil {
		return fmt.Errorf("offload: store schedules: %w", err)
	}
	return nil
}

// storedSchedules returns what the store keeps by the names of schedules, and its time.
func (a *App) storedSchedules(ctx context.Context, own []ownSchedule) (byName map[string]*store.Schedule, now time.Time, err error) {
	names := make([]string, len(own))
	for i := range own {
		names[i] = own[i].name
	}
	found, err := a.store.Schedules(ctx, names...)
	if err != nil {
		return nil, now, fmt.Errorf("offload: read schedules: %w", err)
	}
	byName = make(map[string]*store.Schedule, len(found))
	for i := range found {
		byName[found[i].Name] = &found[i]
	}
	if now, err = a.store.Now(ctx); err != nil {
		return nil, now, fmt.Errorf("offload: read the store's time: %w", err)
	}
	return byName, now, nil
}

func (o *ownSchedule) stored(inCode bool) (store.Schedule, error) {
	encoded, err := json.Marshal(&o.spec)
	if err != nil {
		return store.Schedule{}, fmt.Errorf("offload: encode schedule %q: %w", o.name, err)
	}
	return store.Schedule{Name: o.name, Spec: encoded, InCode: inCode}, nil
}

// next returns when a schedule ticks first that takes the place of an old one, nil if there is
// none: a tick that is due, or overdue, is not lost by a change of something else.
func (o *ownSchedule) next(old *store.Schedule, now time.Time) (time.Time, error) {
	schedule := o.spec.schedule(o.name)
	timing, err := schedule.timing(schedule.refusal())
	if err != nil {
		return time.Time{}, err
	}
	if old != nil && !old.Next.IsZero() {
		var before scheduleSpec
		if json.Unmarshal(old.Spec, &before) == nil && before.ticksAs(&o.spec) && (o.spec.To.IsZero() || !old.Next.After(o.spec.To)) {
			return old.Next, nil
		}
	}
	next, _ := timing.next(now)
	return next, nil
}

// ticksAs reports whether two schedules tick at the same times, apart from their end.
func (spec *scheduleSpec) ticksAs(other *scheduleSpec) bool {
	return spec.Cron == other.Cron && spec.Every == other.Every && spec.Zone == other.Zone && spec.From.Equal(other.From)
}

// sameJSON reports whether two texts are of the same value, however a database wrote them.
func sameJSON(a, b []byte) bool { return bytes.Equal(fields.Canonical(a), fields.Canonical(b)) }
