package offload_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/store/memory"
)

// busy is a handler that tells how many of each tenant run at once.
type busy struct {
	began, goOn chan crm // of the bubble
}

func (b *busy) handle(_ context.Context, in crm) error {
	b.began <- in
	<-b.goOn
	return nil
}

func TestLimitOfATenantIsSharedByTasks(t *testing.T) {
	perTenant := offload.Limit{Name: "crm", Max: 2, By: "tenant"}
	var b busy
	handle := func(ctx context.Context, in crm) error { return b.handle(ctx, in) }
	push, pull := offload.NewTask("push", handle, perTenant), offload.NewTask("pull", handle, perTenant, offload.Queue("other"))
	inBubble(t, func(t *testing.T, app *offload.App) {
		b.began, b.goOn = make(chan crm, 100), make(chan crm)
		var last *offload.Job
		for i := range 3 {
			enqueue(t, app, push, crm{Tenant: "acme", Doc: int64(i)})
			last = enqueued(t, app, pull, crm{Tenant: "acme", Doc: int64(i)}, false)
		}
		enqueue(t, app, push, crm{Tenant: "globex"})
		synctest.Wait()
		if got := tenants(b.began); got["acme"] != 2 || got["globex"] != 1 {
			t.Errorf("at once run %v; want 2 and 1", got)
		}
		if last.State != offload.Blocked || last.Waits != "limit" || len(last.Limits) != 1 || last.Limits[0].Key != "acme" {
			t.Errorf("the job enqueued last is %+v; want it to wait for the limit", last)
		}
		if job := read(t, app, last.ID); !job.Limits[0].Waits || job.State != offload.Blocked {
			t.Errorf("it is read as %+v", job)
		}
		why, err := app.Why(t.Context(), last.ID)
		if err != nil || why.Code != offload.WhyLimit || why.Limit != "crm" || why.Key != "acme" || len(why.By) != 2 || why.Place != 4 ||
			!strings.Contains(why.Text, `"acme"`) {
			t.Errorf("why it waits: %+v, %v", why, err)
		}
		for range 7 {
			b.goOn <- crm{}
			synctest.Wait()
		}
		if got := tenants(b.began); got["acme"] != 4 {
			t.Errorf("then run %v; want the other 4", got)
		}
	}, push, pull)
}

func tenants(began chan crm) map[string]int {
	n := map[string]int{}
	for {
		select {
		case in := <-began:
			n[in.Tenant]++
		default:
			return n
		}
	}
}

// Whoever enqueues by the task's name is under its limits: they are registered with it.
func TestLimitHoldsForCallsByName(t *testing.T) {
	ctx := t.Context()
	s := memory.New()
	push := offload.NewTask("push", nothing[crm], offload.Limit{Name: "crm", Max: 1, By: "tenant"}, offload.Fair{By: "tenant", Weight: 2},
		offload.Expire(time.Hour), offload.Unique{By: "doc"})
	worker, err := offload.New(ctx, s, push, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	web, err := offload.New(ctx, s, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	var jobs []*offload.Job
	for i := range 2 {
		some, err := web.Enqueue(ctx, offload.NewCall("push", fmt.Appendf(nil, `{"tenant":"acme","doc":%d}`, i+1)))
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, some...)
	}
	job := jobs[1]
	if job.State != offload.Blocked || job.Limits[0] != (offload.LimitUse{Name: "crm", Key: "acme"}) || job.FairKey != "acme" ||
		job.Expire != time.Hour || job.UniqueKey != "doc=2" {
		t.Errorf("the second job of a call by name is %+v", job)
	}
	// A limit that the caller says otherwise than the task is refused, and so is that of another task.
	_, err = web.Enqueue(ctx, offload.NewCall("push", []byte(`{"tenant":"acme","doc":3}`), offload.Limit{Name: "crm", Max: 5}))
	wantInputError(t, err, `Limit "crm"`)
	// It may say by which key, though.
	some, err := web.Enqueue(ctx, offload.NewCall("push", []byte(`{"tenant":"acme","doc":4}`), offload.Limit{Name: "crm", Max: 1, Key: "other"}))
	if err != nil || some[0].State != offload.Available {
		t.Errorf("under another key it is %v, %v; want it available", some, err)
	}
}

func TestRateAndSnooze(t *testing.T) {
	api := offload.Limit{Name: "crm-api", Max: 6, Per: time.Minute, Burst: 2, By: "tenant"}
	var mu sync.Mutex // guards what follows
	var at []time.Duration
	var begun time.Time
	busy := true
	pull := offload.NewTask("pull", func(_ context.Context, in crm) error {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Since(begun).Round(time.Second))
		if in.Note == "busy" && busy {
			busy = false
			return fmt.Errorf("429: %w", api.Snooze(time.Hour))
		}
		return nil
	}, api)
	starts := func() []time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(at)
	}
	inBubble(t, func(t *testing.T, app *offload.App) {
		begun = time.Now()
		for range 4 {
			enqueue(t, app, pull, crm{Tenant: "acme"})
		}
		time.Sleep(5 * time.Minute)
		if got, want := starts(), []time.Duration{0, 0, 10 * time.Second, 20 * time.Second}; !slices.Equal(got, want) {
			t.Errorf("started at %v, want %v", got, want)
		}

		mu.Lock()
		begun, at = time.Now(), nil
		mu.Unlock()
		snoozed := enqueue(t, app, pull, crm{Tenant: "acme", Note: "busy"})
		time.Sleep(time.Second)
		next := enqueued(t, app, pull, crm{Tenant: "acme"}, false)
		other := enqueue(t, app, pull, crm{Tenant: "globex"})
		why, err := app.Why(t.Context(), next.ID)
		if err != nil || why.Code != offload.WhyLimitPaused || why.At.Sub(begun).Round(time.Second) != time.Hour {
			t.Errorf("why the next one waits: %+v, %v; want a pause of an hour", why, err)
		}
		wantEnd(t, app, other, offload.Completed)
		job := wantEnd(t, app, snoozed, offload.Completed)
		if job.Failures != 0 || job.Attempt != 2 {
			t.Errorf("the snoozed job has %d failures in %d attempts", job.Failures, job.Attempt)
		}
		wantEnd(t, app, next.ID, offload.Completed)
		if got := starts(); len(got) != 4 || got[0] != 0 || got[1] != time.Second || got[2] < time.Hour || got[3] < time.Hour {
			t.Errorf("started at %v; want nothing of the tenant for an hour", got)
		}
	}, pull)
}

