package offload_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

// An appOf opens an app on the one store of a test.
type appOf func(parts ...offload.Part) *offload.App

// onSharedStores runs a test with apps that share a store, of each kind.
func onSharedStores(t *testing.T, test func(t *testing.T, app appOf)) {
	onEachStore(t, func(t *testing.T, address string) {
		test(t, func(parts ...offload.Part) *offload.App { return open(t, address, parts...) })
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		var s store.Store = memory.New()
		test(t, func(parts ...offload.Part) *offload.App {
			app, err := offload.New(t.Context(), s, append(parts, quiet)...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { app.Close() })
			return app
		})
	})
}

// What another process does is seen, in order: each change begins where the last one has ended.
func TestWatchSeesWhatOtherProcessesDo(t *testing.T) {
	onSharedStores(t, func(t *testing.T, app appOf) {
		next := make(chan bool)
		task := offload.NewTask("t", func(ctx context.Context, n int) error {
			<-next
			if n == 1 && offload.JobOf(ctx).Failures == 0 {
				return again()
			}
			return nil
		})
		other := offload.Declare[int]("other")
		worker, web, reader := app(task), app(), app()
		begun(t, worker)
		old, err := task.Enqueue(t.Context(), web, 7) // is running, or about to
		if err != nil {
			t.Fatal(err)
		}
		events := reader.Watch(t.Context(), offload.Filter{Tasks: []string{"t"}})
		if _, err := other.Enqueue(t.Context(), web, 1); err != nil {
			t.Fatal(err)
		}
		job, err := task.Enqueue(t.Context(), web, 1)
		if err != nil {
			t.Fatal(err)
		}

		last, ended := map[offload.ID]offload.State{}, 0
		go func() {
			for range 3 {
				next <- true
			}
		}()
		for e, err := range events {
			if err != nil {
				t.Fatal(err)
			}
			before, known := last[e.Job.ID]
			switch {
			case e.Job.ID != job.ID && e.Job.ID != old.ID:
				t.Errorf("%s of job %s, which was not asked for", told(e), e.Job.Task)
			case known && e.From != before, !known && e.Job.ID == job.ID && e.From != "":
				t.Errorf("%s after it was %q", told(e), before)
			case e.Job.Input != nil || e.Time.IsZero():
				t.Errorf("%+v", e)
			}
			if last[e.Job.ID] = e.Job.State; e.Job.State.Ended() {
				if ended++; ended == 2 {
					break
				}
			}
		}
		if last[job.ID] != offload.Completed || last[old.ID] != offload.Completed {
			t.Errorf("the last states seen are %v", last)
		}
	})
}

// However many jobs change between two looks, the end of each is seen once.
func TestWatchLosesNoEnd(t *testing.T) {
	onSharedStores(t, func(t *testing.T, app appOf) {
		const jobs = 3500
		task := offload.NewTask("t", func(ctx context.Context, n int) error {
			if n%2 == 0 {
				return offload.Cancel(errAgain)
			}
			return nil
		})
		worker, web, reader := app(task), app(), app()
		if _, err := task.EnqueueMany(t.Context(), web, make([]int, jobs/2)); err != nil {
			t.Fatal(err)
		}
		events := reader.Watch(t.Context(), offload.Filter{States: []offload.State{offload.Completed, offload.Cancelled}})
		rest, err := task.EnqueueMany(t.Context(), web, make([]int, jobs-jobs/2))
		if err != nil {
			t.Fatal(err)
		}
		begun(t, worker)
		if _, err := worker.Wait(t.Context(), rest[len(rest)-1].ID); err == nil {
			t.Fatal("the job has completed; want it cancelled")
		}
		ended := map[offload.ID]int{}
		for e, err := range events {
			if err != nil {
				t.Fatal(err)
			}
			if ended[e.Job.ID]++; ended[e.Job.ID] > 1 || !e.Job.State.Ended() {
				t.Fatalf("%s of job %s for the %d. time", told(e), e.Job.ID, ended[e.Job.ID])
			}
			if len(ended) == jobs {
				break
			}
		}
	})
}

func TestWatchSeesChangesOfItsOwnProcessAndProgress(t *testing.T) {
	onSharedStores(t, func(t *testing.T, app appOf) {
		next := make(chan bool)
		task := offload.NewTask("t", func(ctx context.Context, _ int) error {
			offload.Progress(ctx, 1, 2, "half")
			<-next
			return nil
		})
		one := app(task)
		begun(t, one)
		events := one.Watch(t.Context(), offload.Filter{})
		if _, err := task.Enqueue(t.Context(), one, 1); err != nil {
			t.Fatal(err)
		}
		progress := 0
		for e, err := range events {
			if err != nil {
				t.Fatal(err)
			}
			if p := e.Job.Progress; p != nil && p.Note == "half" && e.Job.State == offload.Running {
				if e.Progress != nil && e.From != offload.Running {
					t.Errorf("progress from %s: %+v", e.From, e.Progress)
				}
				if progress++; progress == 1 {
					close(next)
				}
			}
			if e.Job.State == offload.Completed {
				break
			}
		}
		if progress != 1 {
			t.Errorf("progress was told %d times; want once", progress)
		}
	})
}

func TestWatchSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	app := offloadtest.New()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var none *offload.App
	closed := offloadtest.New()
	closed.Close()
	var input *offload.InputError
	for _, test := range []struct {
		name   string
		app    *offload.App
		ctx    context.Context
		filter offload.Filter
		want   func(error) bool // nil is that nothing is yielded
	}{
		{"no app", none, t.Context(), offload.Filter{}, func(err error) bool { return errors.Is(err, offload.ErrClosed) }},
		{"no app, and no time", none, over, offload.Filter{}, nil},
		{"a closed app", closed.App, t.Context(), offload.Filter{}, func(err error) bool { return errors.Is(err, offload.ErrClosed) }},
		{"a state that is none", app.App, t.Context(), offload.Filter{States: []offload.State{"done"}}, func(err error) bool { return errors.As(err, &input) && input.Field == "State" }},
		{"a page", app.App, t.Context(), offload.Filter{Max: 3}, func(err error) bool { return errors.As(err, &input) }},
		{"a context that has ended", app.App, over, offload.Filter{}, nil},
	} {
		var got []error
		for e, err := range test.app.Watch(test.ctx, test.filter) {
			if got = append(got, err); e.Job != nil {
				t.Errorf("%s: %v", test.name, told(e))
			}
		}
		if len(got) > 1 || (len(got) == 1) != (test.want != nil) || len(got) == 1 && !test.want(got[0]) {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	app.Close()

	ctx, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	app = offloadtest.New()
	defer app.Close()
	for _, err := range app.Watch(ctx, offload.Filter{}) {
		t.Errorf("it yields %v when ctx ends", err)
	}
}
