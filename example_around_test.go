package offload_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// What a handler logs is kept with its job.
func ExampleApp_Logs() {
	send := offload.NewTask("send", func(ctx context.Context, address string) error {
		offload.Logger(ctx).Info("sending", "to", address)
		return nil
	})
	app := offloadtest.New(send, quiet)
	defer app.Close()

	ctx := context.Background()
	job, err := send.Enqueue(ctx, app, "ada@example.com")
	if err != nil {
		log.Fatal(err)
	}
	app.Drain()
	for line, err := range app.Logs(ctx, job.ID, false) { // with true: until the job has ended
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(line.Level, line.Text, string(line.Attrs))
	}
	// Output: INFO sending {"to":"ada@example.com"}
}

// Progress shows how far a job is, how fast it goes, and how long it will take.
func ExampleProgress() {
	load := offload.NewTask("load", func(ctx context.Context, rows int) error {
		for i := range rows {
			offload.Progress(ctx, i+1, rows, "rows")
		}
		return nil
	})
	app := offloadtest.New(load)
	defer app.Close()

	ctx := context.Background()
	job, err := load.Enqueue(ctx, app, 200)
	if err != nil {
		log.Fatal(err)
	}
	app.Drain()
	if job, err = app.Job(ctx, job.ID); err != nil {
		log.Fatal(err)
	}
	p := job.Progress
	fmt.Println(p.Done, "of", p.Total, p.Note, p.Rate > 0, p.Left)
	// Output: 200 of 200 rows true 0s
}

// A step is done once, whatever becomes of the attempt after it.
func ExampleStep() {
	order := offload.NewTask("order", func(ctx context.Context, number int) error {
		charge, err := offload.Step(ctx, "charge", func(context.Context) (string, error) {
			fmt.Println("charging order", number)
			return "ch_1", nil
		})
		if err != nil {
			return err
		}
		if offload.JobOf(ctx).Failures == 0 {
			return offload.RetryIn(0, errors.New("the printer is busy"))
		}
		fmt.Println("printing the receipt of", charge)
		return nil
	})
	app := offloadtest.New(order)
	defer app.Close()

	if _, err := order.Enqueue(context.Background(), app, 7); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output:
	// charging order 7
	// printing the receipt of ch_1
}

// A loop goes on where it stopped, here at the second item.
func ExampleEach() {
	notify := offload.NewTask("notify", func(ctx context.Context, customers []string) error {
		return offload.Each(ctx, slices.Values(customers), func(ctx context.Context, customer string) error {
			if customer == "Bob" && offload.JobOf(ctx).Failures == 0 {
				return offload.RetryIn(0, errors.New("not now"))
			}
			fmt.Println("notified", customer)
			return nil
		})
	})
	app := offloadtest.New(notify)
	defer app.Close()

	if _, err := notify.Enqueue(context.Background(), app, []string{"Ada", "Bob", "Cy"}); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output:
	// notified Ada
	// notified Bob
	// notified Cy
}

// A job with a position of its own keeps it now and then, and begins there again.
func ExampleCheckpoint() {
	crawl := offload.NewTask("crawl", func(ctx context.Context, site string) error {
		page, err := offload.Resume[int](ctx)
		if err != nil {
			return err
		}
		fmt.Println("from page", page)
		for ; page < 100; page++ {
			if page%10 == 0 {
				if err := offload.Checkpoint(ctx, page); err != nil {
					return err
				}
			}
			if page == 57 && offload.JobOf(ctx).Failures == 0 {
				return offload.RetryIn(0, errors.New("not now"))
			}
		}
		return nil
	})
	app := offloadtest.New(crawl)
	defer app.Close()

	if _, err := crawl.Enqueue(context.Background(), app, "example.com"); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output:
	// from page 0
	// from page 50
}

// Middleware sees each attempt from outside, here of all tasks of an app.
func ExampleAround() {
	timing := offload.Around(func(ctx context.Context, job *offload.Job, next func(context.Context) error) error {
		began := time.Now()
		err := next(ctx)
		fmt.Println(job.Task, "took less than a minute:", time.Since(began) < time.Minute, "and returned:", err)
		return err
	})
	greet := offload.NewTask("greet", func(ctx context.Context, name string) error {
		fmt.Println("hello,", name)
		return nil
	})
	app := offloadtest.New(greet, timing)
	defer app.Close()

	if _, err := greet.Enqueue(context.Background(), app, "Ada"); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output:
	// hello, Ada
	// greet took less than a minute: true and returned: <nil>
}

// What this process does to jobs is told, so that somebody is called when one gives up.
func ExampleOnEvent() {
	alert := offload.OnEvent(func(ctx context.Context, e offload.Event) {
		if e.Job.State == offload.Discarded {
			fmt.Println("gave up:", e.Job.Task, e.Job.Error)
		}
	})
	charge := offload.NewTask("charge", func(ctx context.Context, order int) error {
		return errors.New("the card has expired")
	}, offload.MaxAttempts(1))
	app := offloadtest.New(charge, alert)
	defer app.Close()

	if _, err := charge.Enqueue(context.Background(), app, 7); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output: gave up: charge the card has expired
}

// A web page can show what becomes of jobs, whichever process runs them.
func ExampleApp_Watch() {
	greet := offload.NewTask("greet", func(ctx context.Context, name string) error { return nil })
	app := offloadtest.New(greet)
	defer app.Close()

	ctx := context.Background()
	events := app.Watch(ctx, offload.Filter{Tasks: []string{"greet"}, States: []offload.State{offload.Completed}})
	if _, err := greet.Enqueue(ctx, app, "Ada"); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	for e, err := range events {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Job.Task, e.Job.State)
		break
	}
	// Output: greet completed
}

// AroundEnqueue sees every call, and may add to it: here the tenant of the request, as a tag.
func ExampleAroundEnqueue() {
	type tenantKey struct{}
	tagged := offload.AroundEnqueue(func(ctx context.Context, calls []*offload.Call, next func(context.Context, []*offload.Call) ([]*offload.Job, error)) ([]*offload.Job, error) {
		tenant, _ := ctx.Value(tenantKey{}).(string)
		more := make([]*offload.Call, len(calls))
		for i, call := range calls {
			more[i] = call.With(offload.Tag("tenant", tenant))
		}
		return next(ctx, more)
	})
	send := offload.Declare[string]("send")
	app := offloadtest.New(send, tagged)
	defer app.Close()

	ctx := context.WithValue(context.Background(), tenantKey{}, "acme")
	job, err := send.Enqueue(ctx, app, "ada@example.com")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.Tags)
	// Output: map[tenant:acme]
}
