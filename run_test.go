package offload_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

var quiet = offload.LogTo(slog.New(slog.DiscardHandler))

// inBubble runs a test with fake time on an app that is working its jobs.
func inBubble(t *testing.T, test func(t *testing.T, app *offload.App), parts ...offload.Part) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		app, stop := start(t, memory.New(), parts...)
		test(t, app)
		stop()
	})
}

// start runs an app on a store until stop is called, which waits for its end.
func start(t *testing.T, s store.Store, parts ...offload.Part) (app *offload.App, stop func()) {
	t.Helper()
	app, err := offload.New(t.Context(), s, append(parts, quiet)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	return app, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := app.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// enqueue enqueues one job or fails the test.
func enqueue[In any](t *testing.T, app *offload.App, task *offload.Task[In], in In, opts ...offload.EnqueueOption) offload.ID {
	t.Helper()
	job, err := task.Enqueue(t.Context(), app, in, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return job.ID
}

// wantEnd waits for a job's end and checks how it came.
func wantEnd(t *testing.T, app *offload.App, id offload.ID, state offload.State) *offload.Job {
	t.Helper()
	job, err := app.Wait(t.Context(), id)
	var ended *offload.EndedError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if job.State != state {
		t.Errorf("job ended as %s (%s); want %s", job.State, job.Error, state)
	}
	return job
}

func TestHandlerSeesItsJob(t *testing.T) {
	seen := make(chan offload.Job, 1)
	task := offload.NewTask("look", func(ctx context.Context, in string) error {
		seen <- *offload.JobOf(ctx)
		return nil
	}, offload.Tag("team", "blue"), offload.Queue("eyes"))
	inBubble(t, func(t *testing.T, app *offload.App) {
		id := enqueue(t, app, task, "in", offload.Tag("order", "7"), offload.Priority(1))
		wantEnd(t, app, id, offload.Completed)
		job := <-seen
		if job.ID != id || job.Task != "look" || job.Queue != "eyes" || job.Attempt != 1 || job.Priority != 1 ||
			job.State != offload.Running || string(job.Input) != `"in"` || job.Tags["team"] != "blue" || job.Tags["order"] != "7" {
			t.Errorf("JobOf = %+v", job)
		}
	}, task)
}

func TestErrorsSayHowItGoesOn(t *testing.T) {
	cause := errors.New("cause")
	for _, test := range []struct {
		name     string
		err      error
		state    offload.State
		attempts int
		failures int
	}{
		{"Cancel", offload.Cancel(cause), offload.Cancelled, 1, 1},
		{"Cancel without a cause", offload.Cancel(nil), offload.Cancelled, 1, 1},
		{"Discard", offload.Discard(cause), offload.Discarded, 1, 1},
		{"wrapped Discard", errors.Join(errors.New("context"), offload.Discard(cause)), offload.Discarded, 1, 1},
		{"a plain error, three attempts", cause, offload.Discarded, 3, 3},
		{"RetryIn, three attempts", offload.RetryIn(time.Second, cause), offload.Discarded, 3, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			task := offload.NewTask("fail", func(context.Context, int) error { return test.err }, offload.MaxAttempts(3))
			inBubble(t, func(t *testing.T, app *offload.App) {
				job := wantEnd(t, app, enqueue(t, app, task, 1), test.state)
				failures, err := app.Failures(t.Context(), job.ID)
				if err != nil || job.Attempt != test.attempts || len(failures) != test.failures {
					t.Errorf("%d attempts, %d failures, %v; want %d and %d", job.Attempt, len(failures), err, test.attempts, test.failures)
				}
			}, task)
		})
	}
}

func TestSnoozeCostsNoAttempt(t *testing.T) {
	var runs atomic.Int32
	task := offload.NewTask("nap", func(context.Context, int) error {
		if runs.Add(1) < 5 {
			return offload.Snooze(time.Minute)
		}
		return nil
	}, offload.MaxAttempts(1))
	inBubble(t, func(t *testing.T, app *offload.App) {
		began := time.Now()
		job := wantEnd(t, app, enqueue(t, app, task, 1), offload.Completed)
		if job.Failures != 0 || time.Since(began) < 4*time.Minute {
			t.Errorf("%d failures after %v; want none after 4 minutes", job.Failures, time.Since(began))
		}
	}, task)
}

func TestPanicIsAFailureWithItsStack(t *testing.T) {
	task := offload.NewTask("panic", func(context.Context, int) error { panic("ouch") }, offload.MaxAttempts(1))
	inBubble(t, func(t *testing.T, app *offload.App) {
		job := wantEnd(t, app, enqueue(t, app, task, 1), offload.Discarded)
		failures, err := app.Failures(t.Context(), job.ID)
		if err != nil || len(failures) != 1 {
			t.Fatalf("Failures = %v, %v", failures, err)
		}
		if f := failures[0]; f.Kind != "panic" || f.Error != "panic: ouch" || !strings.Contains(f.Stack, "run_test.go") {
			t.Errorf("failure is %+v", f)
		}
	}, task)
}

func TestGoBelongsToTheAttempt(t *testing.T) {
	var beside atomic.Bool
	task := offload.NewTask("go", func(ctx context.Context, in string) error {
		offload.Go(ctx, func(context.Context) error {
			time.Sleep(time.Second)
			beside.Store(true)
			if in == "panic" {
				panic("beside")
			}
			return nil
		})
		return nil
	}, offload.MaxAttempts(1))
	inBubble(t, func(t *testing.T, app *offload.App) {
		wantEnd(t, app, enqueue(t, app, task, "fine"), offload.Completed)
		if !beside.Load() {
			t.Error("the job completed before its function beside had returned")
		}
		wantEnd(t, app, enqueue(t, app, task, "panic"), offload.Discarded)
	}, task)
}

func TestContextTellsWhyItEnded(t *testing.T) {
	causes := make(chan error, 1)
	task := offload.NewTask("wait", func(ctx context.Context, in int) error {
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return ctx.Err()
	}, offload.MaxAttempts(1))
	t.Run("timeout", func(t *testing.T) {
		inBubble(t, func(t *testing.T, app *offload.App) {
			job := wantEnd(t, app, enqueue(t, app, task, 1, offload.Timeout(time.Minute)), offload.Discarded)
			if cause := <-causes; !errors.Is(cause, offload.ErrTimeout) || !strings.Contains(job.Error, "timeout") {
				t.Errorf("cause %v, error %q", cause, job.Error)
			}
		}, task)
	})
	t.Run("cancelled", func(t *testing.T) {
		inBubble(t, func(t *testing.T, app *offload.App) {
			id := enqueue(t, app, task, 1)
			time.Sleep(time.Second)
			began := time.Now()
			if err := app.Cancel(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			wantEnd(t, app, id, offload.Cancelled)
			if cause := <-causes; !errors.Is(cause, offload.ErrCancelled) || time.Since(began) > 2*time.Second {
				t.Errorf("cause %v after %v", cause, time.Since(began))
			}
		}, task)
	})
	t.Run("stopping", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := memory.New()
			app, stop := start(t, s, task, offload.Grace(time.Second))
			id := enqueue(t, app, task, 1, offload.Timeout(0))
			time.Sleep(time.Second)
			stop()
			if cause := <-causes; !errors.Is(cause, offload.ErrStopping) {
				t.Errorf("cause %v", cause)
			}
			jobs, err := s.Find(t.Context(), store.Filter{IDs: []store.ID{id}})
			if err != nil || len(jobs) != 1 || jobs[0].State != offload.Available || jobs[0].Failures != 0 {
				t.Errorf("after the stop: %+v, %v; want the job available, at no cost", jobs, err)
			}
		})
	})
}

