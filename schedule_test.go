package offload_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

var report = offload.NewTask("report", nothing[string])

func TestSchedulesAreChecked(t *testing.T) {
	call := report.Call("daily")
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	app := offloadtest.New(report)
	defer app.Close()
	for _, test := range []struct {
		name     string
		schedule offload.Schedule
		field    string
		want     string
	}{
		{"the zero schedule", offload.Schedule{}, `Schedule "" Call`, "Task.Call"},
		{"no time", offload.Schedule{Call: call}, `Schedule "report" Cron`, "Every"},
		{"two times", offload.Schedule{Call: call, Cron: "@daily", Every: time.Hour}, `Schedule "report" Every`, "Cron or Every"},
		{"too often", offload.Schedule{Call: call, Every: time.Millisecond}, `Schedule "report" Every`, "a second or more"},
		{"negative time", offload.Schedule{Call: call, Every: -time.Hour}, `Schedule "report" Every`, "a second or more"},
		{"every too often", offload.Schedule{Call: call, Cron: "@every 1ms"}, `Schedule "report" Every`, "a second or more"},
		{"every what", offload.Schedule{Call: call, Cron: "@every day"}, `Schedule "report" Cron`, "@every 5m"},
		{"a wrong field", offload.Schedule{Call: call, Cron: "*/90 * * * *"}, `Schedule "report" Cron`, "minute"},
		{"too few fields", offload.Schedule{Call: call, Cron: "0 3 * *"}, `Schedule "report" Cron`, "5 (minute"},
		{"never", offload.Schedule{Call: call, Cron: "0 0 30 2 *"}, `Schedule "report" Cron`, ""},
		{"a zone in the expression", offload.Schedule{Call: call, Cron: "TZ=0 0 3 * * *"}, `Schedule "report" Cron`, ""},
		{"an unknown zone", offload.Schedule{Call: call, Cron: "@daily", Zone: "Europe/Berlim"}, `Schedule "report" Zone`, "Europe/Berlin"},
		{"another zone on each machine", offload.Schedule{Call: call, Cron: "@daily", Zone: "Local"}, `Schedule "report" Zone`, "Europe/Berlin"},
		{"a zone for nothing", offload.Schedule{Call: call, Every: time.Hour, Zone: "Europe/Berlin"}, `Schedule "report" Zone`, "Cron"},
		{"an odd name", offload.Schedule{Name: "a b", Call: call, Cron: "@daily"}, `Schedule "a b" Name`, "letters"},
		{"an unknown overlap", offload.Schedule{Call: call, Cron: "@daily", Overlap: "skpi"}, `Schedule "report" Overlap`, `"skip"`},
		{"an unknown missed", offload.Schedule{Call: call, Cron: "@daily", Missed: "al"}, `Schedule "report" Missed`, `"all"`},
		{"all that cancel each other", offload.Schedule{Call: call, Cron: "@daily", Missed: offload.MissedAll, Overlap: offload.OverlapCancel}, `Schedule "report" Missed`, "another"},
		{"negative jitter", offload.Schedule{Call: call, Cron: "@daily", Jitter: -1}, `Schedule "report" Jitter`, "0 (none)"},
		{"an end before its beginning", offload.Schedule{Call: call, Cron: "@daily", From: from, To: from.Add(-1)}, `Schedule "report" To`, "after From"},
		{"an end before the first tick", offload.Schedule{Call: call, Cron: "0 3 * * *", From: from, To: from.Add(time.Hour)}, `Schedule "report" To`, "03:00"},
		{"a beginning before all times", offload.Schedule{Call: call, Cron: "@daily", From: time.Unix(-1, 0)}, `Schedule "report" From`, "1970"},
		{"a call with a time", offload.Schedule{Call: report.Call("x", offload.At(from)), Cron: "@daily"}, `Schedule "report" Call`, "schedule says when"},
		{"a call with a delay", offload.Schedule{Call: report.Call("x", offload.Delay(0)), Cron: "@daily"}, `Schedule "report" Call`, "schedule says when"},
		{"a call with an id", offload.Schedule{Call: report.Call("x", offload.WithID(offload.NewID())), Cron: "@daily"}, `Schedule "report" Call`, "a job of its own"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := offload.New(t.Context(), memory.New(), report, test.schedule)
			wantRefused(t, err, "", test.field, test.want)
			wantRefused(t, app.SetSchedule(t.Context(), test.schedule), "", test.field, test.want)
		})
	}
	wrong := offload.Schedule{Cron: "@daily", Call: report.Call("x", offload.Priority(11))}
	_, err := offload.New(t.Context(), memory.New(), wrong)
	wantRefused(t, err, "report", "Priority", "9 (last)")
	_, err = offload.New(t.Context(), memory.New(), report, offload.Schedule{Cron: "@daily", Call: offload.NewCall("report", nil)})
	wantInputError(t, err, "input")
	_, err = offload.New(t.Context(), memory.New(), offload.Schedule{Cron: "@daily", Call: offload.NewCall("nosuch", []byte("1"))})
	if !errors.Is(err, offload.ErrUnknownTask) {
		t.Errorf("a schedule of an unknown task: %v", err)
	}
	daily := offload.Schedule{Cron: "@daily", Call: call}
	_, err = offload.New(t.Context(), memory.New(), daily, daily)
	wantRefused(t, err, "", `Schedule "report" Name`, "another")
}

