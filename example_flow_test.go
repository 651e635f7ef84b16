package offload_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// Each call of a chain runs after the one before it has completed.
func ExampleChain() {
	step := offload.NewTask("step", func(_ context.Context, name string) error {
		fmt.Println(name)
		return nil
	})
	app := offloadtest.New(step)
	defer app.Close()

	_, err := app.Enqueue(context.Background(), offload.Chain(step.Call("fetch"), step.Call("parse"), step.Call("report")))
	if err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output:
	// fetch
	// parse
	// report
}

// The callbacks of a batch are ordinary jobs: at the first failure, when all members have ended,
// and when all have completed, which here they don't.
func ExampleBatch() {
	row := offload.NewTask("row", func(_ context.Context, n int) error {
		if n == 2 {
			return offload.Discard(errors.New("a bad row"))
		}
		return nil
	})
	tell := offload.NewTask("tell", func(_ context.Context, text string) error {
		fmt.Println(text)
		return nil
	})
	app := offloadtest.New(row, tell)
	defer app.Close()

	ctx := context.Background()
	rows := offload.Batch(row.Call(1), row.Call(2), row.Call(3))
	jobs, err := app.Enqueue(ctx, rows,
		tell.Call("imported", offload.After(rows)),
		tell.Call("a row has failed", offload.AfterFailure(rows)),
		tell.Call("clean up", offload.AfterEnd(rows)))
	if err != nil {
		log.Fatal(err)
	}
	app.Drain()
	imported, err := app.Job(ctx, jobs[1].ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("imported:", imported.State)
	// Output:
	// a row has failed
	// clean up
	// imported: cancelled
}

// A graph is calls that name each other. The last one reads the results of those it is after.
func ExampleFunc_Upstream() {
	fetch := offload.NewTask("fetch", func(context.Context, string) error { return nil })
	count := offload.NewFunc("count", func(_ context.Context, region string) (int, error) { return len(region), nil })
	sum := offload.Declare[string]("sum")
	app := offloadtest.New(fetch, count, sum.Handle(func(ctx context.Context, month string) error {
		parts, err := count.Upstream(ctx)
		if err != nil {
			return err
		}
		fmt.Println(month, parts)
		return nil
	}))
	defer app.Close()

	file := fetch.Call("https://example.com/november.csv")
	north := count.Call("north", offload.After(file))
	south := count.Call("southwest", offload.After(file))
	_, err := app.Enqueue(context.Background(), file, north, south, sum.Call("November", offload.After(north, south)))
	if err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output: November [5 9]
}

// A job adds others to the batch that it is in, and what is after the batch waits for these too.
func ExampleInBatch() {
	page := offload.Declare[int]("page")
	tell := offload.NewTask("tell", func(_ context.Context, text string) error {
		fmt.Println(text)
		return nil
	})
	app := offloadtest.New(tell, page.Handle(func(ctx context.Context, n int) error {
		fmt.Println("page", n)
		if n == 3 {
			return nil
		}
		_, err := page.Enqueue(ctx, offload.AppOf(ctx), n+1, offload.InBatch(offload.JobOf(ctx).Batch))
		return err
	}))
	defer app.Close()

	pages := offload.Batch(page.Call(1))
	if _, err := app.Enqueue(context.Background(), pages, tell.Call("all read", offload.After(pages))); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output:
	// page 1
	// page 2
	// page 3
	// all read
}
