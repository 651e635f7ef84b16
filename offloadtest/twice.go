package offloadtest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offloadhq/offload"
)

// Twice enqueues a call and runs its job two times, as when a process dies after the work and before it
// could say so. It fails the test unless check returns after the second time what it returned after the first, with
// all that the job has enqueued run as well: the effect of a job that is delivered twice must be that of
// once. What check returns is compared by what is in it, however deep, unexported fields included; it may be
// what the handler goes on to change.
//
// The second run is the job's next attempt: steps and checkpoints of the first are there, its result is
// not. A handler that completes its job in its own transaction is not run again: that
// is the other way to be right. A job that waits for its time is made due.
func Twice(t testing.TB, app *App, call *offload.Call, check func() any) {
	t.Helper()
	if check == nil {
		t.Fatalf("Twice: there is no check; without looking at the effect nothing can be said")
		return
	}
	ctx := context.Background()
	d := app.deliver(call.ID())
	defer app.delivered(call.ID())
	jobs, err := app.Enqueue(ctx, call)
	switch {
	case err != nil:
		t.Fatalf("Twice: enqueue: %v", err)
		return
	case jobs[0].Existing:
		t.Fatalf("Twice: job %s of task %q was there already", jobs[0].ID, call.Task())
		return
	}
	app.Drain()
	if d.count() == 0 && jobs[0].State == offload.Scheduled {
		if err := app.RunNow(ctx, call.ID()); err != nil {
			t.Fatalf("Twice: make job %s due: %v", call.ID(), err)
			return
		}
		app.Drain()
	}
	if !ran(t, app, d, call, 1) {
		return
	}
	first := written(check())
	job, err := app.Job(ctx, call.ID())
	if err != nil {
		t.Fatalf("Twice: %v", err)
		return
	}
	if job.State != offload.Completed { // which it is if it has completed itself
		if err := app.RunNow(ctx, call.ID()); err != nil {
			t.Fatalf("Twice: run job %s a second time: %v", call.ID(), err)
			return
		}
		app.Drain()
		if !ran(t, app, d, call, 2) {
			return
		}
	}
	if diff := cmp.Diff(first, written(check())); diff != "" {
		t.Errorf("a job of task %q that is delivered twice has another effect than one delivered once (-once +twice):\n%s", call.Task(), diff)
	}
}

// ran fails the test unless a run has come and gone well.
func ran(t testing.TB, app *App, d *delivery, call *offload.Call, n int) bool {
	t.Helper()
	if d.count() < n {
		reason, err := app.Why(context.Background(), call.ID())
		t.Fatalf("Twice: run %d of a job of task %q did not come: %s", n, call.Task(), errText(reason.Text, err))
		return false
	}
	if err := d.errs[n-1]; err != nil {
		t.Fatalf("Twice: run %d of a job of task %q failed: %v", n, call.Task(), err)
		return false
	}
	return true
}

func errText(text string, err error) string {
	if err != nil {
		return err.Error()
	}
	return text
}

// A delivery is a job of Twice.
type delivery struct {
	app  *App
	errs []error // of its runs
}

func (a *App) deliver(id offload.ID) *delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.twice == nil {
		a.twice = map[offload.ID]*delivery{}
	}
	d := &delivery{app: a}
	a.twice[id] = d
	return d
}

func (a *App) delivered(id offload.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.twice, id)
}

func (d *delivery) count() int {
	d.app.mu.Lock()
	defer d.app.mu.Unlock()
	return len(d.errs)
}

// lost is how long a job that was run once waits for its second run: it is hurried.
const lost = 1000 * time.Hour

// attempt is around every attempt of the app: the first run of a job of Twice is not told.
func (a *App) attempt(ctx context.Context, _ *offload.Job, next func(context.Context) error) error {
	first := false
	err := next(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, job := range offload.JobsOf(ctx) {
		if d := a.twice[job.ID]; d != nil {
			d.errs = append(d.errs, err)
			first = first || len(d.errs) == 1
		}
	}
	if first && err == nil {
		return offload.Snooze(lost)
	}
	return err
}
