package offload_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// A course is what handlers of a test did, in order, and which of them shall fail.
type course struct {
	step *offload.Func[string, string]
	mu   sync.Mutex
	ran  []string
	bad  map[string]bool
}

func newCourse() *course {
	c := &course{bad: map[string]bool{}}
	c.step = offload.NewFunc("step", func(ctx context.Context, name string) (string, error) {
		parts, err := c.step.Upstream(ctx)
		if err != nil {
			return "", err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ran = append(c.ran, name)
		if c.bad[name] {
			return "", errors.New(name + " is bad")
		}
		return name + "(" + strings.Join(parts, " ") + ")", nil
	}, offload.MaxAttempts(1))
	return c
}

func (c *course) fails(name string, fails bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bad[name] = fails
}

func (c *course) took(t *testing.T, want ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.ran, want) {
		t.Errorf("ran %v, want %v", c.ran, want)
	}
}

// enqueueAll enqueues calls or fails the test.
func enqueueAll(t *testing.T, to offload.Enqueuer, calls ...*offload.Call) []*offload.Job {
	t.Helper()
	jobs, err := to.Enqueue(t.Context(), calls...)
	if err != nil {
		t.Fatal(err)
	}
	for i, job := range jobs {
		if job.ID != calls[i].ID() {
			t.Errorf("the answer to call %d is job %s, want %s", i, job.ID, calls[i].ID())
		}
	}
	return jobs
}

func TestAChainRunsInOrder(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		c := newCourse()
		app := open(t, address, c.step)
		a := c.step.Call("a")
		chain := offload.Chain(a, c.step.Call("b"), c.step.Call("c"))
		jobs := enqueueAll(t, app, chain)
		if job := jobs[0]; job.State != offload.Blocked || job.Waits != "after" || job.Flow != a.ID() {
			t.Errorf("the last job of a chain is %s: %s, of flow %s", job.State, job.Waits, job.Flow)
		}
		begun(t, app)
		last := wantEnd(t, app, chain.ID(), offload.Completed)
		c.took(t, "a", "b", "c")
		if string(last.Result) != `"c(b(a()))"` {
			t.Errorf("the result is %s", last.Result)
		}
	})
}

func TestAChainEndsWhereItFails(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		c := newCourse()
		app := open(t, address, c.step)
		b := c.step.Call("b")
		c.fails("b", true)
		chain := offload.Chain(c.step.Call("a"), b, c.step.Call("c"), c.step.Call("d"))
		clean := c.step.Call("clean", offload.AfterEnd(chain))
		enqueueAll(t, app, chain, clean)
		begun(t, app)
		wantEnd(t, app, chain.ID(), offload.Cancelled)
		wantEnd(t, app, clean.ID(), offload.Completed)
		c.took(t, "a", "b", "clean")
		why := wantWhy(t, app, chain.ID(), offload.WhyEnded, "cancelled", "since it was to run once job")
		if len(why.By) != 1 {
			t.Errorf("it names %v", why.By)
		}

		c.fails("b", false)
		if err := app.Retry(t.Context(), b.ID()); err != nil {
			t.Fatal(err)
		}
		until(t, "the chain goes on", func() bool { return read(t, app, chain.ID()).State == offload.Completed })
		c.took(t, "a", "b", "clean", "b", "c", "d")
	})
}

func TestABatchHasThreeCallbacks(t *testing.T) {
	for _, test := range []struct {
		name               string
		bad                bool
		batch, done, alarm offload.State
	}{
		{"completed", false, offload.Completed, offload.Completed, offload.Cancelled},
		{"failed", true, offload.Discarded, offload.Cancelled, offload.Completed},
	} {
		t.Run(test.name, func(t *testing.T) {
			onStoresWithNotes(t, func(t *testing.T, address string) {
				c := newCourse()
				app := open(t, address, c.step)
				c.fails("2", test.bad)
				batch := offload.Batch(c.step.Call("1"), c.step.Call("2"), c.step.Call("3"))
				done := c.step.Call("done", offload.After(batch))
				alarm := c.step.Call("alarm", offload.AfterFailure(batch))
				clean := c.step.Call("clean", offload.AfterEnd(batch))
				jobs := enqueueAll(t, app, batch, done, alarm, clean)
				if job := jobs[0]; job.State != offload.Blocked || job.Waits != "after" || job.Flow != batch.ID() {
					t.Errorf("a batch is %s: %s, of flow %s", job.State, job.Waits, job.Flow)
				}
				wantWhy(t, app, batch.ID(), offload.WhyAfter, "3 of 3 members have not ended")
				wantWhy(t, app, done.ID(), offload.WhyAfter, "It waits until batch "+batch.ID().String()+" has completed; 3 of 3 members have not ended.")
				begun(t, app)
				wantEnd(t, app, batch.ID(), test.batch)
				wantEnd(t, app, done.ID(), test.done)
				wantEnd(t, app, alarm.ID(), test.alarm)
				wantEnd(t, app, clean.ID(), offload.Completed)
			})
		})
	}
}