func TestScheduleNext(t *testing.T) {
	berlin := offload.Schedule{Cron: "0 9 * * MON-FRI", Zone: "Europe/Berlin"}
	friday := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	ticks, err := berlin.Next(friday, 2)
	want := []string{"2026-03-30T09:00:00+02:00", "2026-03-31T09:00:00+02:00"}
	if err != nil || len(ticks) != 2 || ticks[0].Format(time.RFC3339) != want[0] || ticks[1].Format(time.RFC3339) != want[1] {
		t.Errorf("Next = %v, %v; want %v", ticks, err, want)
	}
	every := offload.Schedule{Cron: "@every 5m"}
	ticks, err = every.Next(friday.Add(time.Minute), 1)
	if err != nil || !ticks[0].Equal(friday.Add(5*time.Minute)) {
		t.Errorf("Next = %v, %v; want it to count from 1970", ticks, err)
	}
	every = offload.Schedule{Every: 7 * time.Minute, From: friday.Add(time.Minute), To: friday.Add(8 * time.Minute)}
	ticks, err = every.Next(friday.AddDate(-1, 0, 0), 9)
	if err != nil || !slices.EqualFunc(ticks, []time.Time{friday.Add(time.Minute), friday.Add(8 * time.Minute)}, time.Time.Equal) {
		t.Errorf("Next = %v, %v; want From and To", ticks, err)
	}
	_, err = offload.Schedule{Cron: "61 * * * *"}.Next(friday, 1)
	wantInputError(t, err, "Schedule Cron")
	_, err = berlin.Next(friday, -1)
	wantInputError(t, err, "n")
	if ticks, err := berlin.Next(friday, 0); err != nil || len(ticks) != 0 {
		t.Errorf("Next of none = %v, %v", ticks, err)
	}
}

func TestSchedulesTick(t *testing.T) {
	var ran []offload.Job
	remember := report.Handle(func(ctx context.Context, in string) error {
		ran = append(ran, *offload.JobOf(ctx))
		return nil
	})
	app := offloadtest.New(remember, offload.Schedule{
		Name: "hourly", Every: time.Hour, Call: report.Call("hourly", offload.Queue("reports"), offload.Tag("a", "b")),
	})
	defer app.Close()
	begun := app.Now()

	for range 5 {
		app.Advance(30 * time.Minute)
		app.Drain()
	}

	if n := len(ran); n < 2 || n > 3 {
		t.Fatalf("%d jobs in two hours and a half", n)
	}
	for i, job := range ran {
		if want := begun.Truncate(time.Hour).Add(time.Duration(i+1) * time.Hour); job.Schedule != "hourly" || !job.Tick.Equal(want) ||
			job.Queue != "reports" || job.Tags["a"] != "b" || string(job.Input) != `"hourly"` {
			t.Errorf("job %d is %+v; want that of tick %v", i+1, job, want)
		}
	}
	jobs, err := app.Jobs(t.Context(), offload.Filter{Schedule: "hourly"})
	if err != nil || len(jobs) != len(ran) {
		t.Errorf("jobs of the schedule: %d, %v; want %d", len(jobs), err, len(ran))
	}
	if n := app.Drain().Completed; n != 0 {
		t.Errorf("%d jobs ran without a tick", n)
	}
}

