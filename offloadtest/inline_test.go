package offloadtest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

var errMailbox = errors.New("mailbox full")

func TestInlineRunsJobsBeforeEnqueueReturns(t *testing.T) {
	t.Parallel()
	var ran []string
	second := offload.NewTask("second", func(ctx context.Context, n int) error {
		ran = append(ran, "second")
		if n == 13 {
			return errMailbox
		}
		return nil
	})
	first := offload.NewFunc("first", func(ctx context.Context, n int) (string, error) {
		_, err := second.Enqueue(ctx, offload.AppOf(ctx), n)
		ran = append(ran, "first")
		return "done", err
	})
	app := offloadtest.New(offloadtest.Inline(), first, second)
	defer app.Close()

	job, err := first.Enqueue(t.Context(), app, 1)
	if err != nil || job.State != offload.Completed || string(job.Result) != `"done"` {
		t.Errorf("Enqueue = %+v, %v; want it completed", job, err)
	}
	if got := strings.Join(ran, " "); got != "second first" {
		t.Errorf("ran %s", got)
	}

	// The error of the second comes back to the first, and from there to whoever enqueued that.
	job, err = first.Enqueue(t.Context(), app, 13)
	if !errors.Is(err, errMailbox) || job != nil {
		t.Errorf("Enqueue = %v, %v; want the handler's error", job, err)
	}
	failed, err := app.Jobs(t.Context(), offload.Filter{States: []offload.State{offload.Retryable}})
	if err != nil || len(failed) != 2 {
		t.Errorf("%d wait for a retry, %v; want both", len(failed), err)
	}
}

func TestInlineLeavesWhatIsNotDue(t *testing.T) {
	t.Parallel()
	ran := 0
	task := offload.NewTask("t", func(context.Context, int) error {
		if ran++; ran == 2 {
			return offload.Snooze(time.Hour)
		}
		return nil
	})
	app := offloadtest.New(offloadtest.Inline(), task)
	defer app.Close()
	if job, err := task.Enqueue(t.Context(), app, 1, offload.Delay(time.Hour)); err != nil || job.State != offload.Scheduled || ran != 0 {
		t.Errorf("delayed: %+v, %v; %d ran", job, err, ran)
	}
	app.Advance(time.Hour)
	if got := app.Drain().Completed; got != 1 {
		t.Errorf("%d completed at its time", got)
	}
	if job, err := task.Enqueue(t.Context(), app, 1); err != nil || job.State != offload.Scheduled {
		t.Errorf("snoozed: %+v, %v", job, err)
	}

	tx := app.Begin()
	if _, err := task.Enqueue(t.Context(), app.Tx(tx), 1); err != nil || ran != 2 {
		t.Errorf("in a transaction: %v; %d ran", err, ran)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if app.Drain(); ran != 3 {
		t.Errorf("%d ran after the commit", ran)
	}
	if _, err := task.Enqueue(t.Context(), app, 1, offload.Priority(-1)); err == nil {
		t.Error("a wrong option was taken")
	}
}

func TestFailAttempt(t *testing.T) {
	t.Parallel()
	var ran []int
	run := func(ctx context.Context, _ int) error {
		ran = append(ran, offload.JobOf(ctx).Attempt)
		return nil
	}
	task, other := offload.NewTask("t", run), offload.NewTask("other", run)
	app := offloadtest.New(task, other, offload.Parts(offloadtest.FailAttempt(task, 1, errMailbox), offloadtest.FailAttempt(task, 2, offload.RetryIn(time.Second, errMailbox))))
	defer app.Close()
	job, err := task.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := app.Drain(), (offloadtest.Count{Retried: 1}); got != want {
		t.Errorf("the first attempt: %+v", got)
	}
	app.Advance(time.Minute)
	app.Drain()
	app.Advance(time.Second)
	if got, want := app.Drain(), (offloadtest.Count{Completed: 1}); got != want || len(ran) != 1 || ran[0] != 3 {
		t.Errorf("the third attempt: %+v, the handler ran in %v", got, ran)
	}
	failures, err := app.Failures(t.Context(), job.ID)
	if err != nil || len(failures) != 2 || failures[0].Error != "mailbox full" {
		t.Errorf("Failures = %+v, %v", failures, err)
	}
	if _, err := other.Enqueue(t.Context(), app, 1); err != nil || app.Drain().Completed != 1 {
		t.Errorf("another task's job did not complete: %v", err)
	}
	for _, wrong := range []func(){
		func() { offloadtest.FailAttempt(task, 0, errMailbox) },
		func() { offloadtest.FailAttempt(task, 1, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("FailAttempt took what makes no sense")
				}
			}()
			wrong()
		}()
	}
}