func TestUndecodableInputNamesTheFieldAndCanBeEdited(t *testing.T) {
	type photo struct {
		Width int `json:"width"`
	}
	// Enqueued by a program of an earlier release, for which width was a text.
	old := offload.Declare[map[string]string]("thumbnail")
	now := offload.NewTask("thumbnail", func(context.Context, photo) error { return nil }, offload.MaxAttempts(1))
	inBubble(t, func(t *testing.T, app *offload.App) {
		id := enqueue(t, app, old, map[string]string{"width": "wide"}, offload.MaxAttempts(1))
		job := wantEnd(t, app, id, offload.Discarded)
		if !strings.Contains(job.Error, "input.width") {
			t.Errorf("error %q does not name the field", job.Error)
		}
		ada := operate.As(app, "ada")
		err := ada.Edit(t.Context(), id, operate.Edit{Input: json.RawMessage(`{"width":"wider"}`)})
		wantInputError(t, err, "input.width")
		if err := ada.Edit(t.Context(), id, operate.Edit{Input: json.RawMessage(`{"width":7}`)}); err != nil {
			t.Fatal(err)
		}
		if err := app.Retry(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, app, id, offload.Completed)
	}, now)
}

func TestUnknownTasksAreParkedForAProcessThatKnowsThem(t *testing.T) {
	ran := make(chan string, 1)
	fresh := offload.NewTask("fresh", func(ctx context.Context, in string) error { ran <- in; return nil })
	other := offload.NewTask("other", func(context.Context, int) error { return nil })
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		old, stopOld := start(t, s, other)
		id := enqueue(t, old, fresh, "hello")
		wantEnd(t, old, enqueue(t, old, other, 1), offload.Completed)
		time.Sleep(time.Minute)
		job, err := old.Job(t.Context(), id)
		if err != nil || job.State != offload.Blocked || job.Waits != store.WaitsTask || job.Failures != 0 {
			t.Fatalf("at a process that does not know it: %+v, %v", job, err)
		}
		deployed, stopDeployed := start(t, s, fresh)
		wantEnd(t, deployed, id, offload.Completed)
		if in := <-ran; in != "hello" {
			t.Errorf("ran with %q", in)
		}
		stopDeployed()
		stopOld()
	})
}

