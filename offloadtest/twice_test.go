package offloadtest_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// A ledger is an effect.
type ledger struct {
	booked map[int64]int
	log    []string
}

func TestTwiceTellsRightFromWrong(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	mail := offload.NewTask("mail", func(ctx context.Context, n int64) error { l.log = append(l.log, "mail"); return nil })
	for _, test := range []struct {
		name string
		run  func(ctx context.Context, o order) error
		want string // in the failure; "" if it is right
	}{
		{"idempotent", func(ctx context.Context, o order) error { l.booked[o.ID] = 1; return nil }, ""},
		{"counts up", func(ctx context.Context, o order) error { l.booked[o.ID]++; return nil }, "delivered twice has another effect"},
		{"appends", func(ctx context.Context, o order) error { l.log = append(l.log, "x"); return nil }, `+`},
		{"in a step", func(ctx context.Context, o order) error {
			_, err := offload.Step(ctx, "book", func(context.Context) (int, error) { l.booked[o.ID]++; return 1, nil })
			return err
		}, ""},
		{"enqueues anew", func(ctx context.Context, o order) error {
			_, err := mail.Enqueue(ctx, offload.AppOf(ctx), o.ID)
			return err
		}, "mail"},
		{"enqueues once", func(ctx context.Context, o order) error {
			_, err := mail.Enqueue(ctx, offload.AppOf(ctx), o.ID, offload.Unique{Until: offload.Never})
			return err
		}, ""},
		{"fails", func(ctx context.Context, o order) error { return errMailbox }, "run 1 of a job of task \"confirm\" failed: mailbox full"},
		{"fails the second time", func(ctx context.Context, o order) error {
			if l.booked[o.ID] > 0 {
				return errMailbox
			}
			l.booked[o.ID]++
			return nil
		}, "run 2 of a job of task \"confirm\" failed: mailbox full"},
		{"snoozes", func(ctx context.Context, o order) error { return offload.Snooze(time.Hour) }, "snoozed for 1h"},
	} {
		l.booked, l.log = map[int64]int{}, nil
		app := offloadtest.New(confirm.Handle(test.run), mail)
		fake := &recorder{TB: t}
		offloadtest.Twice(fake, app, confirm.Call(order{ID: 7}), func() any { return l })
		switch {
		case test.want == "" && len(fake.failures) > 0:
			t.Errorf("%s: %q", test.name, fake.failures)
		case test.want != "" && (len(fake.failures) != 1 || !strings.Contains(fake.failures[0], test.want)):
			t.Errorf("%s: %q; want a failure with %q", test.name, fake.failures, test.want)
		}
		app.Close()
	}
}

func TestTwiceOfWhatCannotRunTwice(t *testing.T) {
	t.Parallel()
	runs := 0
	app := offloadtest.New(confirm.Handle(func(context.Context, order) error { runs++; return nil }))
	defer app.Close()
	fake := &recorder{TB: t}
	check := func() any { return runs > 0 }
	call := confirm.Call(order{ID: 1}, offload.Delay(time.Hour))
	if offloadtest.Twice(fake, app, call, check); len(fake.failures) > 0 || runs != 2 {
		t.Errorf("a delayed job: %q, %d runs", fake.failures, runs)
	}
	for want, twice := range map[string]func(){
		"was there already": func() { offloadtest.Twice(fake, app, call, check) },
		"there is no check": func() { offloadtest.Twice(fake, app, confirm.Call(order{}), nil) },
		"enqueue: ":         func() { offloadtest.Twice(fake, app, confirm.Call(order{}, offload.Priority(-1)), check) },
		"run 1 of a job of": func() { offloadtest.Twice(fake, offloadtest.New(confirm), confirm.Call(order{}), check) },
	} {
		fake.failures = nil
		if twice(); len(fake.failures) != 1 || !strings.Contains(fake.failures[0], want) {
			t.Errorf("%q; want a failure with %q", fake.failures, want)
		}
	}
	if got := app.Drain(); got != (offloadtest.Count{}) || runs != 2 {
		t.Errorf("something is left: %+v, %d runs", got, runs)
	}
}

func TestTwiceAmongMany(t *testing.T) {
	t.Parallel()
	seen := map[int64]int{}
	app := offloadtest.New(confirm.HandleMany(10, time.Second, func(ctx context.Context, in []order) error {
		for _, o := range in {
			seen[o.ID]++
		}
		return nil
	}))
	defer app.Close()
	fake := &recorder{TB: t}
	offloadtest.Twice(fake, app, confirm.Call(order{ID: 1}), func() any { return seen })
	if len(fake.failures) != 1 || !maps.Equal(seen, map[int64]int{1: 2}) {
		t.Errorf("seen %v, %q", seen, fake.failures)
	}
}

func TestWantProgress(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(ctx context.Context, n int) error {
		for i := range n {
			offload.Progress(ctx, i+1, 10, "rows")
		}
		return nil
	})
	app := offloadtest.New(task)
	defer app.Close()
	jobs, err := task.EnqueueMany(t.Context(), app, []int{0, 7})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if p := offloadtest.WantProgress(t, app, jobs[1].ID, 7, 10); p == nil || p.Note != "rows" {
		t.Errorf("the progress is %+v", p)
	}
	for want, id := range map[string]offload.ID{
		"is at 7 of 10 rows; want 8 of 10": jobs[1].ID, "has told of no progress": jobs[0].ID, "not found": offload.NewID(),
	} {
		fake := &recorder{TB: t}
		offloadtest.WantProgress(fake, app, id, 8, 10)
		if len(fake.failures) != 1 || !strings.Contains(fake.failures[0], want) {
			t.Errorf("%q; want a failure with %q", fake.failures, want)
		}
	}
}

func TestWantTicks(t *testing.T) {
	t.Parallel()
	report := offload.NewTask("report", func(context.Context, string) error { return nil })
	start := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC) // the day before Berlin's clocks go forward
	app := offloadtest.New(report, offloadtest.StartAt(start), offload.Schedule{
		Name: "morning", Cron: "30 2 * * *", Zone: "Europe/Berlin", Call: report.Call("all"), Overlap: offload.OverlapAllow,
	})
	defer app.Close()
	if !app.Now().Equal(start) {
		t.Fatalf("the clock begins at %v", app.Now())
	}
	offloadtest.WantTicks(t, app, "morning")
	app.AdvanceTo(start.Add(72 * time.Hour))
	jobs := offloadtest.WantTicks(t, app, "morning",
		time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), // 02:30 is passed over by the clock: 03:00
		time.Date(2026, 3, 30, 0, 30, 0, 0, time.UTC), time.Date(2026, 3, 31, 0, 30, 0, 0, time.UTC))
	if len(jobs) != 3 || !slices.IsSortedFunc(jobs, func(a, b *offload.Job) int { return a.Tick.Compare(b.Tick) }) {
		t.Errorf("the jobs are %v", jobs)
	}
	for want, ask := range map[string]func(fake *recorder){
		`has 3 ticks`:              func(fake *recorder) { offloadtest.WantTicks(fake, app, "morning", start) },
		`there is no schedule "x"`: func(fake *recorder) { offloadtest.WantTicks(fake, app, "x") },
	} {
		fake := &recorder{TB: t}
		if ask(fake); len(fake.failures) != 1 || !strings.Contains(fake.failures[0], want) {
			t.Errorf("%q; want a failure with %q", fake.failures, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("the clock was put back by AdvanceTo")
		}
	}()
	app.AdvanceTo(start)
}
