package httpcall_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/httpcall"
	"github.com/offloadhq/offload/offloadtest"
)

func Example() {
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		order, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s: thank you for %s", r.Method, r.URL.Path, order)
	}))
	defer crm.Close()
	app := offloadtest.New(httpcall.New(), offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()

	ctx := context.Background()
	job, err := httpcall.Call.Enqueue(ctx, app, httpcall.Input{
		Method: "POST",
		URL:    crm.URL + "/orders",
		JSON:   json.RawMessage(`{"id":7}`),
	})
	if err != nil {
		log.Fatal(err)
	}
	app.Drain() // in a program: app.Run(ctx)

	answer, err := httpcall.Call.Wait(ctx, app.App, job.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, answer.Body)
	// Output: 200 POST /orders: thank you for {"id":7}
}
