package offload_test

import (
	"context"
	"fmt"
	"log"

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