func TestAGraphReadsItsUpstreamResults(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		c := newCourse()
		other := offload.NewFunc("other", func(context.Context, int) (int, error) { return 7, nil })
		app := open(t, address, c.step, other)
		fetch := c.step.Call("fetch")
		south, north := c.step.Call("south", offload.After(fetch)), c.step.Call("north", offload.After(fetch))
		rest := offload.Batch(c.step.Call("x"), offload.Batch(c.step.Call("y")), other.Call(1))
		broken := c.step.Call("broken")
		c.fails("broken", true)
		merge := c.step.Call("merge", offload.After(north, south), offload.After(fetch.ID()), offload.AfterEnd(rest, broken))
		enqueueAll(t, app, merge, south, north, fetch, rest, broken)
		begun(t, app)
		job := wantEnd(t, app, merge.ID(), offload.Completed)
		if got, want := string(job.Result), `"merge(north(fetch()) south(fetch()) fetch() x() y())"`; got != want {
			t.Errorf("the result is %s, want %s", got, want)
		}
	})
}

// Outside a handler there is nothing upstream, and a call of many has no one job.
func TestUpstreamOutsideAHandler(t *testing.T) {
	c := newCourse()
	if got, err := c.step.Upstream(t.Context()); got != nil || err != nil {
		t.Errorf("Upstream = %v, %v", got, err)
	}
	var none *offload.Func[string, string]
	var refused *offload.InputError
	if _, err := none.Upstream(t.Context()); !errors.As(err, &refused) {
		t.Errorf("Upstream of a nil task: %v", err)
	}
}

func TestAHeldJobWaitsForAPerson(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		c := newCourse()
		app := open(t, address, c.step)
		c.fails("a", true)
		a := c.step.Call("a")
		held := c.step.Call("held", offload.AfterHold(a))
		enqueueAll(t, app, a, held)
		begun(t, app)
		wantEnd(t, app, a.ID(), offload.Discarded)
		until(t, "the job is held", func() bool { return read(t, app, held.ID()).Waits == "held" })
		why := wantWhy(t, app, held.ID(), offload.WhyHeld, a.ID().String(), "discarded", "It waits for a person")
		if !slices.Equal(why.By, []offload.ID{a.ID()}) {
			t.Errorf("it waits for %v", why.By)
		}
		if err := app.RunNow(t.Context(), held.ID()); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, app, held.ID(), offload.Completed)
	})
}

// A member adds more members, and a job behind the batch waits for them too.
func TestJobsAreAddedFromWithin(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		count := offload.Declare[int]("count")
		var mu sync.Mutex
		ran := 0
		handler := count.Handle(func(ctx context.Context, n int) error {
			mu.Lock()
			ran++
			mu.Unlock()
			if n == 0 {
				return nil
			}
			job := offload.JobOf(ctx)
			more, err := count.EnqueueMany(ctx, offload.AppOf(ctx), []int{n - 1, n - 1}, offload.InBatch(job.Batch))
			if err == nil && (more[0].Batch != job.Batch || more[0].Flow != job.Flow) {
				err = fmt.Errorf("a job added from within is of batch %s and flow %s", more[0].Batch, more[0].Flow)
			}
			return err
		})
		report := offload.NewFunc("report", func(ctx context.Context, _ string) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return ran, nil
		})
		app := open(t, address, handler, report)
		batch := offload.Batch(count.Call(3))
		last := report.Call("", offload.After(batch))
		enqueueAll(t, app, batch, last)
		begun(t, app)
		if n, err := report.Wait(t.Context(), app, last.ID()); n != 15 || err != nil {
			t.Errorf("the report came after %d jobs, %v; want 15", n, err)
		}
		if _, err := count.Enqueue(t.Context(), app, 0, offload.InBatch(batch.ID())); !errors.Is(err, offload.ErrUpstream) {
			t.Errorf("a job for a batch that has ended: %v, want ErrUpstream", err)
		}
	})
}

