package offload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// A Schedule enqueues a call again and again. As a Part it is declared in code: it ticks while
// a program that declares it runs. App.SetSchedule keeps one made while the program runs.
//
// It is stored, and any process that works jobs takes its ticks, also one whose code knows
// nothing of it. A tick is one job, whatever crashes: its job is stored in the transaction that
// moves the schedule on. The job's Schedule and Tick say where it comes from. It is enqueued
// with the options that the call and its task have when the schedule is declared or set.
//
// Cron has five fields (minute, hour, day, month, weekday), or six with the second in front:
// lists, ranges, steps and names, with L, W and # in the days; or @hourly, @daily, @weekly,
// @monthly, @yearly, or "@every 5m", which is Every. Times are those of the clock in Zone. When
// that is put forward or back, an expression with a * or a step in second, minute or hour goes
// on by elapsed time, and any other names fixed times that each run once: at the end of the gap
// that swallows them, or at the first of the two. Every counts from From, or without From from
// 1970, 00:00 UTC, so that starting a program again doesn't begin it anew.
type Schedule struct {
	Name    string        // "" is the task's name
	Cron    string        // "0 3 * * *", "@daily", "0 9 * * MON#1", "*/10 * * * * *"
	Every   time.Duration // instead of Cron: a second or more
	Zone    string        // of Cron: "Europe/Berlin"; "" is UTC
	Call    *Call         // what is enqueued: of one job, without Delay, At and WithID
	Overlap Overlap       // "" is OverlapSkip
	Missed  Missed        // "" is MissedOnce
	Jitter  time.Duration // each job is due up to so much after its tick
	From    time.Time     // no tick before; zero is any time
	To      time.Time     // no tick after; zero is for ever
}

// Overlap says what a tick does while the job of an earlier one has not ended.
type Overlap string

// What a tick does then.
const (
	OverlapSkip   Overlap = "skip"   // nothing
	OverlapAllow  Overlap = "allow"  // its job runs beside it
	OverlapBehind Overlap = "behind" // its job waits until that has ended; a third is not enqueued
	OverlapCancel Overlap = "cancel" // that is cancelled, and its job runs when it has ended
)

// Missed says what happens to ticks that no process was there for. Those of the last minute
// count as missed only where a newer one has come.
type Missed string

// What happens to them.
const (
	MissedOnce Missed = "once" // one job for all of them, with the tick of the newest
	MissedSkip Missed = "skip" // nothing
	MissedAll  Missed = "all"  // a job for each of the newest 1,000, one after another unless OverlapAllow
)

func (s Schedule) part(p *parts) {
	r := s.refusal()
	if err := s.check(r); err != nil {
		p.refuse(err)
		return
	}
	for i := range p.schedules {
		if p.schedules[i].name() == s.name() {
			p.refuse(r.refuse("Name", s.name(), "a name that no other schedule of this app has; say another with Name"))
			return
		}
	}
	p.schedules = append(p.schedules, s)
}

func (s *Schedule) name() string { return cmp.Or(s.Name, s.Call.Task()) }

// refusal names the schedule in errors.
func (s *Schedule) refusal() refusal {
	return refusal{option: fmt.Sprintf("Schedule %q", s.name())}
}

// check returns what of it is wrong, apart from what its task says of the call.
func (s *Schedule) check(r refusal) error {
	if err := s.Call.inSchedule(r); err != nil {
		return err
	}
	if checkName("", "", s.name()) != nil {
		return r.refuse("Name", s.name(), nameWant)
	}
	if _, err := s.timing(r); err != nil {
		return err
	}
	switch s.Overlap {
	case "", OverlapSkip, OverlapAllow, OverlapBehind, OverlapCancel:
	default:
		return r.refuse("Overlap", string(s.Overlap), oneOf(OverlapSkip, OverlapAllow, OverlapBehind, OverlapCancel))
	}
	switch s.Missed {
	case "", MissedOnce, MissedSkip, MissedAll:
	default:
		return r.refuse("Missed", string(s.Missed), oneOf(MissedOnce, MissedSkip, MissedAll))
	}
	switch {
	case s.Missed == MissedAll && s.Overlap == OverlapCancel:
		return r.refuse("Missed", "all beside OverlapCancel", "another word: each would cancel the one before")
	case s.Jitter < 0 || s.Jitter > farFuture:
		return r.refuse("Jitter", s.Jitter, "0 (none) to 100 years")
	}
	return nil
}

