package alert_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/alert"
	"github.com/offloadhq/offload/offloadtest"
)

func Example() {
	send := offload.NewTask("newsletter", func(context.Context, int) error {
		return offload.Discard(fmt.Errorf("no such list"))
	})
	alerts, err := alert.New(
		// alert.Slack("ops", os.Getenv("SLACK_URL")), alert.PagerDuty("oncall", "", os.Getenv("PAGERDUTY_KEY")),
		alert.Func("ops", func(_ context.Context, n alert.Notice) error {
			fmt.Println(n.Do, "-", n.Title)
			return nil
		}),
		alert.Rule{Name: "given up", When: alert.Discarding, Task: "newsletter", Within: 5 * time.Minute, To: []string{"ops"}},
		alert.Rule{Name: "slow", When: alert.Waiting, Over: 10 * time.Minute, For: time.Minute, To: []string{"ops"}},
	)
	if err != nil {
		log.Fatal(err)
	}
	app := offloadtest.New(send, alerts)
	defer app.Close()
	ctx := context.Background()
	if _, err := send.Enqueue(ctx, app, 1); err != nil {
		log.Fatal(err)
	}
	app.Drain()
	for range 10 { // an app that runs looks by itself
		if err := alerts.For(app.App).Look(ctx); err != nil {
			log.Fatal(err)
		}
		app.Drain()
		app.Advance(time.Minute)
	}
	// Output:
	// alert - Jobs of task newsletter were discarded
	// clear - Jobs of task newsletter were discarded
}
