package dashboard

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func schedule(t *testing.T, app *offload.App, name string) operate.Schedule {
	t.Helper()
	found, err := operate.As(app, "test").Schedules(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

func TestSchedulesAreShown(t *testing.T) {
	h := New(shop(t), as(Viewer))
	page := ask(h, "GET", "/schedules", nil).Body.String()
	for _, want := range []string{"at 03:00 each day, Europe/Berlin", "every 10 seconds", "at 02:30 on Sundays, America/New_York", ">paused<"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "Run now") || strings.Contains(page, "New schedule") {
		t.Error("a viewer is offered to act")
	}
	if page = ask(h, "GET", "/schedules/of/nightly", nil).Body.String(); strings.Contains(page, "CC") || !strings.Contains(page, "from the role operator up") {
		t.Errorf("a viewer sees the input:\n%s", page)
	}
	if w := ask(h, "GET", "/schedules/of/none", nil); w.Code != http.StatusNotFound {
		t.Errorf("one that is not there: %d", w.Code)
	}
}

func TestScheduleIsRunPausedAndResumed(t *testing.T) {
	app := shop(t)
	h := New(app, as(Operator))
	if said := post(t, h, "/schedules/pause", "schedule", "heartbeat"); said != "Paused heartbeat. It ticks no more until it is resumed." || !schedule(t, app, "heartbeat").Paused {
		t.Error(said)
	}
	w := ask(h, "POST", "/schedules/run", url.Values{"schedule": {"heartbeat"}})
	id, err := offload.ParseID(strings.TrimPrefix(w.Header().Get("Location"), "/jobs/"))
	if err != nil {
		t.Fatalf("%d %q: %v", w.Code, w.Header().Get("Location"), err)
	}
	if job, err := app.Job(t.Context(), id); err != nil || job.Schedule != "heartbeat" {
		t.Errorf("%+v, %v", job, err)
	}
	post(t, h, "/schedules/resume", "schedule", "heartbeat")
	if schedule(t, app, "heartbeat").Paused {
		t.Error("it is still paused")
	}
	if page := ask(h, "GET", "/schedules/of/heartbeat", nil).Body.String(); !strings.Contains(page, id.String()) {
		t.Error("its page does not show the job")
	}
}

func TestScheduleIsAddedChangedAndRemoved(t *testing.T) {
	app := shop(t)
	h := New(app, as(Admin))
	form := func(fields ...string) url.Values {
		f := url.Values{"name": {"weekly"}, "task": {"report"}, "input": {`{"month":"2027-01"}`}, "cron": {"0 8 * * MON"}, "zone": {"Europe/Berlin"}}
		for i := 0; i+1 < len(fields); i += 2 {
			f.Set(fields[i], fields[i+1])
		}
		return f
	}
	for field, bad := range map[string]string{
		"cron": "0 25 * * *", "zone": "Mars/Olympus", "input": "{", "jitter": "soon", "from": "yesterday", "task": "", "name": "nightly", "every": "1h", "overlap": "maybe",
	} {
		w := ask(h, "POST", "/schedules/set", form(field, bad))
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "2027-01") && field != "input" {
			t.Errorf("%s %q: %d, want the form again with what was typed", field, bad, w.Code)
		}
	}
	if w := ask(h, "POST", "/schedules/set", form("preview", "1")); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "at 08:00 on Mondays, Europe/Berlin") {
		t.Errorf("preview: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "POST", "/schedules/set", form()); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/schedules/of/weekly" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	ask(h, "POST", "/schedules/set", form("known", "1", "cron", "", "zone", "", "every", "90s", "overlap", "allow"))
	if s := schedule(t, app, "weekly"); s.Every != 90*time.Second || s.Overlap != offload.OverlapAllow || s.Origin != operate.OriginAPI {
		t.Errorf("%+v", s)
	}
	if page := ask(h, "GET", "/schedules/set?name=weekly", nil).Body.String(); !strings.Contains(page, `value="1m30s"`) {
		t.Error(page)
	}
	post(t, h, "/schedules/remove", "schedule", "weekly")
	if w := ask(h, "GET", "/schedules/of/weekly", nil); w.Code != http.StatusNotFound {
		t.Errorf("it is still there: %d", w.Code)
	}
}

// A task that can do anything is scheduled only where the program says so.
func TestDangerousTaskIsNotScheduled(t *testing.T) {
	app := shop(t)
	form := url.Values{"task": {"crawl"}, "name": {"all"}, "input": {`"https://example.com"`}, "every": {"1h"}}
	if w := ask(New(app, as(Admin)), "POST", "/schedules/set", form); !strings.Contains(w.Body.String(), "dashboard.AllowTask") {
		t.Errorf("without AllowTask: %d %s", w.Code, w.Body)
	}
	if w := ask(New(app, as(Admin), AllowTask("crawl")), "POST", "/schedules/set", form); w.Code != http.StatusSeeOther {
		t.Errorf("with AllowTask: %d %s", w.Code, w.Body)
	}
	job := url.Values{"task": {"crawl"}, "input": {`"https://example.com"`}, "do": {"new"}}
	for role, code := range map[Role]int{Operator: http.StatusUnprocessableEntity, Admin: http.StatusSeeOther} {
		if w := ask(New(app, as(role), AllowTask("crawl")), "POST", "/jobs/new", job); w.Code != code {
			t.Errorf("as %s: %d", role, w.Code)
		}
	}
}

// Ticks that the clock's change moves say so.
func TestTicksAcrossAChangeOfTheClock(t *testing.T) {
	s := offload.Schedule{Cron: "30 2 * * *", Zone: "America/New_York"}
	ticks, err := ticksOf(&s, time.Date(2026, 3, 7, 12, 0, 0, 0, time.UTC), 3)
	if err != nil {
		t.Fatal(err)
	}
	if ticks[0].Wall() != "Sun 2026-03-08 03:00:00 EDT" || ticks[0].Shift != "the clock was put forward by 60 min" || ticks[1].Shift != "" {
		t.Errorf("%+v", ticks)
	}
}

func TestRunsShowTicksWithoutAJob(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }
	s := &operate.Schedule{Schedule: offload.Schedule{Name: "x", Cron: "* * * * *"}, Last: at(5)}
	runs, err := runsOf(s, []*offload.Job{{Tick: at(5)}, {Tick: at(2)}, {Tick: at(1)}}, at(6))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, false, true, true} {
		if got := runs[i].Job != nil; got != want || !runs[i].Tick.Equal(at(5-i)) {
			t.Errorf("run %d: %v, job %v", i, runs[i].Tick, got)
		}
	}
}