func TestAliasRunsJobsOfTheOldName(t *testing.T) {
	old := offload.Declare[int]("thumb")
	renamed := offload.NewTask("thumbnail", func(context.Context, int) error { return nil }, offload.Alias("thumb"))
	inBubble(t, func(t *testing.T, app *offload.App) {
		wantEnd(t, app, enqueue(t, app, old, 1), offload.Completed)
	}, renamed)
}

func TestFuncResultIsWaitedForInAnotherProcess(t *testing.T) {
	double := offload.NewFunc("double", func(ctx context.Context, n int) (int, error) {
		time.Sleep(10 * time.Second)
		return 2 * n, nil
	})
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		web, err := offload.New(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		defer web.Close()
		_, stop := start(t, s, double)
		job, err := double.Enqueue(t.Context(), web, 21)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := double.Wait(t.Context(), web, job.ID); err != nil || got != 42 {
			t.Errorf("Wait = %d, %v; want 42", got, err)
		}
		stop()
	})
}

func TestWaitSaysHowAJobEndedOtherwise(t *testing.T) {
	fail := offload.NewFunc("fail", func(context.Context, int) (int, error) {
		return 0, offload.Cancel(errors.New("no need"))
	})
	inBubble(t, func(t *testing.T, app *offload.App) {
		_, err := fail.Wait(t.Context(), app, enqueue(t, app, fail.Task, 1))
		var ended *offload.EndedError
		if !errors.As(err, &ended) || !errors.Is(err, offload.ErrCancelled) || ended.Job.Error != "no need" {
			t.Errorf("Wait: %v", err)
		}
		if _, err := app.Wait(t.Context(), offload.NewID()); !errors.Is(err, offload.ErrNotFound) {
			t.Errorf("Wait for no job: %v; want ErrNotFound", err)
		}
	}, fail)
}

func TestRunWorksTheQueuesItIsGiven(t *testing.T) {
	task := offload.NewTask("t", func(context.Context, int) error { return nil })
	synctest.Test(t, func(t *testing.T) {
		app, err := offload.New(t.Context(), memory.New(), task, quiet)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- app.Run(ctx, "mail") }()
		mail, image := enqueue(t, app, task, 1, offload.Queue("mail")), enqueue(t, app, task, 1, offload.Queue("image"))
		wantEnd(t, app, mail, offload.Completed)
		time.Sleep(time.Minute)
		if job, err := app.Job(t.Context(), image); err != nil || job.State != offload.Available {
			t.Errorf("job of the other queue: %+v, %v", job, err)
		}
		if err := app.Run(t.Context()); err == nil {
			t.Error("a second Run beside the first is accepted")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := app.Run(t.Context(), "größe"); err == nil {
			t.Error("a queue that can have no jobs is accepted")
		}
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsARunThatIsGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		app, err := offload.New(t.Context(), memory.New(), quiet,
			offload.OnClose(func() error { order = append(order, "first"); return nil }),
			offload.OnClose(func() error { order = append(order, "second"); return nil }))
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- app.Run(t.Context()) }()
		synctest.Wait()
		if err := app.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if !slices.Equal(order, []string{"second", "first"}) {
			t.Errorf("OnClose in the order %v", order)
		}
	})
}

func TestNobodyWorksTheQueueIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		app, err := offload.New(t.Context(), memory.New(), noop, offload.LogTo(slog.New(slog.NewTextHandler(&log, nil))))
		if err != nil {
			t.Fatal(err)
		}
		enqueue(t, app, noop, any(1))
		enqueue(t, app, noop, any(2))
		time.Sleep(time.Minute)
		if err := app.Close(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "call app.Run"); n != 1 {
			t.Errorf("said %d times: %s", n, log.String())
		}
	})
}
