//go:build unix

package command_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/command"
	"github.com/offloadhq/offload/offloadtest"
)

func Example() {
	app := offloadtest.New(command.New(), offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()

	ctx := context.Background()
	job, err := command.Run.Enqueue(ctx, app, command.Input{
		Argv:  []string{"sort", "-r"},
		Stdin: "apple\nbanana\ncherry\n",
	})
	if err != nil {
		log.Fatal(err)
	}
	app.Drain() // in a program: app.Run(ctx)

	out, err := command.Run.Wait(ctx, app.App, job.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(out.Stdout)
	// Output:
	// cherry
	// banana
	// apple
}
