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
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

var errAgain = errors.New("again")

// again fails an attempt so that the next one is due at once.
func again() error { return offload.RetryIn(0, errAgain) }

// runOne runs one job of a function to its end, with all retries, and returns it.
func runOne(t *testing.T, app *offload.App, task *offload.Task[int]) (*offload.Job, error) {
	t.Helper()
	job, err := task.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	return app.Wait(t.Context(), job.ID)
}

func TestResumeReturnsTheLastCheckpoint(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		type position struct {
			Page int
			Name string
		}
		var seen []position
		task := offload.NewTask("t", func(ctx context.Context, _ int) error {
			p, err := offload.Resume[position](ctx)
			if err != nil {
				return err
			}
			seen = append(seen, p)
			for range 2 {
				p.Page++
				p.Name = strings.Repeat("ä", p.Page)
				if err := offload.Checkpoint(ctx, p); err != nil {
					return err
				}
			}
			if now, err := offload.Resume[position](ctx); err != nil || now != p {
				t.Errorf("Resume after Checkpoint = %+v, %v; want %+v", now, err, p)
			}
			if p.Page < 6 {
				return again()
			}
			return nil
		})
		app := open(t, address, task)
		begun(t, app)
		if job, err := runOne(t, app, task); err != nil {
			t.Fatalf("%+v: %v", job, err)
		}
		want := []position{{}, {2, "ää"}, {4, "ääää"}}
		if !slices.Equal(seen, want) {
			t.Errorf("attempts have begun at %v; want %v", seen, want)
		}
	})
}

func TestAStepRunsOnceOverAllAttempts(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		type receipt struct{ Charge string }
		ran := map[string]int{}
		task := offload.NewTask("t", func(ctx context.Context, _ int) error {
			got, err := offload.Step(ctx, "charge", func(context.Context) (*receipt, error) {
				ran["charge"]++
				return &receipt{"ch_1"}, nil
			})
			if err != nil || got.Charge != "ch_1" {
				return fmt.Errorf("charge: %+v, %w", got, err)
			}
			sent, err := offload.Step(ctx, "send", func(context.Context) (int, error) {
				if ran["send"]++; ran["send"] < 3 {
					return 7, again()
				}
				return 8, nil
			})
			if err != nil {
				if sent != 0 {
					t.Errorf("a step that has failed returns %v", sent)
				}
				return err
			}
			_, err = offload.Step(ctx, "nothing", func(context.Context) (any, error) {
				ran["nothing"]++
				return nil, nil
			})
			if err != nil || sent != 8 {
				return fmt.Errorf("send: %d, %w", sent, err)
			}
			if offload.JobOf(ctx).Failures < 4 {
				return again()
			}
			return nil
		})
		app := open(t, address, task)
		begun(t, app)
		if job, err := runOne(t, app, task); err != nil {
			t.Fatalf("%+v: %v", job, err)
		}
		if ran["charge"] != 1 || ran["send"] != 3 || ran["nothing"] != 1 {
			t.Errorf("steps ran %v times; want charge and nothing once, send twice in vain and once well", ran)
		}
	})
}

