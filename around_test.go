package offload_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

type ctxKey struct{}

func TestAroundWrapsAttemptsInOrder(t *testing.T) {
	t.Parallel()
	var said []string
	wrap := func(name string) offload.Middleware {
		return offload.Around(func(ctx context.Context, job *offload.Job, next func(context.Context) error) error {
			said = append(said, fmt.Sprintf("%s begins %d of %s", name, job.Attempt, job.Task))
			err := next(context.WithValue(ctx, ctxKey{}, name))
			said = append(said, fmt.Sprintf("%s ends: %v", name, err))
			return err
		})
	}
	task := offload.NewTask("t", func(ctx context.Context, _ int) error {
		offload.Go(ctx, func(context.Context) error { return errors.New("beside") })
		said = append(said, fmt.Sprint("handler within ", ctx.Value(ctxKey{}), " of ", offload.JobOf(ctx).Task))
		return nil
	}, wrap("task's"), offload.MaxAttempts(1))
	app := offloadtest.New(wrap("app's first"), task, offload.Parts(wrap("app's second")))
	defer app.Close()
	if _, err := task.Enqueue(t.Context(), app, 1); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	want := []string{
		"app's first begins 1 of t", "app's second begins 1 of t", "task's begins 1 of t", "handler within task's of t",
		"task's ends: beside", "app's second ends: beside", "app's first ends: beside",
	}
	if !slices.Equal(said, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhatAroundReturnsDecides(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, test := range []struct {
		name   string
		run    func() (string, error)
		around func(ctx context.Context, job *offload.Job, next func(context.Context) error) error
		state  offload.State
		err    string // of the job
		result string
	}{
		{"a success made an error", func() (string, error) { return "ok", nil }, func(ctx context.Context, _ *offload.Job, next func(context.Context) error) error {
			return errors.Join(next(ctx), offload.Discard(broken))
		}, offload.Discarded, "broken", ""},
		{"an error made a success", func() (string, error) { return "", broken }, func(ctx context.Context, _ *offload.Job, next func(context.Context) error) error {
			if !errors.Is(next(ctx), broken) {
				return errors.New("the error is another")
			}
			return nil
		}, offload.Completed, "", ""},
		{"a panic", func() (string, error) { panic("ouch") }, func(ctx context.Context, _ *offload.Job, next func(context.Context) error) error {
			var panicked *offload.PanicError
			if err := next(ctx); !errors.As(err, &panicked) || panicked.Value != "ouch" || !strings.Contains(panicked.Stack, "around_test.go") {
				return errors.New("no PanicError")
			}
			return offload.Cancel(errors.New("it has panicked"))
		}, offload.Cancelled, "it has panicked", ""},
		{"next is not called", func() (string, error) { panic("not to be called") }, func(context.Context, *offload.Job, func(context.Context) error) error {
			return nil
		}, offload.Completed, "", ""},
		{"its own panic", func() (string, error) { return "ok", nil }, func(context.Context, *offload.Job, func(context.Context) error) error {
			panic("around")
		}, offload.Discarded, "panic: around", ""},
		{"nothing changed", func() (string, error) { return "ok", nil }, func(ctx context.Context, _ *offload.Job, next func(context.Context) error) error {
			return next(ctx)
		}, offload.Completed, "", `"ok"`},
	} {
		task := offload.NewFunc("t", func(context.Context, int) (string, error) { return test.run() }, offload.Around(test.around), offload.MaxAttempts(1))
		app := offloadtest.New(task)
		job, err := task.Enqueue(t.Context(), app, 1)
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		job = read(t, app.App, job.ID)
		if job.State != test.state || !strings.Contains(job.Error, test.err) || (test.err == "") != (job.Error == "") || string(job.Result) != test.result {
			t.Errorf("%s: the job is %s, error %q, result %s; want %s, %q, %s", test.name, job.State, job.Error, job.Result, test.state, test.err, test.result)
		}
		app.Close()
	}
}

func TestAroundWrapsACallOfManyOnce(t *testing.T) {
	t.Parallel()
	calls := 0
	task := offload.Declare[int]("t")
	app := offloadtest.New(
		task.HandleMany(10, 0, func(context.Context, []int) error { panic("many") }),
		offload.Around(func(ctx context.Context, job *offload.Job, next func(context.Context) error) error {
			calls++
			jobs := offload.JobsOf(ctx)
			var panicked *offload.PanicError
			if err := next(ctx); len(jobs) != 3 || jobs[0] != job || !errors.As(err, &panicked) {
				t.Errorf("around %d jobs: %v", len(jobs), err)
			}
			return nil
		}))
	defer app.Close()
	if _, err := task.EnqueueMany(t.Context(), app, []int{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if count := app.Drain(); count.Completed != 3 || calls != 1 {
		t.Errorf("%+v in %d calls; want 3 completed in one", count, calls)
	}
}

func TestAroundAndOnEventWithoutAFunctionAreRefused(t *testing.T) {
	t.Parallel()
	run := func(context.Context, int) error { return nil }
	for want, parts := range map[string][]offload.Part{
		`offload: Around is "nil"; want a function`:             {offload.Around(nil)},
		`offload: task "t": Around is "nil"; want a function`:   {offload.NewTask("t", run, offload.Around(nil))},
		`offload: task "all": Around is "nil"; want a function`: {offload.NewTask("all", run), offload.Defaults(offload.Around(nil))},
		`offload: OnEvent is "nil"; want a function`:            {offload.OnEvent(nil)},
	} {
		app, err := offload.Open(t.Context(), "memory:", parts...)
		var input *offload.InputError
		if err == nil || !errors.As(err, &input) || err.Error() != want {
			t.Errorf("%v; want %s", err, want)
			app.Close()
		}
	}
}