func TestAnEmptyBatchHasCompleted(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		c := newCourse()
		app := open(t, address, c.step)
		batch := offload.Batch()
		last := c.step.Call("last", offload.After(batch))
		job := enqueueAll(t, app, batch, last)[0]
		if now := read(t, app, batch.ID()); now.State != offload.Completed || job.State != offload.Completed {
			t.Errorf("an empty batch is %s, and was answered as %s", now.State, job.State)
		}
		begun(t, app)
		wantEnd(t, app, last.ID(), offload.Completed)
	})
}

// The same calls again, after doubt or after all of it has ended, make no second job.
func TestAFlowIsStoredOnce(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		c := newCourse()
		app := open(t, address, c.step)
		batch := offload.Batch(c.step.Call("a"), c.step.Call("b"))
		calls := []*offload.Call{offload.Chain(batch, c.step.Call("c")), c.step.Call("d", offload.AfterFailure(batch))}
		enqueueAll(t, app, calls...)
		for _, job := range enqueueAll(t, app, calls...) {
			if !job.Existing || job.State != offload.Blocked {
				t.Errorf("a job again: existing %v, %s", job.Existing, job.State)
			}
		}
		begun(t, app)
		wantEnd(t, app, calls[0].ID(), offload.Completed)
		for i, job := range enqueueAll(t, app, calls...) {
			if want := []offload.State{offload.Completed, offload.Cancelled}[i]; !job.Existing || job.State != want {
				t.Errorf("a job again at the end: existing %v, %s; want %s", job.Existing, job.State, want)
			}
		}
		if jobs, err := app.Jobs(t.Context(), offload.Filter{Flow: batch.ID()}); err != nil || len(jobs) != 4 {
			t.Errorf("the flow has %d jobs, %v; want 4", len(jobs), err)
		}
		if jobs, err := app.Jobs(t.Context(), offload.Filter{Batch: batch.ID()}); err != nil || len(jobs) != 2 {
			t.Errorf("the batch has %d members, %v; want 2", len(jobs), err)
		}
	})
}

// What is enqueued later, after a job that is stored, or into a batch, belongs to the flow of that.
func TestWhatIsAddedBelongsToTheFlow(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		c := newCourse()
		app := open(t, address, c.step)
		plain := enqueue(t, app, c.step.Task, "plain")
		first := c.step.Call("first", offload.After(plain))
		second := c.step.Call("second", offload.After(first.ID()))
		enqueueAll(t, app, first)
		enqueueAll(t, app, second)
		if got := read(t, app, second.ID()).Flow; got != plain {
			t.Errorf("the second job after a plain one is of flow %s, want %s", got, plain)
		}
		inner := offload.Batch(c.step.Call("a"))
		outer := offload.Batch(inner)
		more, none := c.step.Call("b", offload.InBatch(inner.ID())), c.step.Call("c")
		enqueueAll(t, app, outer)
		enqueueAll(t, app, more, none)
		if got := read(t, app, more.ID()).Flow; got != outer.ID() {
			t.Errorf("the job added to a batch is of flow %s, want %s", got, outer.ID())
		}
		if got := read(t, app, none.ID()).Flow; !got.IsZero() {
			t.Errorf("a plain job beside it is of flow %s", got)
		}
	})
}

// A flow that was cancelled as a whole, and is retried, goes on in its order.
func TestAFlowIsCancelledAndGoesOn(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		c := newCourse()
		app := open(t, address, c.step)
		ada := operate.As(app, "ada")
		batch := offload.Batch(offload.Batch(c.step.Call("b")))
		chain := offload.Chain(c.step.Call("a"), batch, c.step.Call("c"))
		clean := c.step.Call("clean", offload.AfterEnd(chain))
		enqueueAll(t, app, chain, clean)
		if err := ada.PauseQueue(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		begun(t, app)
		for _, act := range []struct {
			do   func(context.Context, offload.ID) (*offload.Job, error)
			done string
		}{
			{ada.CancelFlow, `{"jobs":4,"changed":4}`},
			{ada.RetryFlow, `{"jobs":6,"changed":`}, // with the batches, which may be open by then
		} {
			job, err := act.do(t.Context(), clean.ID())
			if err != nil {
				t.Fatal(err)
			}
			if job = wantEnd(t, app, job.ID, offload.Completed); !strings.HasPrefix(string(job.Result), act.done) {
				t.Errorf("the act has done %s, want %s", job.Result, act.done)
			}
		}
		if err := ada.ResumeQueue(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, app, clean.ID(), offload.Completed)
		wantEnd(t, app, batch.ID(), offload.Completed)
		c.took(t, "a", "b", "c", "clean")
	})
}
