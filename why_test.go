package offload_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

// wantWhy checks the reason of a job by its code and by parts of its sentence.
func wantWhy(t *testing.T, app *offload.App, id offload.ID, code string, parts ...string) offload.Reason {
	t.Helper()
	why, err := app.Why(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if why.Code != code || !strings.HasSuffix(why.Text, ".") {
		t.Errorf("why it does not run: %+v; want %q, in a sentence", why, code)
	}
	for _, part := range parts {
		if !strings.Contains(why.Text, part) {
			t.Errorf("why it does not run: %q; want %q in it", why.Text, part)
		}
	}
	return why
}

func TestWhyAJobThatWaitsDoesNotRun(t *testing.T) {
	ctx := t.Context()
	push := offload.NewTask("push", func(_ context.Context, in crm) error { return errors.New(in.Note) }, offload.MaxAttempts(2))
	app := offloadtest.New(push)
	defer app.Close()

	later := enqueue(t, app.App, push, crm{Note: "odd.\nand more"}, offload.Delay(time.Hour))
	if why := wantWhy(t, app.App, later, offload.WhyFuture, "due at"); !why.At.Equal(app.Now().Add(time.Hour)) {
		t.Errorf("it may start at %v", why.At)
	}
	app.Advance(time.Hour)
	app.Drain()
	if why := wantWhy(t, app.App, later, offload.WhyRetry, ": odd."); !why.At.After(app.Now()) {
		t.Errorf("it may start at %v", why.At)
	}
	app.Advance(time.Hour)
	app.Drain()
	wantWhy(t, app.App, later, offload.WhyEnded, "failed for good", "odd.")

	due := enqueue(t, app.App, push, crm{})
	wantWhy(t, app.App, due, offload.WhyNoWorker, `"default"`)
	ada := operate.As(app.App, "ada")
	if err := ada.PauseTask(ctx, "push"); err != nil {
		t.Fatal(err)
	}
	wantWhy(t, app.App, due, offload.WhyPausedTask, `"push"`)
	app.Drain()
	wantWhy(t, app.App, due, offload.WhyPausedTask, `"push"`) // parked by now
	if err := errors.Join(ada.ResumeTask(ctx, "push"), ada.PauseQueue(ctx, "default")); err != nil {
		t.Fatal(err)
	}
	wantWhy(t, app.App, enqueue(t, app.App, push, crm{}), offload.WhyPausedQueue, `"default"`)
	if err := app.Cancel(ctx, due); err != nil {
		t.Fatal(err)
	}
	wantWhy(t, app.App, due, offload.WhyEnded, "cancelled")
	if _, err := app.Why(ctx, offload.NewID()); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("Why of no job: %v; want ErrNotFound", err)
	}
	var none *offload.App
	if _, err := none.Why(ctx, due); !errors.Is(err, offload.ErrClosed) {
		t.Errorf("Why of a nil app: %v; want ErrClosed", err)
	}
}

func TestWhyAJobOfABusyQueueDoesNotRun(t *testing.T) {
	push := offload.NewTask("push", func(ctx context.Context, in crm) error {
		<-ctx.Done()
		return ctx.Err()
	})
	inBubble(t, func(t *testing.T, app *offload.App) {
		running := enqueue(t, app, push, crm{})
		synctest.Wait()
		wantWhy(t, app, running, offload.WhyRunning, "since")
		next := enqueue(t, app, push, crm{})
		time.Sleep(5 * time.Second) // the process says what it runs with its beats
		wantWhy(t, app, next, offload.WhyBusy, "are busy (1)")
		time.Sleep(time.Millisecond)
		last := enqueue(t, app, push, crm{})
		if why := wantWhy(t, app, last, offload.WhyBacklog, "1 job comes first"); why.Place != 2 {
			t.Errorf("its place is %d, want 2", why.Place)
		}
	}, push, offload.Workers("default", 1))
}

func TestWhyAJobOfAnUnknownTaskDoesNotRun(t *testing.T) {
	s := memory.New()
	_, stop := start(t, s, noop)
	defer stop()
	app, err := offload.New(t.Context(), s, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	id := enqueue(t, app, offload.Declare[int]("nosuch"), 1)
	until(t, "the job is parked", func() bool { return read(t, app, id).State == offload.Blocked })
	wantWhy(t, app, id, offload.WhyUnknownTask, `"nosuch"`)
}

func TestWhyALimitIsFull(t *testing.T) {
	ctx := t.Context()
	push := offload.NewTask("push", nothing[crm], offload.Limit{Name: "crm", Max: 1, By: "tenant"},
		offload.Limit{Name: "api", Max: 6, Per: time.Minute, Burst: 1})
	app := offloadtest.New(push)
	defer app.Close()
	s := storeOf(t, app.App)
	first := enqueue(t, app.App, push, crm{Tenant: "acme"})
	second := enqueue(t, app.App, push, crm{Tenant: "acme"})
	third := enqueue(t, app.App, push, crm{Tenant: "acme"})
	if why := wantWhy(t, app.App, third, offload.WhyLimit, `"crm" for "acme"`, "1 job at once", first.String(), "number 2"); why.Place != 2 || why.By[0] != first {
		t.Errorf("it waits for %v at place %d", why.By, why.Place)
	}
	if err := s.Control(ctx, store.Control{Who: "ada", SetLimit: "crm", Max: 3}); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	why := wantWhy(t, app.App, third, offload.WhyRate, `"api" allows 6 starts in 1m0s`, "number 2")
	if got := why.At.Sub(app.Now()); got < 19*time.Second || got > 21*time.Second {
		t.Errorf("it may start in %v, want 20 s", got)
	}
	app.Advance(10 * time.Second)
	app.Drain()
	if job := read(t, app.App, second); job.State != offload.Completed {
		t.Errorf("10 s later the second is %s", job.State)
	}
	if err := s.Control(ctx, store.Control{Who: "ada", PauseLimit: store.Use{Limit: "api"}, PauseFor: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if why := wantWhy(t, app.App, third, offload.WhyLimitPaused, `"api" is paused until`); !why.At.Equal(app.Now().Add(time.Hour)) {
		t.Errorf("it may start at %v, an hour from %v", why.At, app.Now())
	}
}
