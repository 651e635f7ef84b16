package operate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

// A yard is an app whose handler fails for hosts that are down.
type yard struct {
	*offloadtest.App
	t    *testing.T
	down map[string]bool
	ran  []string
	task *offload.Task[string]
	ada  *operate.Operator
}

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{t: t, down: map[string]bool{}}
	y.task = offload.NewTask("visit", func(_ context.Context, host string) error {
		y.ran = append(y.ran, host)
		if y.down[host] {
			return offload.Discard(errors.New(host + " is down"))
		}
		return nil
	})
	y.App = offloadtest.New(y.task)
	t.Cleanup(func() { y.App.Close() })
	y.ada = operate.As(y.App.App, "ada")
	return y
}

func (y *yard) enqueue(calls ...*offload.Call) {
	y.t.Helper()
	if _, err := y.Enqueue(y.t.Context(), calls...); err != nil {
		y.t.Fatal(err)
	}
}

// visited drains, and checks which jobs ran.
func (y *yard) visited(want ...string) {
	y.t.Helper()
	y.ran = nil
	y.Drain()
	if !slices.Equal(y.ran, want) {
		y.t.Errorf("ran %v, want %v", y.ran, want)
	}
}

func (y *yard) state(c *offload.Call, want offload.State) {
	y.t.Helper()
	job, err := y.Job(y.t.Context(), c.ID())
	if err != nil || job.State != want {
		y.t.Errorf("job %s is %s, %v; want %s", c.Input(), job.State, err, want)
	}
}

func TestBatchesAreListedWithTheirProgress(t *testing.T) {
	y := newYard(t)
	y.down["b"] = true
	a, b := y.task.Call("a"), y.task.Call("b")
	inner := offload.Batch(y.task.Call("c"))
	outer := offload.Batch(a, b, inner).With(offload.Tag("import", "7"))
	later := offload.Batch(y.task.Call("d")).With(offload.Queue("later"))
	y.enqueue(outer, later)
	if err := y.ada.PauseQueue(t.Context(), "later"); err != nil {
		t.Fatal(err)
	}
	y.visited("a", "b", "c")

	batches, err := y.ada.Batches(t.Context(), offload.Filter{})
	if err != nil || len(batches) != 3 {
		t.Fatalf("%d batches, %v; want 3", len(batches), err)
	}
	want := map[offload.ID]operate.Batch{
		later.ID(): {State: offload.Blocked, Flow: later.ID(), Members: 1, Open: 1},
		inner.ID(): {State: offload.Completed, Flow: outer.ID(), Batch: outer.ID(), Members: 1, Completed: 1},
		outer.ID(): {State: offload.Discarded, Flow: outer.ID(), Members: 3, Completed: 2, Discarded: 1},
	}
	for _, b := range batches {
		w := want[b.ID]
		w.ID, w.CreatedAt, w.FinishedAt, w.Tags = b.ID, b.CreatedAt, b.FinishedAt, b.Tags
		if b.State != w.State || b.Flow != w.Flow || b.Batch != w.Batch || b.Members != w.Members || b.Open != w.Open || b.Completed != w.Completed || b.Discarded != w.Discarded {
			t.Errorf("batch %+v, want %+v", b, w)
		}
	}
	for name, test := range map[string]struct {
		f    offload.Filter
		want []offload.ID
	}{
		"open":     {offload.Filter{States: []offload.State{offload.Blocked}}, []offload.ID{later.ID()}},
		"tagged":   {offload.Filter{Tag: "import=7", Batch: outer.ID()}, []offload.ID{inner.ID()}},
		"by queue": {offload.Filter{Queues: []string{"nowhere"}, Max: 1}, []offload.ID{later.ID()}},
	} {
		batches, err := y.ada.Batches(t.Context(), test.f)
		var ids []offload.ID
		for _, b := range batches {
			ids = append(ids, b.ID)
		}
		if err != nil || !slices.Equal(ids, test.want) {
			t.Errorf("%s: %v, %v; want %v", name, ids, err, test.want)
		}
	}
	if _, err := y.ada.Batches(t.Context(), offload.Filter{States: []offload.State{"opne"}}); err == nil {
		t.Error("a misspelt state is not refused")
	}
}

