package telemetry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/telemetry"
)

// total returns what was counted of an outcome, in all queues.
func total(r *telemetry.Reading, outcome string) (n int64) {
	for i := range r.Totals {
		if r.Totals[i].Outcome == outcome {
			n += r.Totals[i].Count
		}
	}
	return n
}

func TestTotalsNeverFallAndCountOnce(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(context.Context, int) error { return nil })
	app := offloadtest.New(task)
	defer app.Close()
	c := telemetry.NewCollector(app.App, 0)
	another := telemetry.NewCollector(app.App, 0) // which is asked once, at the end
	collect := func(c *telemetry.Collector) *telemetry.Reading {
		t.Helper()
		telemetry.Forget(c)
		r, err := c.Collect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	collect(c)
	collect(another)
	for i := range 200 { // more than three hours, some of it unseen
		if _, err := task.Enqueue(t.Context(), app, i); err != nil {
			t.Fatal(err)
		}
		app.Drain()
		if i%50 < 30 {
			if got := total(collect(c), "completed"); got != int64(i+1) {
				t.Fatalf("after %d jobs: %d completed", i+1, got)
			}
		}
		app.Advance(time.Minute)
	}
	app.Advance(30 * 24 * time.Hour)
	for range 2 {
		for _, c := range []*telemetry.Collector{c, another} {
			if r := collect(c); total(r, "discarded") != 0 || total(r, "completed") != 200 || r.Totals[0].Run.Total() != 200 {
				t.Errorf("in the end: %d completed, %d of them timed", total(r, "completed"), r.Totals[0].Run.Total())
			}
		}
	}
}

func TestCollectTellsOfQueuesAndSchedules(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(context.Context, int) error { return errors.New("no") })
	app := offloadtest.New(task, offload.Schedule{Every: time.Hour, Call: task.Call(1, offload.Queue("hourly"))})
	defer app.Close()
	if _, err := task.EnqueueMany(t.Context(), app, []int{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := task.Enqueue(t.Context(), app, 1, offload.Queue("later"), offload.Delay(time.Hour)); err != nil {
		t.Fatal(err)
	}
	s, err := inside.Store(app.App)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Control(t.Context(), store.Control{PauseQueue: "paused"}); err != nil {
		t.Fatal(err)
	}
	process := store.Process{ID: store.NewID(), Queues: map[string]int{"default": 7, store.SystemQueue: 1}, Running: 2, Stuck: []store.ID{store.NewID()}}
	if err := s.Join(t.Context(), process); err != nil {
		t.Fatal(err)
	}
	r, err := telemetry.NewCollector(app.App, 0).Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, q := range r.Queues {
		names = append(names, q.Name)
	}
	if len(names) != 3 || names[0] != "default" || names[1] != "later" || names[2] != "paused" {
		t.Fatalf("the queues are %q", names)
	}
	if q := r.Queues[0]; q.Jobs[offload.Available] != 3 || q.Workers != 7 || q.Need.Working != 1 || q.Need.Slots != 7 {
		t.Errorf("default is %+v", q)
	}
	if q := r.Queues[1]; q.Jobs[offload.Scheduled] != 1 || q.Oldest != 0 || q.Need.Processes != 0 {
		t.Errorf("later is %+v", q)
	}
	if !r.Queues[2].Paused {
		t.Error("paused is not")
	}
	if r.Processes != (telemetry.Processes{Working: 1, Running: 2, Stuck: 1}) {
		t.Errorf("the processes are %+v", r.Processes)
	}
	if len(r.Schedules) != 1 || r.Schedules[0].Name != "t" || r.Schedules[0].Overdue != 0 {
		t.Errorf("the schedules are %+v", r.Schedules)
	}
}

func TestCollectOfAClosedAppKeepsWhatItKnew(t *testing.T) {
	t.Parallel()
	app := offloadtest.New()
	c := telemetry.NewCollector(app.App, 0)
	before, err := c.Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	app.Close()
	if r, err := c.Collect(t.Context()); err != nil || r != before {
		t.Errorf("at once: %p, %v; want what was just read", r, err)
	}
	telemetry.Forget(c)
	if r, err := c.Collect(t.Context()); !errors.Is(err, offload.ErrClosed) || r != before {
		t.Errorf("after: %p, %v", r, err)
	}
}

func TestNeeded(t *testing.T) {
	t.Parallel()
	const run = 2 * time.Second
	for _, test := range []struct {
		name                 string
		backlog, ran, arrive int // arrive: jobs of each of the last minutes
		working, slots       int
		paused               bool
		want                 int
	}{
		{"nothing", 0, 0, 0, 0, 0, false, 0},
		{"a backlog, nothing known", 5, 0, 0, 0, 0, false, 1},
		{"a backlog, nothing known, two at work", 5, 0, 0, 2, 10, false, 2},
		{"nothing to do, all idle", 0, 60, 0, 3, 10, false, 0},
		// 600 jobs in 10 minutes are one a second; each takes 2 s, a process runs 10 at once: 0.2 of one.
		{"a backlog that one can do", 600, 60, 0, 1, 10, false, 1},
		{"a backlog that takes more", 6000, 60, 0, 1, 10, false, 2},
		{"one slot", 600, 60, 0, 1, 1, false, 2},
		// 600 a minute come: 10 a second, 20 slots.
		{"arrivals alone", 0, 60, 600, 1, 10, false, 2},
		{"arrivals and a backlog", 6000, 60, 600, 1, 10, false, 4},
		{"nobody works it now", 60_000, 60, 0, 0, 0, false, 2}, // 100 slots, until it is known better
		{"paused", 6000, 60, 600, 1, 10, true, 0},
	} {
		got := telemetry.NeedOf(test.backlog, test.ran, run, test.arrive, test.working, test.slots, test.paused)
		if got.Processes != test.want {
			t.Errorf("%s: %+v; want %d processes", test.name, got, test.want)
		}
	}
}
