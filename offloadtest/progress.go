package offloadtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
)

// WantProgress fails the test, showing how far the job is instead, unless the last that its handler said by
// offload.Progress is done of total. It returns all that is known of it.
func WantProgress(t testing.TB, app *App, id offload.ID, done, total int) *offload.ProgressInfo {
	t.Helper()
	job, err := app.Job(context.Background(), id)
	if err != nil {
		t.Fatalf("WantProgress: %v", err)
		return nil
	}
	switch p := job.Progress; {
	case p == nil:
		t.Fatalf("job %s has told of no progress; want %d of %d", id, done, total)
		return nil
	case p.Done != done || p.Total != total:
		t.Fatalf("job %s is at %d of %d %s; want %d of %d", id, p.Done, p.Total, p.Note, done, total)
		return nil
	}
	return job.Progress
}

// WantTicks fails the test, showing the ticks instead, unless the schedule has enqueued jobs for exactly
// these ticks, since the app was made. It returns the jobs. A tick that was passed over, since a job
// of the schedule had not ended or by what it says of missed ones, has no job.
func WantTicks(t testing.TB, app *App, schedule string, want ...time.Time) []*offload.Job {
	t.Helper()
	ctx := context.Background()
	known, err := app.backend.Schedules(ctx)
	if err != nil {
		t.Fatalf("WantTicks: %v", err)
		return nil
	}
	var names []string
	for i := range known {
		names = append(names, known[i].Name)
	}
	jobs := jobsOf(t, app, offload.Filter{Schedule: schedule})
	if len(jobs) == 0 && !slices.Contains(names, schedule) {
		t.Fatalf("there is no schedule %q; the schedules are %q", schedule, names)
		return nil
	}
	slices.SortStableFunc(jobs, func(a, b *offload.Job) int { return a.Tick.Compare(b.Tick) })
	same := slices.EqualFunc(jobs, want, func(job *offload.Job, at time.Time) bool { return job.Tick.Equal(at) })
	if same {
		return jobs
	}
	var got, wanted strings.Builder
	for _, job := range jobs {
		fmt.Fprintf(&got, "\n  %s, %s", job.Tick.Format(time.RFC3339Nano), job.State)
	}
	for _, at := range want {
		fmt.Fprintf(&wanted, "\n  %s", at.Format(time.RFC3339Nano))
	}
	t.Fatalf("schedule %q has %d ticks:%s\nwant %d:%s", schedule, len(jobs), &got, len(want), &wanted)
	return nil
}
