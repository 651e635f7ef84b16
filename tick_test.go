package offload

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

// noon is a moment at which nothing special happens.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// due makes a stored schedule that is due at a tick.
func due(t *testing.T, spec scheduleSpec, next time.Time) store.Schedule {
	t.Helper()
	spec.Task, spec.Queue, spec.Input = "report", "default", json.RawMessage(`"daily"`)
	config := defaultConfig()
	spec.Options = config.rules()
	encoded, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return store.Schedule{Name: "daily", Spec: encoded, Next: next}
}

// ticksOf are the ticks of jobs.
func ticksOf(jobs []store.NewJob) (ticks []time.Time) {
	for _, j := range jobs {
		ticks = append(ticks, j.Terms.Tick)
	}
	return ticks
}

func TestTickAndTicksMissed(t *testing.T) {
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	for _, test := range []struct {
		name   string
		missed Missed
		late   time.Duration // after the fourth tick; the first three were not taken either
		next   time.Time
		want   []time.Time
	}{
		{"once is the newest", "", 5 * time.Second, minute(0), []time.Time{minute(30)}},
		{"once, also when that is long ago", MissedOnce, 9 * time.Minute, minute(0), []time.Time{minute(30)}},
		{"skip takes what is late by seconds", MissedSkip, time.Minute, minute(0), []time.Time{minute(30)}},
		{"skip leaves what is late", MissedSkip, time.Minute + 1, minute(0), nil},
		{"all are all", MissedAll, 9 * time.Minute, minute(0), []time.Time{minute(0), minute(10), minute(20), minute(30)}},
		{"one is one", MissedAll, 0, minute(30), []time.Time{minute(30)}},
		{"one is one, by skip", MissedSkip, 0, minute(30), []time.Time{minute(30)}},
	} {
		for how, spec := range map[string]scheduleSpec{"cron": {Cron: "*/10 * * * *"}, "every": {Every: 10 * time.Minute}} {
			spec.Missed = test.missed
			done, err := tick(minute(30).Add(test.late), due(t, spec, test.next))
			if err != nil || !slices.EqualFunc(ticksOf(done.Jobs), test.want, time.Time.Equal) {
				t.Errorf("%s, %s: ticks %v, %v; want %v", test.name, how, ticksOf(done.Jobs), err, test.want)
			}
			if !done.Next.Equal(minute(40)) {
				t.Errorf("%s, %s: next is %v", test.name, how, done.Next)
			}
			if last := len(test.want) - 1; last < 0 && !done.Last.IsZero() || last >= 0 && !done.Last.Equal(test.want[last]) {
				t.Errorf("%s, %s: last is %v", test.name, how, done.Last)
			}
		}
	}
}

func TestTickBeforeItsTimeAndAfterTheLast(t *testing.T) {
	s := due(t, scheduleSpec{Cron: "0 12 * * *"}, noon)
	if done, err := tick(noon.Add(-time.Second), s); err != nil || len(done.Jobs) != 0 || !done.Next.Equal(noon) {
		t.Errorf("before its time: %+v, %v", done, err)
	}
	// Its Next was put back to one that was taken, as a process that read it before may do.
	s.Last = noon
	if done, err := tick(noon.Add(time.Second), s); err != nil || len(done.Jobs) != 0 || !done.Next.Equal(noon.AddDate(0, 0, 1)) {
		t.Errorf("a tick that was taken: %+v, %v", done, err)
	}
	s = due(t, scheduleSpec{Cron: "0 12 * * *", To: noon}, noon)
	done, err := tick(noon, s)
	if err != nil || len(done.Jobs) != 1 || !done.Next.IsZero() {
		t.Errorf("the last tick: %+v, %v; want a job and no next", done, err)
	}
	s.Next, s.Last = done.Next, done.Last
	if done, err := tick(noon.AddDate(1, 0, 0), s); err != nil || len(done.Jobs) != 0 || !done.Next.IsZero() {
		t.Errorf("after the last tick: %+v, %v", done, err)
	}
}

// A schedule of seconds that nobody ticked for a year costs no more than others.
func TestTicksMissedForLong(t *testing.T) {
	year := noon.AddDate(1, 0, 0)
	for _, spec := range []scheduleSpec{
		{Cron: "* * * * * *"},
		{Every: time.Second},
		{Cron: "* * * * FEB *"}, // the last one is a month ago
		{Cron: "0 0 29 2 *"},    // the last one is two years ago
	} {
		next, _ := mustTiming(t, &spec).next(noon.AddDate(-3, 0, 0))
		spec.Missed = MissedAll
		done, err := tick(year, due(t, spec, next))
		if err != nil {
			t.Fatal(err)
		}
		ticks := ticksOf(done.Jobs)
		if len(ticks) > mostMissed || len(ticks) < mostMissed && spec.Cron != "0 0 29 2 *" {
			t.Errorf("%s: %d jobs, want %d at most", spec.Cron, len(ticks), mostMissed)
		}
		if after, _ := mustTiming(t, &spec).next(ticks[len(ticks)-1]); !after.After(year) || !after.Equal(done.Next) {
			t.Errorf("%s: after the last tick %v comes %v; want none before %v, and %v", spec.Cron, ticks[len(ticks)-1], after, year, done.Next)
		}
		if !slices.IsSortedFunc(ticks, time.Time.Compare) {
			t.Errorf("%s: ticks are out of order", spec.Cron)
		}
		spec.Missed = MissedOnce
		once, err := tick(year, due(t, spec, next))
		if err != nil || len(once.Jobs) != 1 || !once.Last.Equal(done.Last) {
			t.Errorf("%s: once is %v, %v; want %v", spec.Cron, once.Last, err, done.Last)
		}
	}
}

