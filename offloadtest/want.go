package offloadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offloadhq/offload"
)

// WantEnqueued fails the test, showing what was enqueued instead, unless a job of the task
// with that input is waiting. It returns the job, the oldest if there are several.
// Inputs are compared as the JSON that is stored.
func WantEnqueued[In any](t testing.TB, app *App, task *offload.Task[In], want In) *offload.Job {
	t.Helper()
	wanted, err := normal(want)
	if err != nil {
		t.Fatalf("WantEnqueued(%s): the input wanted does not encode as JSON: %v", task.Name(), err)
		return nil
	}
	jobs := waiting(t, app, task.Name())
	for _, job := range jobs {
		if got, err := normalJSON(job.Input); err == nil && cmp.Equal(got, wanted) {
			return job
		}
	}
	t.Fatalf("no job of task %q with that input is waiting%s", task.Name(), instead(jobs, wanted))
	return nil
}

// WantNone fails the test if a job of the task is waiting, showing its input.
func WantNone[In any](t testing.TB, app *App, task *offload.Task[In]) {
	t.Helper()
	for _, job := range waiting(t, app, task.Name()) {
		t.Errorf("a job of task %q is waiting; want none: %s", task.Name(), job.Input)
	}
}

// waiting returns the jobs of the task that have not ended, oldest first.
func waiting(t testing.TB, app *App, task string) []*offload.Job {
	t.Helper()
	return jobsOf(t, app, offload.Filter{
		Tasks:  []string{task},
		States: []offload.State{offload.Scheduled, offload.Available, offload.Blocked, offload.Running, offload.Retryable},
	})
}

// jobsOf returns all jobs of a filter, oldest first.
func jobsOf(t testing.TB, app *App, filter offload.Filter) []*offload.Job {
	t.Helper()
	var all []*offload.Job
	filter.Max = 1000
	for {
		page, err := app.Jobs(context.Background(), filter)
		if err != nil {
			t.Fatalf("list jobs: %v", err)
			return nil
		}
		if len(page) == 0 {
			slices.Reverse(all)
			return all
		}
		for _, job := range page {
			all = append(all, whole(t, app, job))
		}
		filter.Before = page[len(page)-1].ID
	}
}

// whole reads a job whose input is too long for a list.
func whole(t testing.TB, app *App, job *offload.Job) *offload.Job {
	t.Helper()
	if job.Input != nil {
		return job
	}
	job, err := app.Job(context.Background(), job.ID)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// normal returns a value as its JSON decodes, so that values that are stored alike are equal.
func normal(v any) (any, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return normalJSON(encoded)
}

func normalJSON(encoded []byte) (v any, err error) {
	err = json.Unmarshal(encoded, &v)
	return v, err
}

// instead says what is waiting, and how it differs.
func instead(jobs []*offload.Job, wanted any) string {
	if len(jobs) == 0 {
		return ": nothing of that task is"
	}
	var b strings.Builder
	b.WriteString("; instead (- wanted, + waiting):")
	for i, job := range jobs {
		if i == 5 {
			fmt.Fprintf(&b, "\n… and %d more", len(jobs)-i)
			break
		}
		got, err := normalJSON(job.Input)
		if err != nil {
			fmt.Fprintf(&b, "\njob %s: %s", job.ID, job.Input)
			continue
		}
		fmt.Fprintf(&b, "\njob %s, %s:\n%s", job.ID, job.State, cmp.Diff(wanted, got))
	}
	return b.String()
}
