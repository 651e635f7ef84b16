package logship_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/logship"
)

// A program that sends what it logs to a collector, and loses none of it when it is killed.
func Example() {
	ctx := context.Background()
	ship, err := logship.New(
		logship.OTLP("http://collector:4318/v1/logs", logship.Resource{"service.name": "shop"}),
		logship.Spool("/var/lib/shop/spool", false),
	)
	if err != nil {
		log.Fatal(err)
	}
	slog.SetDefault(slog.New(ship.Handler()))
	app, err := offload.Open(ctx, "shop.db", ship) // ships while jobs run, and what is left when the app is closed
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Run(ctx); err != nil {
		slog.Error("the app can't run", "error", err)
	}
	if err := app.Close(); err != nil {
		log.Fatal(err)
	}
}

// A printer is a destination of one's own.
type printer struct{}

func (printer) Ship(_ context.Context, items []logship.Item) error {
	for _, item := range items {
		_, line, _ := strings.Cut(string(item.Line), `","`) // without the time
		fmt.Println(line)
	}
	return nil
}

func ExampleRedact() {
	ship, err := logship.New(printer{}, logship.Redact(func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "password" {
			return slog.String(a.Key, "redacted")
		}
		return a
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer ship.Close()
	slog.New(ship.Handler()).Info("signed in", "user", "ada", "password", "hunter2")
	// Output: level":"INFO","msg":"signed in","user":"ada","password":"redacted"}
}
