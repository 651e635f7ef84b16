package offload_test

import (
	"errors"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
)

// A new input brings the keys that the task's rules make of it. What the call said otherwise
// stays.
func TestEditedInputsHaveTheirOwnKeys(t *testing.T) {
	ctx := t.Context()
	push := offload.NewTask("push", nothing[crm], offload.Limit{Name: "crm", Max: 1, By: "tenant"}, offload.Fair{By: "tenant"},
		offload.Unique{By: "doc", OnConflict: offload.ConflictBehind}, offload.Expire(time.Hour))
	app := offloadtest.New(push, noop)
	defer app.Close()
	job := enqueued(t, app, push, crm{Tenant: "acme", Doc: 7}, false, offload.Limit{Name: "api", Max: 1, Key: "acme"})

	_, terms, err := inside.EditInput(ctx, app.App, job.ID, []byte(`{"tenant":"globex","doc":8}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(terms.Limits) != 3 || terms.Limits[0].Key != "doc=8" || terms.Limits[1].Key != "globex" || terms.Limits[2].Key != "acme" ||
		terms.Turn.Key != "globex" || terms.Unique.Key != "doc=8" || terms.Expire != time.Hour {
		t.Errorf("with another input its terms are %+v; want the keys of that", terms)
	}
	if _, _, err := inside.EditInput(ctx, app.App, job.ID, []byte(`{"tenant":"globex"}`)); err == nil {
		t.Error("an input without unique key is no error")
	}
	own := enqueued(t, app, push, crm{Tenant: "acme", Doc: 9}, false, offload.Unique{Key: "u"}, offload.Fair{Key: "f"})
	_, terms, err = inside.EditInput(ctx, app.App, own.ID, []byte(`{"tenant":"globex","doc":10}`))
	if err != nil || terms.Unique.Key != "u" || terms.Turn.Key != "f" {
		t.Errorf("terms that the call has said are %+v, %v after an edit", terms, err)
	}
	plain := enqueue(t, app.App, noop, 1)
	if _, terms, err := inside.EditInput(ctx, app.App, plain, []byte("2")); err != nil || terms != nil {
		t.Errorf("the terms of a plain job are %+v, %v", terms, err)
	}
	if _, _, err := inside.EditInput(ctx, app.App, offload.NewID(), []byte("2")); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("the terms of no job: %v; want ErrNotFound", err)
	}
}

// A new input of a job that waits leaves it in its flow and batch, under a limit's new key.
func TestAnEditKeepsTheFlow(t *testing.T) {
	push := offload.NewTask("push", nothing[crm], offload.Limit{Max: 1, By: "tenant"})
	app := offloadtest.New(push)
	defer app.Close()
	first, second := push.Call(crm{Tenant: "a"}), push.Call(crm{Tenant: "b"})
	batch := offload.Batch(offload.Chain(first, second))
	enqueueAll(t, app, batch)
	if err := operate.As(app.App, "ada").Edit(t.Context(), second.ID(), operate.Edit{Input: []byte(`{"tenant":"c"}`)}); err != nil {
		t.Fatal(err)
	}
	job := read(t, app.App, second.ID())
	if job.Flow != batch.ID() || job.Batch != batch.ID() || job.Limits[0].Key != "c" || job.Waits != "after" {
		t.Errorf("the job is %+v", job)
	}
	app.Drain()
	if job := read(t, app.App, batch.ID()); job.State != offload.Completed {
		t.Errorf("the batch is %s", job.State)
	}
}
