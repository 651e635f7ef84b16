package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload"
)

// Schedules of the bench.
const (
	mostSchedules  = 10_000
	leastSchedules = 10
	leastWindow    = 2 * time.Second // they are watched
	settles        = time.Second     // until a process that has nothing to do is at rest
	setPerSecond   = 500             // at least
)

// ticks is the handler of their jobs.
type ticks struct {
	task  *offload.Task[load]
	queue string

	mu       sync.Mutex
	from, to time.Time // ticks that count
	late     []time.Duration
}

func newTicks(queue string) *ticks {
	t := &ticks{queue: queue}
	t.task = offload.NewTask("bench-tick", t.run, offload.Queue(queue))
	return t
}

func (t *ticks) run(ctx context.Context, _ load) error {
	now, tick := time.Now(), offload.JobOf(ctx).Tick
	t.mu.Lock()
	defer t.mu.Unlock()
	if !tick.Before(t.from) && tick.Before(t.to) {
		t.late = append(t.late, now.Sub(tick))
	}
	return nil
}

// watch lets ticks of a span count.
func (t *ticks) watch(from, to time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.from, t.to = from, to
}

func (t *ticks) seen() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.late)
}

func (t *ticks) p99() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.late)
	return t.late[len(t.late)*99/100]
}

// tick measures schedules that tick each minute, spread over the seconds: all of the minute, or
// as many of it as they need that are few.
func (a *admission) tick(ctx context.Context, f *figures) error {
	n := min(max(a.jobs/20, leastSchedules), mostSchedules)
	window := max(time.Duration(n)*time.Minute/mostSchedules, leastWindow).Truncate(time.Second)
	f.add("schedules", "schedules", float64(n), 0)
	return a.working(ctx, a.ticks.queue, func(ctx context.Context) error {
		if err := pause(ctx, settles); err != nil {
			return err
		}
		rest, err := cpuOver(ctx, max(window/6, leastWindow))
		if err != nil {
			return err
		}
		begin := time.Now().Truncate(time.Second).Add(2*time.Second + time.Duration(n/setPerSecond)*time.Second)
		if err := a.setSchedules(ctx, n, begin, int(window/time.Second)); err != nil {
			return err
		}
		if late := time.Now(); late.After(begin) {
			begin = late.Truncate(time.Second).Add(time.Second)
		}
		a.ticks.watch(begin, begin.Add(window))
		if err := pause(ctx, time.Until(begin)); err != nil {
			return err
		}
		taken, err := cpuOver(ctx, window)
		if err != nil {
			return err
		}
		if err := a.ticked(ctx, n); err != nil {
			return err
		}
		f.add("schedules_cpu", "% of a core", 100*max(0, taken-rest), 2)
		f.add("schedules_late_p99_ms", "ms", milliseconds(a.ticks.p99()), 1)
		return nil
	})
}

// setSchedules makes n schedules, of which each second of some from begin on has as many.
func (a *admission) setSchedules(ctx context.Context, n int, begin time.Time, seconds int) error {
	for i := range n {
		schedule := offload.Schedule{
			Name: fmt.Sprintf("%s-%d", a.name, i), Cron: fmt.Sprintf("%d * * * * *", (begin.Second()+i%seconds)%60),
			Call: a.ticks.task.Call(loadOf(i, "tick")),
		}
		a.schedules = append(a.schedules, schedule.Name)
		if err := a.app.SetSchedule(ctx, schedule); err != nil {
			return err
		}
		a.progress("schedules: %d of %d set", i+1, n)
	}
	return nil
}

// ticked returns when each schedule's tick has run.
func (a *admission) ticked(ctx context.Context, n int) error {
	for range 300 {
		if a.ticks.seen() >= n {
			return nil
		}
		a.progress("schedules: %d of %d ticked", a.ticks.seen(), n)
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("schedules: %d of %d have not ticked in time", n-a.ticks.seen(), n)
}

// cpuOver returns how much of a core this process takes for so long.
func cpuOver(ctx context.Context, d time.Duration) (float64, error) {
	began, before := time.Now(), cpuTime()
	if err := pause(ctx, d); err != nil {
		return 0, err
	}
	return (cpuTime() - before).Seconds() / time.Since(began).Seconds(), nil
}
