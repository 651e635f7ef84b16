package telemetry_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/telemetry"
)

// Probes of an orchestrator: live says whether to kill the process, ready whether to send it requests.
func ExampleReady() {
	app := offloadtest.New()
	defer app.Close()
	mux := http.NewServeMux()
	mux.Handle("GET /live", telemetry.Live(app.App))
	mux.Handle("GET /ready", telemetry.Ready(app.App))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ready", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 {"status":"ok","works":false}
}

// How many processes would be done with what waits in five minutes.
func ExampleNeeded() {
	ctx := context.Background()
	resize := offload.Declare[string]("resize", offload.Queue("photos"))
	app := offloadtest.New(resize)
	defer app.Close()
	if _, err := resize.EnqueueMany(ctx, app, make([]string, 500)); err != nil {
		log.Fatal(err)
	}
	needs, err := telemetry.Needed(ctx, app.App, 5*time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	photos := needs["photos"]
	fmt.Println(photos.Backlog, photos.Working, photos.Processes)
	// Output: 500 0 1
}