// A job that has given up finds what it kept when somebody tries it again; one that has completed
// keeps nothing.
func TestWhatIsKeptLastsUntilTheJobHasCompleted(t *testing.T) {
	t.Parallel()
	ran, fail := 0, true
	task := offload.NewTask("t", func(ctx context.Context, _ int) error {
		if _, err := offload.Step(ctx, "once", func(context.Context) (int, error) { ran++; return 1, nil }); err != nil {
			return err
		}
		if fail {
			return offload.Discard(errAgain)
		}
		return nil
	})
	app := offloadtest.New(task)
	defer app.Close()
	job, err := task.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	fail = false
	if err := app.Retry(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if job := read(t, app.App, job.ID); job.State != offload.Completed || ran != 1 {
		t.Errorf("the job is %s, its step ran %d times; want it completed, and once", job.State, ran)
	}
	if memos, err := storeOf(t, app.App).Memos(t.Context(), job.ID); err != nil || len(memos) > 0 {
		t.Errorf("kept of a completed job: %v, %v", memos, err)
	}
}

// twoProcesses runs one job in a process that is declared lost while it is in the middle of it,
// then in another, and lets the first go on.
func twoProcesses(t *testing.T, run func(ctx context.Context, pause func()) error) (first, second error) {
	t.Helper()
	s := memory.New()
	paused, resume, over := make(chan bool), make(chan bool), make(chan error, 2)
	task := offload.Declare[int]("t")
	process := func(pause func()) *offload.App {
		app, err := offload.New(t.Context(), s, quiet, task.Handle(func(ctx context.Context, _ int) error {
			err := run(ctx, pause)
			over <- err
			return err
		}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { app.Close() })
		return app
	}
	one := process(func() { close(paused); <-resume })
	begun(t, one)
	if _, err := task.Enqueue(t.Context(), one, 1); err != nil {
		t.Fatal(err)
	}
	<-paused
	all, err := s.Processes(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("Processes = %v, %v", all, err)
	}
	if _, err := s.Reap(t.Context(), []store.Beaten{{ID: all[0].ID, Count: all[0].Count}}); err != nil {
		t.Fatal(err)
	}
	begun(t, process(func() {}))
	second = <-over
	close(resume)
	return <-over, second
}

func TestAnAttemptThatHasLostItsLeaseKeepsNothing(t *testing.T) {
	t.Parallel()
	attempts := 0
	first, second := twoProcesses(t, func(ctx context.Context, pause func()) error {
		attempts++
		mine := attempts
		if err := offload.Checkpoint(ctx, mine); err != nil {
			return err
		}
		if mine == 1 {
			pause()
			return offload.Checkpoint(ctx, 100)
		}
		if before, err := offload.Resume[int](ctx); err != nil || before != 2 {
			t.Errorf("Resume = %d, %v; want 2", before, err)
		}
		return nil
	})
	if second != nil || !errors.Is(first, offload.ErrLeaseLost) {
		t.Errorf("the attempts ended with %v and %v; want ErrLeaseLost for the first", first, second)
	}
}

func TestWhatCannotBeKeptIsRefusedByName(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 1<<20)
	number := func(context.Context) (int, error) { return 1, nil }
	tests := []struct {
		name string
		call func(ctx context.Context) error
		want string // "" is no error
	}{
		{"a checkpoint over 1 MiB", func(ctx context.Context) error { return offload.Checkpoint(ctx, large) }, "Checkpoint is 1048578 bytes of JSON; want at most 1 MiB"},
		{"a checkpoint of 1 MiB", func(ctx context.Context) error { return offload.Checkpoint(ctx, large[2:]) }, ""},
		{"a checkpoint without JSON", func(ctx context.Context) error { return offload.Checkpoint(ctx, func() {}) }, "Checkpoint is json: unsupported type: func(); want a value that encodes as JSON"},
		{"a step without a name", func(ctx context.Context) error { _, err := offload.Step(ctx, "", number); return err }, `Step name is ""; want 1 to 256 bytes`},
		{"a step with a long name", func(ctx context.Context) error { _, err := offload.Step(ctx, large[:257], number); return err }, `want 1 to 256 bytes`},
		{"a step whose name is no text", func(ctx context.Context) error { _, err := offload.Step(ctx, "a\x00", number); return err }, `want 1 to 256 bytes of valid UTF-8`},
		{"a step with a name of offload's", func(ctx context.Context) error { _, err := offload.Step(ctx, "~a", number); return err }, `not beginning with "~"`},
		{"a step without a function", func(ctx context.Context) error { _, err := offload.Step[int](ctx, "a", nil); return err }, `Step "a" is nil; want a function`},
		{"a step with a large result", func(ctx context.Context) error {
			_, err := offload.Step(ctx, "large", func(context.Context) (string, error) { return large, nil })
			return err
		}, `Step "large" result is 1048578 bytes of JSON`},
		{"Each without items", func(ctx context.Context) error {
			return offload.Each(ctx, nil, func(context.Context, int) error { return nil })
		}, "Each seq is nil"},
		{"Each without a function", func(ctx context.Context) error { return offload.Each(ctx, slices.Values([]int{1}), nil) }, "Each f is nil"},
	}
	inside := append(slices.Clone(tests), []struct {
		name string
		call func(ctx context.Context) error
		want string
	}{
		{"a step twice", func(ctx context.Context) error {
			_, first := offload.Step(ctx, "twice", number)
			_, err := offload.Step(ctx, "twice", number)
			return errors.Join(first, err)
		}, `Step name is "twice"; want a name that no other step of this attempt had`},
		{"Each within Each", func(ctx context.Context) error {
			items := slices.Values([]int{1})
			return offload.Each(ctx, items, func(ctx context.Context, _ int) error {
				return offload.Each(ctx, items, func(context.Context, int) error { return nil })
			})
		}, "Each is called while another Each of this attempt is under way; want one after another"},
		{"a checkpoint of another type", func(ctx context.Context) error {
			if err := offload.Checkpoint(ctx, "seven"); err != nil {
				return err
			}
			_, err := offload.Resume[int](ctx)
			return err
		}, "is no int: json"},
	}...)
	for i, test := range inside {
		check := func(where string, err error) {
			var input *offload.InputError
			switch {
			case test.want == "" && err != nil:
				t.Errorf("%s %s: %v", test.name, where, err)
			case test.want != "" && (err == nil || !strings.Contains(unquoted(err), strings.ReplaceAll(test.want, `"`, ""))):
				t.Errorf("%s %s: %v; want %q", test.name, where, err, test.want)
			case test.want != "" && !errors.As(err, &input) && !strings.Contains(test.want, "json"):
				t.Errorf("%s %s: %T is no InputError", test.name, where, err)
			}
		}
		if i < len(tests) && test.name != "a step with a large result" {
			check("outside a handler", test.call(context.Background()))
		}
		task := offload.NewTask("t", func(ctx context.Context, _ int) error {
			check("in a handler", test.call(ctx))
			return nil
		})
		app := offloadtest.New(task)
		if _, err := task.Enqueue(t.Context(), app, 1); err != nil {
			t.Fatal(err)
		}
		if count := app.Drain(); count.Completed != 1 {
			t.Errorf("%s: %+v; want the job unharmed", test.name, count)
		}
		app.Close()
	}
}

// unquoted is the text of an error without quotes.
func unquoted(err error) string { return strings.ReplaceAll(err.Error(), `"`, "") }

func TestACallOfManyKeepsNothing(t *testing.T) {
	t.Parallel()
	task := offload.Declare[int]("t")
	app := offloadtest.New(task.HandleMany(2, 0, func(ctx context.Context, _ []int) error {
		_, resume := offload.Resume[int](ctx)
		_, step := offload.Step(ctx, "a", func(context.Context) (int, error) { return 1, nil })
		each := offload.Each(ctx, slices.Values([]int{1}), func(context.Context, int) error { return nil })
		for what, err := range map[string]error{"Resume": resume, "Checkpoint": offload.Checkpoint(ctx, 1), "Step": step, "Each": each} {
			var input *offload.InputError
			if !errors.As(err, &input) || input.Field != what {
				t.Errorf("%s in a call of many: %v", what, err)
			}
		}
		return nil
	}))
	defer app.Close()
	if _, err := task.EnqueueMany(t.Context(), app, []int{1, 2}); err != nil {
		t.Fatal(err)
	}
	app.Drain()
}

// A handler is a plain function, which can be tested as one.
func TestOutsideAHandlerNothingIsKept(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	if err := offload.Checkpoint(ctx, 7); err != nil {
		t.Error(err)
	}
	if v, err := offload.Resume[int](ctx); v != 0 || err != nil {
		t.Errorf("Resume = %d, %v", v, err)
	}
	for want := 1; want <= 2; want++ {
		if got, err := offload.Step(ctx, "a", func(context.Context) (int, error) { return want, nil }); got != want || err != nil {
			t.Errorf("Step = %d, %v; want %d", got, err, want)
		}
		var seen []int
		err := offload.Each(ctx, slices.Values([]int{1, 2, 3}), func(_ context.Context, i int) error {
			seen = append(seen, i)
			if i == 2 {
				return errAgain
			}
			return nil
		})
		if !slices.Equal(seen, []int{1, 2}) || err != errAgain {
			t.Errorf("Each has visited %v, %v", seen, err)
		}
	}
}
