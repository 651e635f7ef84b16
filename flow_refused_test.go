package offload_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// What can't be a flow is refused as a whole, and says what is wrong.
func TestFlowsAreChecked(t *testing.T) {
	app := offloadtest.New()
	defer app.Close()
	step := offload.Declare[string]("step")
	call := func(opts ...offload.EnqueueOption) *offload.Call { return step.Call("x", opts...) }
	a, b, c := call(), call(), call()
	batch := offload.Batch(a, b)
	inner := offload.Batch(b)
	outer := offload.Batch(inner)
	var noJob *offload.Job
	var noCall *offload.Call

	for _, test := range []struct {
		name  string
		calls []*offload.Call
		field string
		want  string // a part of the error
	}{
		{"after the zero id", []*offload.Call{call(offload.After(offload.ID{}))}, "After", "the zero id"},
		{"after a nil job", []*offload.Call{call(offload.AfterEnd(noJob))}, "AfterEnd", "a nil job"},
		{"after a nil call", []*offload.Call{call(offload.AfterHold(noCall))}, "AfterHold", "a nil call"},
		{"after the failure of none", []*offload.Call{call(offload.AfterFailure([]*offload.Job{}...))}, "AfterFailure", "none"},
		{"in the zero batch", []*offload.Call{call(offload.InBatch(offload.JobOf(context.Background()).Batch))}, "InBatch", "the zero id"},
		{"after itself", []*offload.Call{a.With(offload.After(a))}, "After", "a circle: step " + a.ID().String() + " waits for the first"},
		{"after each other", []*offload.Call{a.With(offload.After(b)), b.With(offload.After(a))}, "After", "a circle"},
		{
			"a circle of three", []*offload.Call{c, a.With(offload.After(b)), b.With(offload.AfterEnd(c)), c.With(offload.AfterFailure(a))}[1:], "After",
			"step " + a.ID().String() + " waits for step " + b.ID().String() + " waits for step " + c.ID().String() + " waits for the first",
		},
		{"a chain in a circle", []*offload.Call{offload.Chain(a.With(offload.After(b)), b)}, "After", "a circle"},
		{"a member after its batch", []*offload.Call{batch, c.With(offload.After(batch), offload.InBatch(batch.ID()))}, "After", "a circle"},
		{"a member after one that is after its batch", []*offload.Call{offload.Batch(a.With(offload.After(c))).With(offload.WithID(batch.ID())), c.With(offload.After(batch))}, "After", "a circle: batch"},
		{"after a stored batch that it joins", []*offload.Call{a.With(offload.After(c), offload.InBatch(c.ID()))}, "After", "the batch that the job is in"},
		{"batches in each other", []*offload.Call{outer.With(offload.InBatch(inner.ID()))}, "After", "a circle: batch"},
		{"a batch in itself", []*offload.Call{batch.With(offload.InBatch(batch.ID()))}, "InBatch", "the batch itself"},
		{"two batches", []*offload.Call{offload.Batch(a.With(offload.InBatch(outer.ID())))}, "InBatch", "one batch"},
		{"in a job", []*offload.Call{c, a.With(offload.InBatch(c.ID()))}, "InBatch", "want a batch"},
		{"a call twice", []*offload.Call{a, offload.Chain(a, b)}, "calls", "each call once"},
		{"a batch twice", []*offload.Call{batch, offload.Batch(batch)}, "calls", "each call once"},
		{"a nil call in a batch", []*offload.Call{offload.Batch(a, nil)}, "call", "nil"},
		{"a nil call in a chain", []*offload.Call{offload.Chain(nil, a)}, "call", "nil"},
		{"a chain of nothing", []*offload.Call{offload.Chain()}, "Chain", "no calls"},
		{"the id of a chain", []*offload.Call{offload.Chain(a).With(offload.WithID(offload.NewID()))}, "WithID", "a chain"},
		{"the zero id of a batch", []*offload.Call{offload.Batch(a).With(offload.WithID(offload.ID{}))}, "WithID", "zero"},
		{"an empty batch after another job", []*offload.Call{c, offload.Batch().With(offload.After(c))}, "After", "without jobs"},
		{"an option of a group", []*offload.Call{offload.Batch(a).With(offload.Priority(11))}, "Priority", "0 (first)"},
		{"an option of a call in a group", []*offload.Call{offload.Chain(a, b.With(offload.Delay(-1)))}, "Delay", "0 or more"},
	} {
		_, err := app.Enqueue(t.Context(), test.calls...)
		var refused *offload.InputError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v, want an InputError", test.name, err)
			continue
		}
		if refused.Field != test.field || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: field %s, %v; want field %s and %q", test.name, refused.Field, err, test.field, test.want)
		}
	}
	offloadtest.WantNone(t, app, step)
}

// What is not stored, and not enqueued with it, is named.
func TestFlowsWithoutTheirUpstreamAreRefused(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		step := offload.Declare[string]("step")
		app := open(t, address, step)
		unknown := step.Call("not enqueued")
		job := enqueue(t, app, step, "a job")

		for name, c := range map[string]*offload.Call{
			"after a call that is not stored":  step.Call("x", offload.After(unknown)),
			"in a batch that is not stored":    step.Call("x", offload.InBatch(unknown.ID())),
			"in a batch that is a job":         step.Call("x", offload.InBatch(job)),
			"in a chain, after what is not":    offload.Chain(step.Call("x"), step.Call("y", offload.After(unknown))),
			"a batch in one that is no batch":  offload.Batch(step.Call("x")).With(offload.InBatch(job)),
			"in bulk, after what is not there": offload.Batch(step.Call("x"), step.Call("y", offload.AfterEnd(unknown.ID()))),
		} {
			_, err := app.Enqueue(t.Context(), c)
			if !errors.Is(err, offload.ErrUpstream) || !strings.Contains(err.Error(), unknown.ID().String()) && !strings.Contains(err.Error(), job.String()) {
				t.Errorf("%s: %v, want ErrUpstream and the id", name, err)
			}
		}
		if jobs, err := app.Jobs(t.Context(), offload.Filter{}); err != nil || len(jobs) != 1 {
			t.Errorf("%d jobs are stored, %v; want the one", len(jobs), err)
		}
	})
}

// A tick has one job. What comes after it, its handler enqueues.
func TestSchedulesOfFlowsAreRefused(t *testing.T) {
	step := offload.Declare[string]("step")
	app := offloadtest.New(step)
	defer app.Close()
	for name, c := range map[string]*offload.Call{
		"a chain":   offload.Chain(step.Call("a"), step.Call("b")),
		"a batch":   offload.Batch(step.Call("a")),
		"after":     step.Call("a", offload.After(offload.NewID())),
		"in batch":  step.Call("a", offload.InBatch(offload.NewID())),
		"no others": offload.Batch(),
	} {
		err := app.SetSchedule(t.Context(), offload.Schedule{Name: "s", Every: time.Hour, Call: c})
		var refused *offload.InputError
		if !errors.As(err, &refused) || refused.Field != `Schedule "s" Call` {
			t.Errorf("%s: %v", name, err)
		}
	}
}
