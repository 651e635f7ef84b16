package offload_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

type crm struct {
	Tenant string `json:"tenant"`
	Doc    int64  `json:"doc,omitempty"`
	Note   string `json:"note,omitempty"`
}

func nothing[In any](context.Context, In) error { return nil }

// enqueued enqueues a job, or fails the test, and checks which job Enqueue answers with.
func enqueued[In any](t *testing.T, to offload.Enqueuer, task *offload.Task[In], in In, existing bool, opts ...offload.EnqueueOption) *offload.Job {
	t.Helper()
	job, err := task.Enqueue(t.Context(), to, in, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if job.Existing != existing {
		t.Errorf("job %s of input %v: Existing is %v, want %v", job.ID, in, job.Existing, existing)
	}
	return job
}

func TestUniqueKeepsTheOldJobUntilItHasEnded(t *testing.T) {
	push := offload.NewTask("push", nothing[crm], offload.Unique{})
	app := offloadtest.New(push)
	defer app.Close()

	first := enqueued(t, app, push, crm{"acme", 7, ""}, false, offload.Tag("by", "first"))
	second := enqueued(t, app, push, crm{"acme", 7, ""}, true, offload.Tag("by", "second"))
	if second.ID != first.ID || second.Tags["by"] != "first" || second.State != offload.Available || second.Replaced {
		t.Errorf("the second Enqueue returned %+v; want the first job as it is", second)
	}
	if second.UniqueKey == "" || len(second.UniqueKey) > 64 {
		t.Errorf("its key is %q; want a hash", second.UniqueKey)
	}
	enqueued(t, app, push, crm{"acme", 8, ""}, false)
	if n := app.Drain().Completed; n != 2 {
		t.Errorf("%d jobs ran, want 2", n)
	}
	third := enqueued(t, app, push, crm{"acme", 7, ""}, false)
	if third.ID == first.ID {
		t.Error("an ended job keeps the next away")
	}
}

// However an input is written, by whomever, it is the same job.
func TestUniqueIsOfTheInputAndNotOfItsText(t *testing.T) {
	push := offload.NewTask("push", nothing[crm], offload.Unique{})
	app := offloadtest.New(push)
	defer app.Close()
	first := enqueued(t, app, push, crm{Tenant: "a/ö", Doc: 1_000_000}, false)

	for _, input := range []string{
		`{"tenant":"a/ö","doc":1000000}`,
		`{ "doc": 1000000, "tenant": "a\/\u00f6" }`,
	} {
		jobs, err := app.Enqueue(t.Context(), offload.NewCall("push", json.RawMessage(input)))
		if err != nil || jobs[0].ID != first.ID {
			t.Errorf("the job of %s is %v, %v; want the first", input, jobs, err)
		}
	}
}

func TestUniqueByFields(t *testing.T) {
	push := offload.NewTask("push", nothing[crm], offload.Unique{By: "tenant, doc"})
	app := offloadtest.New(push)
	defer app.Close()

	first := enqueued(t, app, push, crm{"acme", 7, "a"}, false)
	if first.UniqueKey != `tenant,doc=["acme",7]` {
		t.Errorf("its key is %q", first.UniqueKey)
	}
	enqueued(t, app, push, crm{"acme", 7, "b"}, true)
	enqueued(t, app, push, crm{"acme", 8, "a"}, false)
	enqueued(t, app, push, crm{"acme", 0, "a"}, false) // has no doc, and a key all the same
	enqueued(t, app, push, crm{"acme", 0, "b"}, true)
	enqueued(t, app, push, crm{"acme", 9, ""}, true, offload.Unique{Key: `tenant,doc=["acme",8]`})

	// With none of the fields all such jobs would be one.
	_, err := push.Enqueue(t.Context(), app, crm{Note: "x"}, offload.Unique{By: "doc"})
	wantInputError(t, err, "Unique By")
}

// Jobs of one task that are unique by different fields are not the same, whatever their values are.
func TestUniqueByOtherFields(t *testing.T) {
	push := offload.NewTask("push", nothing[crm])
	app := offloadtest.New(push)
	defer app.Close()
	in := crm{Tenant: "7", Doc: 7, Note: "7"}
	for _, behind := range []offload.Conflict{offload.ConflictKeep, offload.ConflictBehind} {
		for by, want := range map[string]string{
			"tenant": "tenant=7", "doc": "doc=7", " note ": "note=7", "tenant, doc": `tenant,doc=["7",7]`, "doc, tenant": `doc,tenant=[7,"7"]`,
		} {
			job := enqueued(t, app, push, in, false, offload.Unique{By: by, OnConflict: behind})
			if job.UniqueKey != want || job.State != offload.Available {
				t.Errorf("by %q: %+v; want key %q, and none to wait behind", by, job, want)
			}
			enqueued(t, app, push, in, true, offload.Unique{By: strings.TrimSpace(by), OnConflict: behind})
		}
		app.Drain()
	}
	// What a key says counts to its length.
	_, err := push.Enqueue(t.Context(), app, crm{Note: strings.Repeat("x", 255)}, offload.Unique{By: "note"})
	wantInputError(t, err, `Unique By "note"`)
}

func TestUniqueForAWindow(t *testing.T) {
	ctx := t.Context()
	push := offload.NewTask("push", nothing[crm], offload.Unique{By: "tenant", For: time.Hour})
	app := offloadtest.New(push)
	defer app.Close()

	first := enqueued(t, app, push, crm{Tenant: "acme"}, false)
	app.Drain()
	app.Advance(59 * time.Minute)
	enqueued(t, app, push, crm{Tenant: "acme"}, true)
	if err := app.Delete(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	gone := enqueued(t, app, push, crm{Tenant: "acme"}, true)
	if gone.ID != first.ID || gone.State != "" {
		t.Errorf("the job that was deleted comes back as %+v; want its id, and nothing known", gone)
	}
	app.Advance(time.Minute)
	enqueued(t, app, push, crm{Tenant: "acme"}, false)
}

func TestUniqueUntilStartedAndNever(t *testing.T) {
	var app *offloadtest.App
	var during []bool
	push := offload.Declare[crm]("push", offload.Unique{By: "tenant", Until: offload.UntilStarted})
	app = offloadtest.New(push.Handle(func(ctx context.Context, in crm) error {
		if in.Note == "first" {
			job, err := push.Enqueue(ctx, app, crm{Tenant: in.Tenant})
			if err != nil {
				return err
			}
			during = append(during, job.Existing)
		}
		return nil
	}))
	defer app.Close()
	enqueued(t, app, push, crm{Tenant: "acme", Note: "first"}, false)
	if n := app.Drain().Completed; n != 2 || len(during) != 1 || during[0] {
		t.Errorf("%d jobs ran, Existing while the first ran: %v; want 2 jobs", n, during)
	}

	once := offload.Unique{Key: "the one", Until: offload.Never}
	enqueued(t, app, push, crm{Tenant: "other"}, false, once)
	app.Drain()
	app.Advance(365 * 24 * time.Hour)
	enqueued(t, app, push, crm{Tenant: "another"}, true, once)
}

func TestUniqueConflictFail(t *testing.T) {
	push := offload.NewTask("push", nothing[crm], offload.Unique{By: "tenant", OnConflict: offload.ConflictFail})
	app := offloadtest.New(push)
	defer app.Close()
	first := enqueued(t, app, push, crm{Tenant: "acme"}, false)

	_, err := push.EnqueueMany(t.Context(), app, []crm{{Tenant: "free"}, {Tenant: "acme"}})

	var conflict *offload.ConflictError
	if !errors.As(err, &conflict) || conflict.ID != first.ID || conflict.Task != "push" || conflict.Key != "tenant=acme" {
		t.Errorf("error is %v; want one that names job %s, task and key", err, first.ID)
	}
	if jobs, err := app.Jobs(t.Context(), offload.Filter{Key: "free"}); err != nil || len(jobs) != 0 {
		t.Errorf("jobs beside the refused one: %v, %v; want none stored", jobs, err)
	}
}

func TestUniqueReplaceAndDebounce(t *testing.T) {
	var ran []string
	push := offload.NewTask("push", func(_ context.Context, in crm) error {
		ran = append(ran, in.Note)
		return nil
	}, offload.Unique{By: "tenant", OnConflict: offload.ConflictReplace})
	app := offloadtest.New(push)
	defer app.Close()

	first := enqueued(t, app, push, crm{"acme", 7, "old"}, false, offload.Delay(time.Minute))
	app.Advance(30 * time.Second)
	second := enqueued(t, app, push, crm{"acme", 7, "new"}, true, offload.Delay(time.Minute))
	if second.ID != first.ID || !second.Replaced || !strings.Contains(string(second.Input), "new") {
		t.Errorf("the second Enqueue returned %+v; want the first job with the new input", second)
	}
	app.Advance(30 * time.Second)
	app.Drain()
	if len(ran) != 1 || ran[0] != "new" {
		t.Errorf("ran %q a minute after the first; want the newest input", ran)
	}

	debounce := offload.Unique{By: "tenant", OnConflict: offload.ConflictDebounce}
	for range 5 {
		enqueue(t, app.App, push, crm{"acme", 7, "debounced"}, debounce, offload.Delay(time.Minute))
		app.Advance(59 * time.Second)
		app.Drain()
	}
	if len(ran) != 1 {
		t.Errorf("ran %q while it was pushed back", ran)
	}
	app.Advance(time.Second)
	app.Drain()
	if len(ran) != 2 {
		t.Errorf("ran %q a minute after the last call", ran)
	}
}

// One runs, one waits behind it with the newest input, and never two at once.
func TestUniqueBehind(t *testing.T) {
	var ran []string
	var started, goOn chan string // of the bubble
	push := offload.NewTask("push", func(_ context.Context, in crm) error {
		ran = append(ran, in.Note)
		started <- in.Note
		<-goOn
		return nil
	}, offload.Unique{By: "tenant", OnConflict: offload.ConflictBehind})
	inBubble(t, func(t *testing.T, app *offload.App) {
		started, goOn = make(chan string), make(chan string)
		first := enqueued(t, app, push, crm{"acme", 7, "1"}, false)
		<-started
		second := enqueued(t, app, push, crm{"acme", 7, "2"}, false)
		third := enqueued(t, app, push, crm{"acme", 7, "3"}, true)
		if second.ID == first.ID || third.ID != second.ID || !third.Replaced || third.State != offload.Blocked {
			t.Errorf("while %s runs, Enqueue returned %+v and then %+v; want one job behind it", first.ID, second, third)
		}
		if len(third.Limits) != 0 {
			t.Errorf("it shows limits that nobody has set: %+v", third.Limits)
		}
		why, err := app.Why(t.Context(), second.ID)
		if err != nil || why.Code != offload.WhyBehind || len(why.By) != 1 || why.By[0] != first.ID {
			t.Errorf("why it waits: %+v, %v; want behind job %s", why, err, first.ID)
		}
		synctest.Wait()
		if len(ran) != 1 {
			t.Errorf("%q run at once", ran)
		}
		goOn <- ""
		<-started
		goOn <- ""
		wantEnd(t, app, second.ID, offload.Completed)
		if len(ran) != 2 || ran[1] != "3" {
			t.Errorf("ran %q; want the first and the newest", ran)
		}
	}, push)
}

func TestRetryOfAJobWhoseKeyIsTaken(t *testing.T) {
	ctx := t.Context()
	push := offload.NewTask("push", func(context.Context, crm) error { return offload.Discard(errors.New("gone")) },
		offload.Unique{By: "tenant"})
	app := offloadtest.New(push)
	defer app.Close()
	first := enqueued(t, app, push, crm{Tenant: "acme"}, false)
	app.Drain()
	second := enqueued(t, app, push, crm{Tenant: "acme"}, false)

	err := app.Retry(ctx, first.ID)

	var conflict *offload.ConflictError
	if !errors.As(err, &conflict) || conflict.ID != second.ID || conflict.Key != "tenant=acme" || conflict.Task != "push" {
		t.Errorf("Retry: %v; want a ConflictError that names job %s", err, second.ID)
	}
	if job := read(t, app.App, first.ID); job.State != offload.Discarded {
		t.Errorf("the job is %s after it", job.State)
	}
	app.Drain()
	if err := app.Retry(ctx, first.ID); err != nil {
		t.Errorf("Retry when the key is free again: %v", err)
	}
}

func TestUniqueWithinATransaction(t *testing.T) {
	push := offload.NewTask("push", nothing[crm], offload.Unique{By: "tenant"})
	app := offloadtest.New(push)
	defer app.Close()
	tx := app.Begin()
	first := enqueued(t, app.Tx(tx), push, crm{Tenant: "acme"}, false)
	second := enqueued(t, app.Tx(tx), push, crm{Tenant: "acme"}, true)
	if second.ID != first.ID {
		t.Errorf("within the transaction the key is %s's, then %s's", first.ID, second.ID)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	enqueued(t, app, push, crm{Tenant: "acme"}, true)
	if n := app.Drain().Completed; n != 1 {
		t.Errorf("%d jobs ran, want 1", n)
	}
}
