package twilio_test

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/sms/twilio"
)

func ExampleProvider() {
	kit, err := sms.New(
		twilio.Provider{AccountSID: os.Getenv("TWILIO_ACCOUNT"), AuthToken: os.Getenv("TWILIO_TOKEN")},
		sms.From("+15005550006"),
		sms.Receipts("https://shop.example/sms/", []byte(os.Getenv("SMS_KEY")))) // 16 bytes or more
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	app, err := offload.Open(ctx, "offload.db", kit)
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/sms/", kit.Handler(app)) // where Twilio says what became of a message
	go http.ListenAndServe("127.0.0.1:8080", nil)
	log.Fatal(app.Run(ctx))
}
