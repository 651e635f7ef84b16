package mail_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"testing/fstest"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/offloadtest"
)

func Example() {
	dir, err := os.MkdirTemp("", "outbox")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	kit, err := mail.New(mail.Keep{Dir: dir}, // in production mail.SMTP{Addr: "smtp.example.com:587", User: …, Password: …}
		mail.From("Shop <orders@shop.example>"),
		mail.Templates(fstest.MapFS{"order.txt": {Data: []byte(`{{define "subject"}}Your order {{.}}{{end}}Order {{.}} is on its way.`)}}))
	if err != nil {
		log.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()

	ctx := context.Background()
	job, err := mail.Send.Enqueue(ctx, app, mail.Message{
		To: []string{"Ada <ada@example.com>"}, Template: "order", Data: mail.Fill(7),
	})
	if err != nil {
		log.Fatal(err) // such as: offload: task "mail": to is "ada"; want an address such as …
	}
	app.Drain() // in a program: app.Run(ctx)

	receipt, err := mail.Send.Wait(ctx, app.App, job.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Via, receipt.MessageID == job.ID.String()+"@shop.example")
	// Output: kept true
}
