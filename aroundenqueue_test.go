package offload_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

type enqueueNext = func(context.Context, []*offload.Call) ([]*offload.Job, error)

func TestAroundEnqueueWrapsEveryEnqueueInOrder(t *testing.T) {
	t.Parallel()
	var said []string
	wrap := func(name string) offload.Part {
		return offload.AroundEnqueue(func(ctx context.Context, calls []*offload.Call, next enqueueNext) ([]*offload.Job, error) {
			said = append(said, fmt.Sprintf("%s %d", name, len(calls)))
			more := make([]*offload.Call, len(calls))
			for i, c := range calls {
				more[i] = c.With(offload.Tag(name, "yes"))
			}
			return next(ctx, more)
		})
	}
	task := offload.Declare[int]("t")
	app := offloadtest.New(wrap("first"), task, offload.Parts(wrap("second")))
	defer app.Close()

	one, err := task.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	tx := app.Begin()
	two, err := task.EnqueueMany(t.Context(), app.Tx(tx), []int{2, 3}, offload.Tag("own", ""))
	if err := errors.Join(err, tx.Commit()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"first 1", "second 1", "first 2", "second 2"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	for _, job := range append(two, one) {
		stored, err := app.Job(t.Context(), job.ID)
		if err != nil || stored.Tags["first"] != "yes" || stored.Tags["second"] != "yes" {
			t.Errorf("job %s has the tags %v, %v", job.ID, stored.Tags, err)
		}
	}
}

func TestAroundEnqueueDecides(t *testing.T) {
	t.Parallel()
	refused := errors.New("not today")
	task := offload.Declare[int]("t")
	app := offloadtest.New(task, offload.AroundEnqueue(func(ctx context.Context, calls []*offload.Call, next enqueueNext) ([]*offload.Job, error) {
		switch string(calls[0].Input()) {
		case "1":
			return nil, refused
		case "2":
			return nil, nil
		}
		_, err := next(ctx, []*offload.Call{nil})
		return nil, err
	}))
	defer app.Close()
	for in, want := range map[int]string{1: "not today", 2: "returned 0 jobs for 1 calls", 3: `call is "nil"`} {
		if _, err := task.Enqueue(t.Context(), app, in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Enqueue(%d) = %v, want an error with %q", in, err, want)
		}
	}
	offloadtest.WantNone(t, app, task)
	if _, err := offload.Open(t.Context(), "memory:", offload.AroundEnqueue(nil)); err == nil || !strings.Contains(err.Error(), `AroundEnqueue is "nil"`) {
		t.Errorf("AroundEnqueue(nil) = %v", err)
	}
}

func TestTagsOfATraceDontCount(t *testing.T) {
	t.Parallel()
	task := offload.Declare[int]("t")
	app := offloadtest.New(task)
	defer app.Close()
	var opts []offload.EnqueueOption
	for i := range 20 {
		opts = append(opts, offload.Tag(fmt.Sprint("tag", i), "x"))
	}
	opts = append(opts, offload.Tag("traceparent", "x"), offload.Tag("tracestate", "y"))
	job, err := task.Enqueue(t.Context(), app, 1, opts...)
	if err != nil || len(slices.Collect(maps.Keys(job.Tags))) != 22 {
		t.Errorf("20 tags and a trace: %v", err)
	}
	if _, err := task.Enqueue(t.Context(), app, 1, append(opts, offload.Tag("another", ""))...); err == nil {
		t.Error("21 tags were taken")
	}
}
