package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http/httptest"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/webhook"
	"github.com/offloadhq/offload/offloadtest"
)

func Example() {
	ctx := context.Background()
	secret := webhook.NewSecret()
	subscriber := httptest.NewServer(webhook.Receiver(func(_ context.Context, m webhook.Message) error {
		var e webhook.Event
		err := json.Unmarshal(m.Body, &e)
		fmt.Printf("%s: %s %s\n", m.ID, e.Type, e.Data)
		return err
	}, string(secret)))
	defer subscriber.Close()

	hooks := webhook.New(webhook.AllowPrivate(), webhook.Ports()) // for the test: without, 127.0.0.1 is refused
	app := offloadtest.New(hooks, offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()
	ends := hooks.For(app.App)
	if _, err := ends.Add(ctx, webhook.Endpoint{URL: subscriber.URL, Types: []string{"order.*"}, Keys: []webhook.Key{{Secret: secret}}}); err != nil {
		log.Fatal(err)
	}

	paid, err := webhook.NewEvent("order.paid", map[string]int{"id": 7})
	if err != nil {
		log.Fatal(err)
	}
	paid.ID = "order-7-paid"
	if _, err := ends.Publish(ctx, app, paid); err != nil { // in a transaction: app.Tx(tx)
		log.Fatal(err)
	}
	app.Drain() // in a program: app.Run(ctx)
	// Output: order-7-paid: order.paid {"id":7}
}
