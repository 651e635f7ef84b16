package sms_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/offloadtest"
)

func Example() {
	kit, err := sms.New(sms.Keep{}, sms.From("Shop")) // twilio.Provider, where it counts
	if err != nil {
		log.Fatal(err)
	}
	app := offloadtest.New(kit) // offload.Open(ctx, "offload.db", kit)
	defer app.Close()
	ctx := context.Background()

	job, err := sms.Send.Enqueue(ctx, app, sms.Message{To: "+436641234567", Text: "Your code is 4711."},
		offload.Expire(5*time.Minute)) // it is worth nothing later
	if err != nil {
		log.Fatal(err)
	}
	app.Drain()
	delivery, err := sms.DeliveryOf(ctx, app.App, job.ID)
	fmt.Println(delivery.State, err)

	_, err = sms.Send.Enqueue(ctx, app, sms.Message{To: "0664 1234567", Text: "Hello."})
	fmt.Println(err)
	// Output:
	// sent <nil>
	// offload: task "sms": to is "0664 1234567"; want a number with its country, such as +436641234567: a plus and 7 to 15 digits, of which the first is not 0
}

func ExampleMeasure() {
	for _, text := range []string{"It’s on its way.", sms.Plain("It’s on its way.")} {
		fmt.Printf("%+v\n", sms.Measure(text))
	}
	// Output:
	// {Encoding:UCS-2 Units:16 Segments:1}
	// {Encoding:GSM-7 Units:16 Segments:1}
}
