package offload

import (
	"context"
	"errors"
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

func (s Schedule) part(p *parts) { p.schedules = append(p.schedules, s) }

// Next returns the next n ticks after t: fewer where To comes before. It looks at nothing but
// when the schedule ticks, and needs no Call.
func (s Schedule) Next(t time.Time, n int) ([]time.Time, error) {
	return nil, errors.ErrUnsupported
}

// SetSchedule stores a schedule, or replaces that of its name. It then ticks whether or not any
// program declares it, until RemoveSchedule, and wins over one of the same name in code. One
// that is paused stays paused.
func (a *App) SetSchedule(ctx context.Context, s Schedule) error { return errors.ErrUnsupported }

// RemoveSchedule takes a schedule away that SetSchedule has stored, or that code declared and no
// program does any more. Jobs that it has enqueued stay. One of the same name in code comes back
// within a minute. It returns ErrNotFound where none has the name, and an *InputError for one that code
// declares now.
func (a *App) RemoveSchedule(ctx context.Context, name string) error { return errors.ErrUnsupported }
