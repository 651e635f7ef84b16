package push_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/offloadtest"
)

// stored is a row of the program's table of devices: a browser's subscription, as JSON.stringify gave it.
const stored = `{"endpoint":"https://push.example/send/abc","expirationTime":null,"keys":{
	"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}`

func Example() {
	kit, err := push.New(
		push.Via(push.Keep{}), // in production webpush.Service{Keys: …, Contact: "mailto:ops@shop.example"}
		push.OnGone(func(_ context.Context, gone *push.GoneError) error {
			fmt.Println("forget", gone.Target.Address())
			return nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()

	ctx := context.Background()
	var subscription push.Subscription
	if err := json.Unmarshal([]byte(stored), &subscription); err != nil {
		log.Fatal(err)
	}
	message := push.Message{
		To: push.Target{Web: &subscription}, Title: "Your order", Body: "It is on its way.", URL: "https://shop.example/orders/7", Tag: "order-7",
	}
	job, err := push.Send.Enqueue(ctx, app, message)
	if err != nil {
		log.Fatal(err)
	}
	app.Drain() // in a program: app.Run(ctx)

	receipt, err := push.Send.Wait(ctx, app.App, job.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Service)

	message.Title = ""
	_, err = push.Send.Enqueue(ctx, app, message)
	var wrong *offload.InputError
	fmt.Println(errors.As(err, &wrong), wrong.Field)
	// Output:
	// kept
	// true title
}
