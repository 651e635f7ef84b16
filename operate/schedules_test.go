package operate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
)

// ofSchedule counts the jobs that a schedule has enqueued.
func ofSchedule(t *testing.T, app *offloadtest.App, name string) []*offload.Job {
	t.Helper()
	jobs, err := app.Jobs(t.Context(), offload.Filter{Schedule: name})
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// scheduled returns the schedule of a name.
func scheduled(t *testing.T, o *operate.Operator, name string) operate.Schedule {
	t.Helper()
	found, err := o.Schedules(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

func TestSchedulesAreListedWithTheirTicks(t *testing.T) {
	app := offloadtest.New(call, offload.Schedule{Name: "hourly", Cron: "@hourly", Call: call.Call("up")})
	defer app.Close()
	ada := operate.As(app.App, "ada")
	set := offload.Schedule{Name: "minutely", Every: time.Minute, Call: call.Call("down", offload.Queue("calls"))}
	if err := ada.SetSchedule(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	began := app.Now()
	app.Advance(time.Minute)
	app.Drain()

	found, err := ada.Schedules(t.Context())
	if err != nil || len(found) != 2 {
		t.Fatalf("Schedules = %+v, %v; want 2", found, err)
	}
	hourly, minutely := found[0], found[1]
	if hourly.Name != "hourly" || hourly.Cron != "@hourly" || hourly.Origin != operate.OriginCode || hourly.Orphaned {
		t.Errorf("of code: %+v", hourly)
	}
	if minutely.Every != time.Minute || minutely.Origin != operate.OriginAPI || minutely.Call.Task() != "call" || string(minutely.Call.Input()) != `"down"` {
		t.Errorf("of run time: %+v", minutely)
	}
	if !minutely.Last.After(began) || !minutely.Next.Equal(minutely.Last.Add(time.Minute)) || minutely.LastState != offload.Discarded {
		t.Errorf("its ticks: %+v; want one, whose job was discarded", minutely)
	}
	if job, err := app.Job(t.Context(), minutely.LastJob); err != nil || job.Queue != "calls" || !job.Tick.Equal(minutely.Last) {
		t.Errorf("its job: %+v, %v", job, err)
	}
	if _, err := ada.Schedules(t.Context(), "minutely", "nightly"); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("a schedule that is not there: %v; want ErrNotFound", err)
	}
}

func TestScheduleOfCodeIsOrphanedThatNoProgramDeclares(t *testing.T) {
	halfPast := offloadtest.StartAt(time.Date(2026, 3, 4, 12, 30, 0, 0, time.UTC)) // a tick on the way would declare it again
	app := offloadtest.New(halfPast, call, offload.Schedule{Name: "hourly", Cron: "@hourly", Call: call.Call("up")})
	defer app.Close()
	ada := operate.As(app.App, "ada")
	app.Advance(3*time.Minute - time.Microsecond) // nothing runs, and nobody declares it
	if c := scheduled(t, ada, "hourly"); c.Orphaned {
		t.Errorf("not quite three minutes later: %+v; want it not orphaned yet", c)
	}
	app.Advance(time.Microsecond)
	if c := scheduled(t, ada, "hourly"); !c.Orphaned {
		t.Errorf("three minutes later: %+v; want it orphaned", c)
	}
	if err := ada.RemoveSchedule(t.Context(), "hourly"); err != nil {
		t.Errorf("remove it: %v", err)
	}
}

func TestPausedSchedulesPassOverTheirTicks(t *testing.T) {
	app := offloadtest.New(call)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	every := offload.Schedule{Name: "every", Every: time.Minute, Missed: offload.MissedAll, Overlap: offload.OverlapAllow, Call: call.Call("up")}
	if err := ada.SetSchedule(t.Context(), every); err != nil {
		t.Fatal(err)
	}
	if err := ada.PauseSchedule(t.Context(), "every"); err != nil {
		t.Fatal(err)
	}
	app.Advance(10 * time.Minute)
	app.Drain()
	if n := len(ofSchedule(t, app, "every")); n != 0 || !scheduled(t, ada, "every").Paused {
		t.Errorf("it has %d jobs while it is paused; want none", n)
	}
	if err := ada.ResumeSchedule(t.Context(), "every"); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if n := len(ofSchedule(t, app, "every")); n != 0 {
		t.Errorf("it has %d jobs of the time in which it was paused; want none", n)
	}
	app.Advance(time.Minute)
	if err := ada.ResumeSchedule(t.Context(), "every"); err != nil { // which it is already
		t.Fatal(err)
	}
	app.Drain()
	if n := len(ofSchedule(t, app, "every")); n != 1 {
		t.Errorf("it has %d jobs a minute later; want 1", n)
	}
	for name, act := range map[string]error{
		"pause":  ada.PauseSchedule(t.Context(), "other"),
		"resume": ada.ResumeSchedule(t.Context(), "other"),
		"remove": ada.RemoveSchedule(t.Context(), "other"),
	} {
		if !errors.Is(act, offload.ErrNotFound) {
			t.Errorf("%s a schedule that is not there: %v; want ErrNotFound", name, act)
		}
	}
}

func TestRunScheduleIsNoTick(t *testing.T) {
	app := offloadtest.New(call)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	if err := ada.SetSchedule(t.Context(), offload.Schedule{Name: "daily", Cron: "@daily", Call: call.Call("up")}); err != nil {
		t.Fatal(err)
	}
	if err := ada.PauseSchedule(t.Context(), "daily"); err != nil {
		t.Fatal(err)
	}
	before := scheduled(t, ada, "daily")

	job, err := ada.RunSchedule(t.Context(), "daily")
	if err != nil || job.Schedule != "daily" || !job.Tick.IsZero() || job.State != offload.Available {
		t.Fatalf("RunSchedule = %+v, %v", job, err)
	}
	after := scheduled(t, ada, "daily")
	if !after.Next.Equal(before.Next) || !after.Last.IsZero() || after.LastJob != job.ID {
		t.Errorf("it was %+v and is %+v; want its ticks as before", before, after)
	}
	var wrong *offload.InputError
	if _, err := ada.RunSchedule(t.Context(), "daily"); !errors.As(err, &wrong) {
		t.Errorf("run it again while its job waits: %v; want an InputError", err)
	}
	app.Drain()
	if _, err := ada.RunSchedule(t.Context(), "daily"); err != nil {
		t.Errorf("run it again when its job has ended: %v", err)
	}
	if _, err := ada.RunSchedule(t.Context(), "nightly"); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("run what is not there: %v; want ErrNotFound", err)
	}
}

func TestActsOnSchedulesAreRecorded(t *testing.T) {
	app := offloadtest.New(call)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	ctx := t.Context()
	job := offload.ID{}
	for _, act := range []func() error{
		func() error { return ada.SetSchedule(ctx, offload.Schedule{Every: time.Hour, Call: call.Call("up")}) },
		func() error { return ada.PauseSchedule(ctx, "call") },
		func() error { return ada.ResumeSchedule(ctx, "call") },
		func() error {
			ran, err := ada.RunSchedule(ctx, "call")
			if err == nil {
				job = ran.ID
			}
			return err
		},
		func() error { return ada.RemoveSchedule(ctx, "call") },
	} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
		app.Advance(time.Second)
	}
	acts, err := ada.Acts(ctx, time.Time{})
	if err != nil || len(acts) != 5 {
		t.Fatalf("Acts = %+v, %v; want 5", acts, err)
	}
	for i, want := range []string{"remove schedule call", "run schedule call", "resume schedule call", "pause schedule call", "set schedule call"} {
		if acts[i].What != want || acts[i].Who != "ada" {
			t.Errorf("act %d: %+v; want %q by ada", i, acts[i], want)
		}
	}
	if acts[1].By != job {
		t.Errorf("the schedule was run as %s; want job %s", acts[1].By, job)
	}
}