func mustTiming(t *testing.T, spec *scheduleSpec) *timing {
	t.Helper()
	s := spec.schedule("daily")
	timing, err := s.timing(s.refusal())
	if err != nil {
		t.Fatal(err)
	}
	return timing
}

func TestTickWhileAnEarlierJobIsThere(t *testing.T) {
	last := NewID()
	for _, test := range []struct {
		overlap Overlap
		state   State
		jobs    int
		cancels bool
		limited bool
	}{
		{"", "", 1, false, false},
		{"", Completed, 1, false, false},
		{"", Running, 0, false, false},
		{OverlapSkip, Retryable, 0, false, false},
		{OverlapSkip, Blocked, 0, false, false},
		{OverlapAllow, Running, 1, false, false},
		{OverlapBehind, Running, 1, false, true},
		{OverlapBehind, Retryable, 1, false, true},
		{OverlapBehind, Blocked, 0, false, true},
		{OverlapBehind, Available, 0, false, true},
		{OverlapBehind, Discarded, 1, false, true},
		{OverlapCancel, Running, 1, true, true},
		{OverlapCancel, Blocked, 1, true, true},
		{OverlapCancel, Cancelled, 1, false, true},
	} {
		s := due(t, scheduleSpec{Every: time.Minute, Overlap: test.overlap}, noon)
		s.LastState, s.LastJob = test.state, last
		done, err := tick(noon, s)
		if err != nil || len(done.Jobs) != test.jobs || (len(done.Cancel) > 0) != test.cancels {
			t.Errorf("%q with a job that is %q: %d jobs, cancels %v, %v", test.overlap, test.state, len(done.Jobs), done.Cancel, err)
		}
		if test.jobs == 0 && !done.Last.IsZero() || !done.Next.Equal(noon.Add(time.Minute)) {
			t.Errorf("%q with a job that is %q: last %v, next %v", test.overlap, test.state, done.Last, done.Next)
		}
		for _, j := range done.Jobs {
			if j.Terms.Schedule != "daily" || (len(j.Terms.Limits) == 1) != test.limited {
				t.Errorf("%q: its job's terms are %+v", test.overlap, j.Terms)
			}
		}

		ran, err := runSchedule(noon, s)
		if test.jobs == 0 {
			var wrong *InputError
			if !errors.As(err, &wrong) || !strings.Contains(wrong.Error(), last.String()) {
				t.Errorf("%q, run while a job is %q: %v; want an error that names the job", test.overlap, test.state, err)
			}
		} else if err != nil || len(ran.Jobs) != 1 || !ran.Last.IsZero() || !ran.Next.Equal(s.Next) || !ran.Jobs[0].Terms.Tick.IsZero() {
			t.Errorf("%q, run while a job is %q: %+v, %v; want a job of no tick, and Next as it is", test.overlap, test.state, ran, err)
		}
	}
}

func TestJitterIsTheSameForAllAndNeverMore(t *testing.T) {
	s := due(t, scheduleSpec{Every: time.Minute, Jitter: 30 * time.Second}, noon)
	seen := map[time.Duration]bool{}
	for i := range 100 {
		at := noon.Add(time.Duration(i) * time.Minute)
		s.Next = at
		one, err := tick(at, s)
		if err != nil {
			t.Fatal(err)
		}
		other, err := tick(at.Add(3*time.Second), s)
		if err != nil {
			t.Fatal(err)
		}
		late := one.Jobs[0].RunAt.Sub(at)
		if late < 0 || late > 30*time.Second || !one.Jobs[0].RunAt.Equal(other.Jobs[0].RunAt) || !one.Jobs[0].Terms.Tick.Equal(at) {
			t.Fatalf("tick %v runs at %v, and for another process at %v", at, one.Jobs[0].RunAt, other.Jobs[0].RunAt)
		}
		seen[late] = true
	}
	if len(seen) < 90 {
		t.Errorf("%d different waits of 100 ticks", len(seen))
	}
}

func TestPassedTicksHaveNoJob(t *testing.T) {
	s := due(t, scheduleSpec{Cron: "0 12 * * *", Missed: MissedAll}, noon)
	done, err := passSchedule(noon.AddDate(0, 0, 9).Add(time.Hour), s)
	if err != nil || len(done.Jobs) != 0 || !done.Next.Equal(noon.AddDate(0, 0, 10)) {
		t.Errorf("passed to %+v, %v", done, err)
	}
}

func TestSpecsThatCannotBeReadAreErrors(t *testing.T) {
	for _, spec := range []string{"", "{", `{"cron":"x"}`, `{"cron":"0 0 * * *","zone":"Nowhere/Land"}`} {
		if _, err := tick(noon, store.Schedule{Name: "odd", Next: noon, Spec: []byte(spec)}); err == nil || !strings.Contains(err.Error(), "odd") {
			t.Errorf("tick of %q: %v; want an error that names the schedule", spec, err)
		}
	}
}