func TestAFlowIsShownByAnyOfItsJobs(t *testing.T) {
	y := newYard(t)
	y.down["b"] = true
	a, b, c := y.task.Call("a"), y.task.Call("b"), y.task.Call("c")
	batch := offload.Batch(a, b)
	chain := offload.Chain(batch, c)
	clean := y.task.Call("clean", offload.AfterEnd(batch), offload.AfterHold(a))
	plain := y.task.Call("plain")
	y.enqueue(chain, clean, plain)
	y.Drain()
	for _, id := range []offload.ID{a.ID(), batch.ID(), c.ID(), clean.ID()} {
		flow, err := y.ada.Flow(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		want := []operate.Edge{
			{Job: c.ID(), Upstream: batch.ID(), On: store.OnCompleted, Else: store.ElseCancel, State: offload.Discarded},
			{Job: clean.ID(), Upstream: batch.ID(), On: store.OnEnded, Else: store.ElseCancel, State: offload.Discarded},
			{Job: clean.ID(), Upstream: a.ID(), On: store.OnCompleted, Else: store.ElseHold, State: offload.Completed},
		}
		if flow.ID != batch.ID() || len(flow.Jobs) != 4 || len(flow.Batches) != 1 || flow.Batches[0].ID != batch.ID() || !slices.Equal(flow.Edges, want) || flow.More {
			t.Errorf("by %s: %+v", id, flow)
		}
	}
	var refused *offload.InputError
	if _, err := y.ada.Flow(t.Context(), plain.ID()); !errors.As(err, &refused) {
		t.Errorf("the flow of a plain job: %v", err)
	}
	if _, err := y.ada.Flow(t.Context(), offload.NewID()); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("no flow: %v", err)
	}
	if _, err := y.ada.CancelFlow(t.Context(), offload.NewID()); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("cancel of no flow: %v", err)
	}
}

// What failed runs again, and what was cancelled for it after that.
func TestAFlowThatFailedGoesOn(t *testing.T) {
	y := newYard(t)
	y.down["b"] = true
	chain := offload.Chain(y.task.Call("a"), y.task.Call("b"), y.task.Call("c"), y.task.Call("d"))
	y.enqueue(chain)
	y.visited("a", "b")
	y.down["b"] = false
	if _, err := y.ada.RetryFlow(t.Context(), chain.ID()); err != nil {
		t.Fatal(err)
	}
	y.visited("b", "c", "d")
	y.state(chain, offload.Completed)
}

// A job that was enqueued alone is the first of the flow of those that were added after it.
func TestAFlowWhoseFirstWasPlainGoesOn(t *testing.T) {
	y := newYard(t)
	y.down["a"] = true
	a := y.task.Call("a")
	y.enqueue(a)
	b := y.task.Call("b", offload.After(a))
	y.enqueue(b)
	c := y.task.Call("c", offload.After(b))
	y.enqueue(c)
	y.visited("a")
	y.state(c, offload.Cancelled)
	y.down["a"] = false
	if _, err := y.ada.RetryFlow(t.Context(), c.ID()); err != nil {
		t.Fatal(err)
	}
	y.visited("a", "b", "c")
	if flow, err := y.ada.Flow(t.Context(), a.ID()); err != nil || len(flow.Jobs) != 3 {
		t.Errorf("the flow is %+v, %v; want three jobs", flow, err)
	}

	first := y.task.Call("first", offload.Delay(time.Hour))
	y.enqueue(first)
	second := y.task.Call("second", offload.AfterEnd(first))
	y.enqueue(second)
	if _, err := y.ada.CancelFlow(t.Context(), second.ID()); err != nil {
		t.Fatal(err)
	}
	y.visited()
	y.state(first, offload.Cancelled)
	y.state(second, offload.Cancelled)
}

// A flow that a person has cancelled as a whole goes on where it was, in its order.
func TestAFlowThatWasCancelledGoesOn(t *testing.T) {
	y := newYard(t)
	batch := offload.Batch(y.task.Call("b"), y.task.Call("c"))
	chain := offload.Chain(y.task.Call("a"), batch, y.task.Call("d"))
	clean := y.task.Call("clean", offload.AfterEnd(chain))
	alarm := y.task.Call("alarm", offload.AfterFailure(chain))
	y.enqueue(chain, clean, alarm)
	if err := y.ada.PauseQueue(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	job, err := y.ada.CancelFlow(t.Context(), batch.ID())
	if err != nil {
		t.Fatal(err)
	}
	y.visited()
	for _, c := range []*offload.Call{chain, batch, clean, alarm} {
		y.state(c, offload.Cancelled)
	}
	if job, err = y.Job(t.Context(), job.ID); err != nil || job.State != offload.Completed {
		t.Errorf("the act is %s, %v", job.State, err)
	}
	if _, err := y.ada.RetryFlow(t.Context(), clean.ID()); err != nil {
		t.Fatal(err)
	}
	y.visited()
	if err := y.ada.ResumeQueue(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	y.visited("a", "b", "c", "d", "clean")
	y.state(chain, offload.Completed)
	y.state(batch, offload.Completed)
	y.state(alarm, offload.Cancelled)
	acts, err := y.ada.Acts(t.Context(), time.Time{})
	var done []string
	for _, act := range acts {
		if strings.Contains(string(act.Filter), batch.ID().String()) {
			done = append(done, act.Who+": "+act.What)
		}
	}
	if want := []string{"ada: retry all", "ada: cancel all"}; err != nil || !slices.Equal(done, want) {
		t.Errorf("kept of the acts is %q, %v; want %q", done, err, want)
	}
}
