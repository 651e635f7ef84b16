package offloadtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// A handler that adds to what is there is wrong: it may run twice.
func ExampleTwice() {
	t := &testing.T{} // yours
	balance := map[string]int{}
	credit := offload.NewTask("credit", func(ctx context.Context, account string) error {
		balance[account] = 100 // with += the test would fail
		return nil
	})
	app := offloadtest.New(credit)
	defer app.Close()
	offloadtest.Twice(t, app, credit.Call("ada"), func() any { return balance })
	fmt.Println(balance, t.Failed())
	// Output: map[ada:100] false
}

func ExampleInline() {
	greet := offload.NewTask("greet", func(ctx context.Context, name string) error {
		if name == "" {
			return offload.Discard(errors.New("nobody to greet"))
		}
		fmt.Println("hello,", name)
		return nil
	})
	app := offloadtest.New(offloadtest.Inline(), greet)
	defer app.Close()
	job, err := greet.Enqueue(context.Background(), app, "Ada")
	fmt.Println(job.State, err)
	_, err = greet.Enqueue(context.Background(), app, "")
	fmt.Println(err != nil)
	// Output:
	// hello, Ada
	// completed <nil>
	// true
}

func ExampleFailAttempt() {
	send := offload.NewTask("send", func(ctx context.Context, to string) error {
		fmt.Println("sent in attempt", offload.JobOf(ctx).Attempt)
		return nil
	})
	app := offloadtest.New(send, offloadtest.FailAttempt(send, 1, errors.New("mailbox full")))
	defer app.Close()
	if _, err := send.Enqueue(context.Background(), app, "ada@example.com"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(app.Drain().Retried)
	app.Advance(time.Minute)
	app.Drain()
	// Output:
	// 1
	// sent in attempt 2
}

func ExampleWantTicks() {
	t := &testing.T{} // yours
	report := offload.NewTask("report", func(context.Context, string) error { return nil })
	friday := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	app := offloadtest.New(report, offloadtest.StartAt(friday), offload.Schedule{
		Name: "report", Cron: "0 7 * * 1-5", Call: report.Call("daily"),
	})
	defer app.Close()
	app.AdvanceTo(friday.Add(72 * time.Hour))
	jobs := offloadtest.WantTicks(t, app, "report", time.Date(2026, 5, 4, 7, 0, 0, 0, time.UTC))
	fmt.Println(len(jobs), jobs[0].Tick.Weekday())
	// Output: 1 Monday
}
