package offload_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/store/memory"
)

func TestHandleManyRunsJobsTogether(t *testing.T) {
	index := offload.Declare[crm]("index")
	var calls [][]int64
	app := offloadtest.New(index.HandleMany(3, time.Second, func(ctx context.Context, in []crm) error {
		var docs []int64
		jobs := offload.JobsOf(ctx)
		for i, one := range in {
			docs = append(docs, one.Doc)
			if job, err := index.Input(jobs[i]); err != nil || job != one {
				t.Errorf("job %d of the call has input %+v, %v; want %+v", i, job, err, one)
			}
		}
		if len(jobs) != len(in) || offload.JobOf(ctx).ID != jobs[0].ID || offload.AppOf(ctx) == nil {
			t.Errorf("%d jobs of %d inputs, the first is %s", len(jobs), len(in), offload.JobOf(ctx).ID)
		}
		calls = append(calls, docs)
		return nil
	}))
	defer app.Close()
	for i := range int64(7) {
		enqueue(t, app.App, index, crm{Doc: i + 1})
	}

	count := app.Drain()

	if want := [][]int64{{1, 2, 3}, {4, 5, 6}, {7}}; !slices.EqualFunc(calls, want, slices.Equal) || count.Completed != 7 {
		t.Errorf("calls were %v, and %+v; want %v", calls, count, want)
	}
}

func TestHandleManyWaitsForMore(t *testing.T) {
	index := offload.Declare[crm]("index")
	var calls []int
	inBubble(t, func(t *testing.T, app *offload.App) {
		first := enqueue(t, app, index, crm{})
		time.Sleep(3 * time.Second)
		last := enqueue(t, app, index, crm{})
		wantEnd(t, app, first, offload.Completed)
		wantEnd(t, app, last, offload.Completed)
		if !slices.Equal(calls, []int{2}) {
			t.Errorf("calls of %v jobs; want one of 2", calls)
		}
	}, index.HandleMany(10, 5*time.Second, func(_ context.Context, in []crm) error {
		calls = append(calls, len(in))
		return nil
	}))
}

func TestHandleManyEndsAsOne(t *testing.T) {
	odd := errors.New("odd")
	limit := offload.Limit{Name: "crm", Max: 5}
	for _, test := range []struct {
		name string
		err  error
		want offloadtest.Count
	}{
		{"failed", odd, offloadtest.Count{Retried: 2}},
		{"discarded", offload.Discard(odd), offloadtest.Count{Discarded: 2}},
		{"cancelled", offload.Cancel(odd), offloadtest.Count{Cancelled: 2}},
		{"snoozed", limit.Snooze(time.Hour), offloadtest.Count{Snoozed: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			index := offload.Declare[crm]("index", limit)
			app := offloadtest.New(index.HandleMany(5, 0, func(ctx context.Context, in []crm) error {
				var wrong *offload.InputError
				if err := offload.AppOf(ctx).Tx(7).Complete(ctx); !errors.As(err, &wrong) || wrong.Field != "Complete" {
					t.Errorf("Complete: %v; want an InputError", err)
				}
				return test.err
			}))
			defer app.Close()
			enqueue(t, app.App, index, crm{Doc: 1})
			enqueue(t, app.App, index, crm{Doc: 2})
			if got := app.Drain(); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

// An input that cannot be read is the failure of its own job.
func TestHandleManyLeavesOutABadInput(t *testing.T) {
	s := memory.New(memory.At(time.Now()))
	web, err := offload.New(t.Context(), s, offload.NewTask("index", nothing[any], offload.MaxAttempts(1)), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	var ids []offload.ID
	for _, input := range []string{`{"doc":1}`, `{"doc":"two"}`, `{"doc":3}`} {
		jobs, err := web.Enqueue(t.Context(), offload.NewCall("index", []byte(input)))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, jobs[0].ID)
	}
	index := offload.DeclareFunc[crm, int64]("index")
	app, stop := start(t, s, index.HandleMany(5, 0, func(_ context.Context, in []crm) (out []int64, err error) {
		for _, one := range in {
			out = append(out, one.Doc*10)
		}
		return out, nil
	}))
	defer stop()
	bad := wantEnd(t, app, ids[1], offload.Discarded)
	if !strings.Contains(bad.Error, "input.doc") {
		t.Errorf("its error is %q; want it to name the field", bad.Error)
	}
	for i, want := range map[int]int64{0: 10, 2: 30} {
		if got, err := index.Wait(t.Context(), app, ids[i]); err != nil || got != want {
			t.Errorf("the result of job %d is %d, %v; want %d", i, got, err, want)
		}
	}
}

func TestHandleManyWithTooFewResults(t *testing.T) {
	index := offload.DeclareFunc[crm, int64]("index")
	app := offloadtest.New(index.HandleMany(5, 0, func(context.Context, []crm) ([]int64, error) { return []int64{1}, nil }))
	defer app.Close()
	id := enqueue(t, app.App, index.Task, crm{})
	enqueue(t, app.App, index.Task, crm{})
	if got, want := app.Drain(), (offloadtest.Count{Retried: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if job := read(t, app.App, id); !strings.Contains(job.Error, "1 results for 2 inputs") {
		t.Errorf("its error is %q", job.Error)
	}
}

func TestHandleManyIsChecked(t *testing.T) {
	index := offload.Declare[crm]("index")
	sum := offload.DeclareFunc[crm, int]("sum")
	run := func(context.Context, []crm) error { return nil }
	var none *offload.Task[crm]
	var noFunc *offload.Func[crm, int]
	for field, part := range map[string]offload.Part{
		"HandleMany n":   index.HandleMany(0, 0, run),
		"HandleMany d":   index.HandleMany(1, -1, run),
		"HandleMany run": index.HandleMany(1, 0, nil),
		"HandleMany":     none.HandleMany(1, 0, run),
	} {
		_, err := offload.New(t.Context(), memory.New(), part)
		wantInputError(t, err, field)
	}
	_, err := offload.New(t.Context(), memory.New(), sum.HandleMany(1, 0, nil))
	wantInputError(t, err, "HandleMany run")
	_, err = offload.New(t.Context(), memory.New(), noFunc.HandleMany(1, 0, nil))
	wantInputError(t, err, "HandleMany")
	_, err = offload.New(t.Context(), memory.New(), index.HandleMany(1, 0, run), index.Handle(nothing[crm]))
	wantInputError(t, err, "Handle")
	if jobs := offload.JobsOf(t.Context()); jobs != nil {
		t.Errorf("JobsOf outside a handler = %v", jobs)
	}
}
