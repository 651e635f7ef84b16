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