// Ticks while no job of the schedule ends make one job, unless they may overlap.
func TestSchedulesTickOnTheWay(t *testing.T) {
	for overlap, want := range map[offload.Overlap]int{offload.OverlapSkip: 1, offload.OverlapAllow: 24, offload.OverlapBehind: 1, offload.OverlapCancel: 24} {
		app := offloadtest.New(report, offload.Schedule{Every: time.Hour, Call: report.Call("x"), Overlap: overlap})
		app.Advance(24 * time.Hour)
		jobs, err := app.Jobs(t.Context(), offload.Filter{})
		if err != nil || len(jobs) != want {
			t.Errorf("%s: %d jobs in a day, %v; want %d", overlap, len(jobs), err, want)
		}
		if count := app.Drain(); overlap != offload.OverlapAllow && count.Completed != 1 {
			t.Errorf("%s: %+v; want one job that runs", overlap, count)
		}
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSetSchedule(t *testing.T) {
	ctx := t.Context()
	var ran []string
	remember := report.Handle(func(_ context.Context, in string) error {
		ran = append(ran, in)
		return nil
	})
	app := offloadtest.New(remember, offload.Schedule{Name: "report", Every: time.Hour, Call: report.Call("code")})
	defer app.Close()
	hour := func(want ...string) {
		t.Helper()
		ran = nil
		app.Advance(time.Hour)
		app.Drain()
		slices.Sort(ran)
		if !slices.Equal(ran, want) {
			t.Errorf("ran %q, want %q", ran, want)
		}
	}
	hour("code")
	if err := app.SetSchedule(ctx, offload.Schedule{Name: "report", Every: time.Hour, Call: report.Call("hand")}); err != nil {
		t.Fatal(err)
	}
	if err := app.SetSchedule(ctx, offload.Schedule{Name: "other", Every: time.Hour, Call: offload.NewCall("report", []byte(`"other"`))}); err != nil {
		t.Fatal(err)
	}
	hour("hand", "other")
	if err := app.SetSchedule(ctx, offload.Schedule{Name: "other", Every: 2 * time.Hour, Call: report.Call("others")}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(app.RemoveSchedule(ctx, "report"), app.RemoveSchedule(ctx, "other")); err != nil {
		t.Fatal(err)
	}
	hour("code") // it is back
	wantInputError(t, app.RemoveSchedule(ctx, "report"), "schedule")
	wantInputError(t, app.RemoveSchedule(ctx, ""), "schedule")
	if err := app.RemoveSchedule(ctx, "other"); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("RemoveSchedule of none: %v; want ErrNotFound", err)
	}
}

// What a schedule says of anything but its time leaves its next tick where it is, overdue too.
func TestSetScheduleKeepsTheNextTick(t *testing.T) {
	ctx := t.Context()
	app := offloadtest.New(report)
	defer app.Close()
	set := func(every time.Duration, in string) store.Schedule {
		t.Helper()
		if err := app.SetSchedule(ctx, offload.Schedule{Name: "s", Every: every, Call: report.Call(in)}); err != nil {
			t.Fatal(err)
		}
		found, err := storeOf(t, app.App).Schedules(ctx, "s")
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		return found[0]
	}
	first := set(24*time.Hour, "a")
	if second := set(24*time.Hour, "b"); !second.Next.Equal(first.Next) {
		t.Errorf("another input moves the next tick from %v to %v", first.Next, second.Next)
	}
	if third := set(time.Hour, "b"); third.Next.Sub(app.Now()) > time.Hour {
		t.Errorf("every hour, it ticks at %v, and it is %v", third.Next, app.Now())
	}
}

// Of two processes with a schedule of one name the one opened last wins, and the other takes over
// when that is gone.
func TestTheScheduleOpenedLastWins(t *testing.T) {
	ctx := t.Context()
	s := memory.New(memory.At(time.Now()))
	process := func(in string) (minute func()) {
		t.Helper()
		app, err := offload.New(ctx, s, report, quiet, offload.Schedule{Cron: "@yearly", Call: report.Call(in)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { app.Close() })
		return func() {
			t.Helper()
			s.Advance(30 * time.Second)
			if _, err := inside.Tick(ctx, app); err != nil {
				t.Fatal(err)
			}
		}
	}
	says := func(want string) {
		t.Helper()
		found, err := s.Schedules(ctx, "report")
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		if !strings.Contains(string(found[0].Spec), want) {
			t.Errorf("the schedule says %s; want %s", found[0].Spec, want)
		}
	}
	old := process("old")
	says("old")
	young := process("young")
	for range 10 {
		old()
		young()
		says("young")
	}
	for range 6 {
		old()
	}
	says("old")
}

func TestWords(t *testing.T) {
	for want, s := range map[string]offload.Schedule{
		"at 03:00 on Mondays, Europe/Berlin": {Cron: "0 3 * * MON", Zone: "Europe/Berlin"},
		"every 15 minutes, UTC":              {Cron: "*/15 * * * *"},
		"every 5 minutes":                    {Cron: "@every 5m"},
		"every 90 seconds":                   {Every: 90 * time.Second},
		"every day":                          {Every: 24 * time.Hour},
		"every 1.5s":                         {Every: 1500 * time.Millisecond},
		"":                                   {Cron: "0 25 * * *"},
	} {
		if got := s.Words(); got != want {
			t.Errorf("Words of %+v is %q, want %q", s, got, want)
		}
	}
}
