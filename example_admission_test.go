package offload_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// However often a document changes, it is indexed once, two seconds after the last change.
func ExampleUnique() {
	ctx := context.Background()
	reindex := offload.NewTask("reindex", func(ctx context.Context, doc int) error {
		fmt.Println("indexed document", doc)
		return nil
	}, offload.Unique{OnConflict: offload.ConflictDebounce})
	app := offloadtest.New(reindex)
	defer app.Close()

	for range 3 {
		job, err := reindex.Enqueue(ctx, app, 7, offload.Delay(2*time.Second))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("changed; there already:", job.Existing)
		app.Advance(time.Second)
		app.Drain()
	}
	app.Advance(time.Second)
	app.Drain()
	// Output:
	// changed; there already: false
	// changed; there already: true
	// changed; there already: true
	// indexed document 7
}

// One order is confirmed once, whoever asks for it again, also years later.
func ExampleUnique_never() {
	type Order struct {
		ID   int    `json:"id"`
		Mail string `json:"mail"`
	}
	ctx := context.Background()
	confirm := offload.NewTask("confirm", func(ctx context.Context, o Order) error { return nil },
		offload.Unique{By: "id", Until: offload.Never})
	app := offloadtest.New(confirm)
	defer app.Close()

	first, err := confirm.Enqueue(ctx, app, Order{7, "ada@example.com"})
	if err != nil {
		log.Fatal(err)
	}
	app.Drain()
	app.Advance(2 * 365 * 24 * time.Hour)
	again, err := confirm.Enqueue(ctx, app, Order{7, "ada@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.Existing, again.ID == first.ID)
	// Output: true true
}

type page struct {
	Tenant string `json:"tenant"`
	Number int    `json:"number"`
}

// Two tasks share one limit for each tenant: the jobs that have no room wait, and hold no
// worker.
func ExampleLimit() {
	perTenant := offload.Limit{Name: "crm", Max: 2, By: "tenant"}
	handle := func(ctx context.Context, p page) error { return nil }
	push := offload.NewTask("crm.push", handle, perTenant)
	pull := offload.NewTask("crm.pull", handle, perTenant)
	app := offloadtest.New(push, pull)
	defer app.Close()

	ctx := context.Background()
	for _, task := range []*offload.Task[page]{push, pull} {
		for _, tenant := range []string{"acme", "globex", "acme"} {
			job, err := task.Enqueue(ctx, app, page{Tenant: tenant})
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(job.Task, tenant, job.State)
		}
	}
	fmt.Println(app.Drain().Completed, "jobs ran")
	// Output:
	// crm.push acme available
	// crm.push globex available
	// crm.push acme available
	// crm.pull acme blocked
	// crm.pull globex available
	// crm.pull acme blocked
	// 6 jobs ran
}

// An API allows 60 calls a minute, and says with a 429 when that is not all: then nobody calls
// it until it may be asked again.
func ExampleLimit_Snooze() {
	api := offload.Limit{Name: "crm-api", Max: 60, Per: time.Minute, Burst: 1}
	tooMany := true // what the API answers first
	pull := offload.NewTask("pull", func(ctx context.Context, number int) error {
		if tooMany {
			tooMany = false
			return api.Snooze(30 * time.Second)
		}
		fmt.Println("page", number)
		return nil
	}, api)
	app := offloadtest.New(pull)
	defer app.Close()

	if _, err := pull.EnqueueMany(context.Background(), app, []int{1, 2, 3}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("snoozed:", app.Drain().Snoozed)
	app.Advance(29 * time.Second)
	fmt.Println("after 29 s:", app.Drain().Completed)
	for range 3 {
		app.Advance(time.Second)
		app.Drain()
	}
	// Output:
	// snoozed: 1
	// after 29 s: 0
	// page 2
	// page 3
	// page 1
}

// A tenant that enqueues much leaves the others their turns.
func ExampleFair() {
	push := offload.NewTask("push", func(ctx context.Context, p page) error {
		fmt.Println(p.Tenant, p.Number)
		return nil
	}, offload.Fair{By: "tenant"})
	app := offloadtest.New(push)
	defer app.Close()

	pages := []page{{"huge", 1}, {"huge", 2}, {"huge", 3}, {"huge", 4}, {"small", 1}, {"small", 2}}
	if _, err := push.EnqueueMany(context.Background(), app, pages); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	// Output:
	// huge 1
	// small 1
	// huge 2
	// small 2
	// huge 3
	// huge 4
}

// A reminder that nobody could send in time is not sent at all.
func ExampleExpire() {
	remind := offload.NewTask("remind", func(ctx context.Context, meeting string) error {
		fmt.Println("in 10 minutes:", meeting)
		return nil
	}, offload.Expire(5*time.Minute))
	app := offloadtest.New(remind)
	defer app.Close()

	job, err := remind.Enqueue(context.Background(), app, "lunch", offload.Delay(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	app.Advance(time.Hour + 5*time.Minute) // nothing runs meanwhile
	app.Drain()
	if job, err = app.Job(context.Background(), job.ID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.State)
	// Output: expired
}

// Schedules of code are parts of an app, beside its tasks.
func ExampleSchedule() {
	cleanup := offload.NewTask("cleanup", func(ctx context.Context, days int) error {
		job := offload.JobOf(ctx)
		fmt.Printf("clean up after %d days, by %s at %s\n", days, job.Schedule, job.Tick.Format("15:04"))
		return nil
	})
	app := offloadtest.New(cleanup, offload.Schedule{
		Cron: "0 3 * * *", Call: cleanup.Call(30), Overlap: offload.OverlapBehind, Missed: offload.MissedSkip,
	})
	defer app.Close()

	app.Advance(24 * time.Hour)
	app.Drain()
	// Output: clean up after 30 days, by cleanup at 03:00
}

// A schedule is the same value wherever it is used: also to show when it will tick.
func ExampleSchedule_Next() {
	report := offload.Schedule{Cron: "30 2 * * SUN", Zone: "Europe/Berlin"}
	from := time.Date(2026, time.March, 20, 0, 0, 0, 0, time.UTC)
	ticks, err := report.Next(from, 3)
	if err != nil {
		log.Fatal(err)
	}
	for _, tick := range ticks {
		fmt.Println(tick)
	}
	// Output:
	// 2026-03-22 02:30:00 +0100 CET
	// 2026-03-29 03:00:00 +0200 CEST
	// 2026-04-05 02:30:00 +0200 CEST
}

// Customers choose when their report comes.
func ExampleApp_SetSchedule() {
	ctx := context.Background()
	report := offload.NewTask("report", func(ctx context.Context, customer string) error {
		fmt.Println("report for", customer)
		return nil
	})
	app := offloadtest.New(report)
	defer app.Close()

	choose := func(customer, cron, zone string) error {
		return app.SetSchedule(ctx, offload.Schedule{
			Name: "report-" + customer, Cron: cron, Zone: zone, Call: report.Call(customer),
		})
	}
	if err := choose("acme", "0 9 * * *", "Asia/Tokyo"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(choose("globex", "0 25 * * *", "Asia/Tokyo"))
	app.Advance(24 * time.Hour)
	app.Drain()
	if err := app.RemoveSchedule(ctx, "report-acme"); err != nil {
		log.Fatal(err)
	}
	app.Advance(24 * time.Hour)
	app.Drain()
	// Output:
	// offload: Schedule "report-globex" Cron is "0 25 * * *"; want as its hour, instead of "25", 0 to 23: hour 25 is out of range
	// report for acme
}

// Many jobs become one call, where that is cheaper: here, one request for up to 100 documents,
// for which the first waits at most a second.
func ExampleTask_HandleMany() {
	index := offload.Declare[string]("index")
	app := offloadtest.New(index.HandleMany(100, time.Second, func(ctx context.Context, docs []string) error {
		fmt.Println("indexed", docs)
		return nil
	}))
	defer app.Close()

	if _, err := index.EnqueueMany(context.Background(), app, []string{"a", "b", "c"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(app.Drain().Completed, "jobs ended")
	// Output:
	// indexed [a b c]
	// 3 jobs ended
}

func ExampleApp_Why() {
	ctx := context.Background()
	push := offload.NewTask("push", func(ctx context.Context, p page) error { return nil },
		offload.Limit{Name: "crm", Max: 1, By: "tenant"})
	app := offloadtest.New(push)
	defer app.Close()

	jobs, err := push.EnqueueMany(ctx, app, []page{{"acme", 1}, {"acme", 2}})
	if err != nil {
		log.Fatal(err)
	}
	why, err := app.Why(ctx, jobs[1].ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(why.Code, why.Limit, why.Key, why.By[0] == jobs[0].ID, why.Place)
	// Output: limit crm acme true 1
}