// inSchedule refuses a call that a schedule cannot enqueue again and again.
func (c *Call) inSchedule(r refusal) error {
	if c == nil {
		return r.refuse("Call", "nil", "a call made by Task.Call or NewCall")
	}
	if c.err != nil {
		return c.err
	}
	config := c.config()
	switch {
	case c.form != oneJob:
		return r.refuse("Call", "a chain or batch", "a call of one job: its handler can enqueue the others")
	case c.linked:
		return r.refuse("Call", "a call with After or InBatch", "one without: each tick has a job of its own")
	case config.delay != nil:
		return r.refuse("Call", "a call with Delay", "one without: the schedule says when")
	case config.at != nil:
		return r.refuse("Call", "a call with At", "one without: the schedule says when")
	case config.id != nil:
		return r.refuse("Call", "a call with WithID", "one without: each tick has a job of its own")
	}
	return nil
}

// Next returns the next n ticks after t: fewer where To comes before. It looks at nothing but
// when the schedule ticks, and needs no Call.
func (s Schedule) Next(t time.Time, n int) ([]time.Time, error) {
	r := s.refusal()
	if s.name() == "" {
		r.option = "Schedule"
	}
	timing, err := s.timing(r)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > mostNext {
		return nil, &InputError{Field: "n", Got: n, Want: "0 to 10,000"}
	}
	var ticks []time.Time
	for len(ticks) < n {
		tick, ok := timing.next(t)
		if !ok {
			break
		}
		ticks, t = append(ticks, tick), tick
	}
	return ticks, nil
}

const mostNext = 10_000

// Words says in English when the schedule ticks: "at 03:00 on Mondays, Europe/Berlin", "every 90
// seconds". It is "" for one that can't be set, of which Next says why.
func (s Schedule) Words() string {
	timing, err := s.timing(refusal{})
	switch {
	case err != nil:
		return ""
	case timing.expr == nil:
		return "every " + timing.everyWords()
	}
	return timing.expr.Words() + ", " + timing.zone.String()
}

// SetSchedule stores a schedule, or replaces that of its name. It then ticks whether or not any
// program declares it, until RemoveSchedule, and wins over one of the same name in code. One
// that is paused stays paused.
func (a *App) SetSchedule(ctx context.Context, s Schedule) error {
	if err := a.open(); err != nil {
		return err
	}
	if err := s.check(s.refusal()); err != nil {
		return err
	}
	if err := a.restoreSecrets(ctx, &s); err != nil {
		return err
	}
	spec, err := a.specOf(ctx, &s)
	if err != nil {
		return err
	}
	return a.putSchedules(ctx, []ownSchedule{{s.name(), spec}}, false, anyway)
}

// RemoveSchedule takes a schedule away that SetSchedule has stored, or that code declared and no
// program does any more. Jobs that it has enqueued stay. One of the same name in code comes back
// within a minute. It returns ErrNotFound where none has the name, and an *InputError for one
// that code declares now.
func (a *App) RemoveSchedule(ctx context.Context, name string) error {
	if err := a.open(); err != nil {
		return err
	}
	if err := checkName("", "schedule", name); err != nil {
		return err
	}
	err := a.store.DropSchedule(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return a.whyNotRemoved(ctx, name, err)
	}
	if err != nil {
		return fmt.Errorf("offload: remove schedule %q: %w", name, err)
	}
	return a.declareSchedules(ctx, name)
}

func (a *App) whyNotRemoved(ctx context.Context, name string, notFound error) error {
	found, err := a.store.Schedules(ctx, name)
	if err != nil {
		return fmt.Errorf("offload: read schedule %q: %w", name, err)
	}
	if len(found) > 0 && found[0].InCode {
		return &InputError{
			Field: "schedule", Got: name + ", which a program declares",
			Want: "one that was set at run time; pause this one, or take it out of the code",
		}
	}
	return fmt.Errorf("schedule %q: %w", name, notFound)
}
