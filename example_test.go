package offload_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// The whole of it: a task, an app, a job. A real program opens "offload.db" or "postgres://…"
// and calls app.Run; here the app keeps its jobs in memory and runs them when told.
func Example() {
	greet := offload.NewTask("greet", func(ctx context.Context, name string) error {
		fmt.Println("hello,", name)
		return nil
	})
	app := offloadtest.New(greet)
	defer app.Close()

	if _, err := greet.Enqueue(context.Background(), app, "Ada"); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output: hello, Ada
}

func ExampleDelay() {
	greet := offload.NewTask("greet", func(ctx context.Context, name string) error {
		fmt.Println("hello,", name)
		return nil
	})
	app := offloadtest.New(greet)
	defer app.Close()

	if _, err := greet.Enqueue(context.Background(), app, "Ada", offload.Delay(time.Hour)); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	fmt.Println("an hour later:")
	app.Advance(time.Hour)
	app.Drain()
	// Output:
	// an hour later:
	// hello, Ada
}

// A failed attempt is tried again after a growing wait. How a job goes on otherwise is said by
// the error.
func ExampleRetryIn() {
	errBusy, errGone := errors.New("busy"), errors.New("the order was deleted")
	charge := offload.NewTask("charge", func(ctx context.Context, order int) error {
		switch job := offload.JobOf(ctx); {
		case order == 1 && job.Failures == 0:
			return offload.RetryIn(time.Minute, errBusy)
		case order == 2:
			return offload.Cancel(errGone)
		}
		fmt.Println("charged order", order)
		return nil
	})
	app := offloadtest.New(charge)
	defer app.Close()

	if _, err := charge.EnqueueMany(context.Background(), app, []int{1, 2, 3}); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", app.Drain())
	app.Advance(time.Minute)
	fmt.Printf("%+v\n", app.Drain())
	// Output:
	// charged order 3
	// {Completed:1 Retried:1 Discarded:0 Cancelled:1 Snoozed:0}
	// charged order 1
	// {Completed:1 Retried:0 Discarded:0 Cancelled:0 Snoozed:0}
}

// A task that needs a database, or enqueues itself, is declared first and bound to its
// function where the program starts.
func ExampleDeclare() {
	count := offload.Declare[int]("count")
	down := func(ctx context.Context, n int) error {
		fmt.Println(n)
		if n == 0 {
			return nil
		}
		_, err := count.Enqueue(ctx, offload.AppOf(ctx), n-1)
		return err
	}
	app := offloadtest.New(count.Handle(down))
	defer app.Close()

	if _, err := count.Enqueue(context.Background(), app, 2); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output:
	// 2
	// 1
	// 0
}

// A Func has a result, which any process can wait for.
func ExampleNewFunc() {
	ctx := context.Background()
	sum := offload.NewFunc("sum", func(ctx context.Context, numbers []int) (total int, err error) {
		for _, n := range numbers {
			total += n
		}
		return total, nil
	})
	app := offloadtest.New(sum)
	defer app.Close()

	job, err := sum.Enqueue(ctx, app, []int{1, 2, 3})
	if err != nil {
		log.Fatal(err)
	}
	app.Drain()
	total, err := sum.Wait(ctx, app.App, job.ID)
	fmt.Println(total, err)
	// Output: 6 <nil>
}

// Defaults stand at the task; one job may say otherwise.
func ExamplePriority() {
	mail := offload.NewTask("mail", func(ctx context.Context, to string) error {
		fmt.Println("mail to", to)
		return nil
	}, offload.Queue("mail"), offload.MaxAttempts(5), offload.Timeout(time.Minute))
	app := offloadtest.New(mail)
	defer app.Close()

	ctx := context.Background()
	if _, err := mail.Enqueue(ctx, app, "everybody"); err != nil {
		log.Fatal(err)
	}
	if _, err := mail.Enqueue(ctx, app, "the one who waits", offload.Priority(0)); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output:
	// mail to the one who waits
	// mail to everybody
}

// A Call has its id before it is stored: enqueueing it again, after an error that leaves
// doubt, makes no second job.
func ExampleTask_Call() {
	ctx := context.Background()
	greet := offload.NewTask("greet", func(ctx context.Context, name string) error { return nil })
	app := offloadtest.New(greet)
	defer app.Close()

	call := greet.Call("Ada")
	for range 2 {
		jobs, err := app.Enqueue(ctx, call)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(jobs[0].ID == call.ID(), jobs[0].Existing)
	}
	// Output:
	// true false
	// true true
}

// Jobs are found by state, task, queue, tag, time and the text of their error.
func ExampleApp_Jobs() {
	ctx := context.Background()
	call := offload.NewTask("call", func(ctx context.Context, host string) error {
		return offload.Discard(errors.New("no such host: " + host))
	})
	app := offloadtest.New(call)
	defer app.Close()
	if _, err := call.Enqueue(ctx, app, "example.invalid", offload.Tag("customer", "7")); err != nil {
		log.Fatal(err)
	}
	app.Drain()

	jobs, err := app.Jobs(ctx, offload.Filter{States: []offload.State{offload.Discarded}, Tag: "customer=7"})
	if err != nil {
		log.Fatal(err)
	}
	for _, job := range jobs {
		fmt.Println(job.Task, job.State, job.Error)
	}
	// Output: call discarded no such host: example.invalid
}
