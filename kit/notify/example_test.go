package notify_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/offloadtest"
)

// An order has shipped: the customer finds that in the list, and by mail, or as they like it.
func Example() {
	outbox, err := os.MkdirTemp("", "outbox")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(outbox)
	mails, err := mail.New(mail.Keep{Dir: outbox}, mail.From("orders@shop.example"))
	if err != nil {
		log.Fatal(err)
	}
	texts, err := sms.New(sms.Keep{}, sms.From("Shop"))
	if err != nil {
		log.Fatal(err)
	}
	type Shipped struct {
		Order int    `json:"order"`
		Comes string `json:"comes"`
	}
	directory := func(ctx context.Context, id string) (notify.Who, error) { // look in your tables here
		if id != "ada" {
			return notify.Who{}, offload.ErrNotFound
		}
		return notify.Who{
			Mail: "ada@example.com", Phone: "+436641234567", Zone: "Europe/Vienna",
			Quiet: notify.Quiet{From: "22:00", To: "07:00"},
			Prefs: map[string][]notify.Channel{"order.*": {notify.InApp, notify.SMS}},
		}, nil
	}
	notices, err := notify.New(directory, []notify.Kind{{
		Name:     "order.shipped",
		Channels: []notify.Channel{notify.InApp, notify.Mail},
		Content: notify.Fill(func(ctx context.Context, who notify.Who, s Shipped) (notify.Content, error) {
			return notify.Content{
				Title: fmt.Sprintf("Order %d has shipped", s.Order), Text: "It comes at " + s.Comes + ".",
				URL: fmt.Sprintf("https://shop.example/orders/%d", s.Order),
			}, nil
		}),
	}})
	if err != nil {
		log.Fatal(err)
	}
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	app := offloadtest.New(mails, texts, notices, offloadtest.StartAt(noon)) // offload.Open(ctx, "offload.db", mails, texts, notices)
	defer app.Close()

	ctx := context.Background()
	job, err := notify.Notify.Enqueue(ctx, app, notify.Notice{
		To: "ada", Kind: "order.shipped", Key: "order 7", Data: notify.Data(Shipped{7, "three"}),
	})
	if err != nil {
		log.Fatal(err)
	}
	app.Drain()
	result, err := notify.Notify.Wait(ctx, app.App, job.ID)
	fmt.Println(result.Channels, err)
	list, err := notify.Inbox(ctx, app.App, "ada")
	fmt.Println(list.Unread, list.Items[0].Title, err)
	// Output:
	// [in-app sms] <nil>
	// 1 Order 7 has shipped <nil>
}