// A snooze by a limit that the job is not under, or that has the task's name, is a snooze.
func TestSnoozeByAnyLimit(t *testing.T) {
	for _, test := range []struct {
		name   string
		limit  offload.Limit
		paused bool
	}{
		{"named by the task", offload.Limit{Max: 1}, true},
		{"of other tasks", offload.Limit{Name: "other", Max: 1}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			ran := 0
			pull := offload.NewTask("pull", func(context.Context, int) error {
				if ran++; ran == 1 {
					return test.limit.Snooze(-time.Hour)
				}
				return nil
			}, offload.Limit{Max: 1})
			app := offloadtest.New(pull)
			defer app.Close()
			enqueue(t, app.App, pull, 1)
			if got, want := app.Drain(), (offloadtest.Count{Snoozed: 1, Completed: 1}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestWhenFull(t *testing.T) {
	for full, want := range map[offload.Full][3]offload.State{
		offload.FullWait:   {offload.Running, offload.Blocked, offload.Blocked},
		offload.FullDrop:   {offload.Running, offload.Cancelled, offload.Cancelled},
		offload.FullNewest: {offload.Running, offload.Cancelled, offload.Blocked},
		offload.FullCancel: {offload.Cancelled, offload.Cancelled, offload.Running},
	} {
		t.Run(string(full), func(t *testing.T) {
			push := offload.NewTask("push", func(ctx context.Context, in int) error {
				<-ctx.Done()
				return ctx.Err()
			}, offload.Limit{Max: 1, WhenFull: full})
			inBubble(t, func(t *testing.T, app *offload.App) {
				var ids []offload.ID
				for i := range 3 {
					ids = append(ids, enqueue(t, app, push, i))
					time.Sleep(5 * time.Second)
				}
				for i, id := range ids {
					if job := read(t, app, id); job.State != want[i] {
						t.Errorf("job %d of 3 is %s (%s), want %s", i+1, job.State, job.Error, want[i])
					}
				}
			}, push)
		})
	}
}

func TestStrictLimitKeepsTheOrderOfItsKey(t *testing.T) {
	var ran []int64
	fail := map[int64]error{2: errors.New("not yet")}
	push := offload.NewTask("push", func(_ context.Context, in crm) error {
		ran = append(ran, in.Doc)
		err := fail[in.Doc]
		delete(fail, in.Doc)
		return err
	}, offload.Limit{Max: 1, By: "tenant", Strict: true})
	app := offloadtest.New(push)
	defer app.Close()
	var ids []offload.ID
	for i := range int64(4) {
		ids = append(ids, enqueue(t, app.App, push, crm{Tenant: "acme", Doc: i + 1}))
	}
	app.Drain()
	if !slices.Equal(ran, []int64{1, 2}) {
		t.Errorf("ran %v; want 3 to wait for the retry of 2", ran)
	}
	fail[3] = offload.Discard(errors.New("gone"))
	app.Advance(time.Hour)
	app.Drain()
	if !slices.Equal(ran, []int64{1, 2, 2, 3}) {
		t.Errorf("ran %v; want 4 to wait for a person", ran)
	}
	why, err := app.Why(t.Context(), ids[3])
	if err != nil || why.Code != offload.WhyStopped || len(why.By) != 1 || why.By[0] != ids[2] {
		t.Errorf("why 4 waits: %+v, %v; want it stopped by 3", why, err)
	}
	if err := app.Retry(t.Context(), ids[2]); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if !slices.Equal(ran, []int64{1, 2, 2, 3, 3, 4}) {
		t.Errorf("ran %v after a retry of 3", ran)
	}
}

// In a call that a transaction stores, limits are decided after it.
func TestLimitWithinATransaction(t *testing.T) {
	push := offload.NewTask("push", nothing[crm], offload.Limit{Max: 1, By: "tenant"})
	app := offloadtest.New() // it learns of the limit by the call
	defer app.Close()
	tx, dropped := app.Begin(), app.Begin()
	for _, x := range []any{tx, dropped} {
		if _, err := push.EnqueueMany(t.Context(), app.Tx(x), []crm{{Tenant: "acme"}, {Tenant: "acme"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tx.Commit(), dropped.Rollback()); err != nil {
		t.Fatal(err)
	}
	enqueue(t, app.App, push, crm{Tenant: "acme"})
	jobs, err := app.Jobs(t.Context(), offload.Filter{Limit: "push", Key: "acme"})
	if err != nil || len(jobs) != 3 {
		t.Errorf("jobs of the limit: %v, %v; want 3", jobs, err)
	}
	if jobs, err := app.Jobs(t.Context(), offload.Filter{Limit: "push", Key: "globex"}); err != nil || len(jobs) != 0 {
		t.Errorf("jobs of another key: %v, %v", jobs, err)
	}
}

func TestFairTurns(t *testing.T) {
	var ran []string
	push := offload.NewTask("push", func(_ context.Context, in crm) error {
		ran = append(ran, in.Tenant)
		return nil
	}, offload.Fair{By: "tenant"})
	app := offloadtest.New(push)
	defer app.Close()
	for range 6 {
		enqueue(t, app.App, push, crm{Tenant: "huge"})
	}
	for range 2 {
		enqueue(t, app.App, push, crm{Tenant: "small"})
		enqueue(t, app.App, push, crm{Tenant: "twice"}, offload.Fair{By: "tenant", Weight: 2})
	}
	app.Drain()
	at := func(tenant string) (places []int) {
		for i, other := range ran {
			if other == tenant {
				places = append(places, i)
			}
		}
		return places
	}
	if small, twice := at("small"), at("twice"); small[0] > 3 || small[1] > 6 || twice[1] > 4 {
		t.Errorf("ran %v: small tenants wait for the huge one", ran)
	}
}

func TestExpire(t *testing.T) {
	push := offload.NewTask("push", func(_ context.Context, in crm) error {
		if in.Note == "fails" {
			return errors.New("not yet")
		}
		return nil
	}, offload.Expire(time.Hour))
	app := offloadtest.New(push)
	defer app.Close()
	late := enqueue(t, app.App, push, crm{}, offload.Queue("paused"), offload.Delay(time.Hour))
	other := enqueue(t, app.App, push, crm{}, offload.Delay(2*time.Hour))
	failed := enqueue(t, app.App, push, crm{Note: "fails"})
	app.Drain()
	app.Advance(2*time.Hour - time.Second)
	why, err := app.Why(t.Context(), late)
	if err != nil || !strings.Contains(why.Text, "expires at") {
		t.Errorf("why it does not run: %+v, %v; want that it expires", why, err)
	}
	app.Advance(time.Second)
	app.Drain()
	for id, want := range map[offload.ID]offload.State{late: offload.Expired, other: offload.Completed, failed: offload.Retryable} {
		if job := read(t, app.App, id); job.State != want {
			t.Errorf("job is %s, want %s: %+v", job.State, want, job)
		}
	}
	why, err = app.Why(t.Context(), late)
	if err != nil || why.Code != offload.WhyExpired {
		t.Errorf("why it does not run: %+v, %v; want expired", why, err)
	}
	if err := app.Retry(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if job := read(t, app.App, late); job.State != offload.Completed {
		t.Errorf("after a retry it is %s", job.State)
	}
}
