package prometheus_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/telemetry/prometheus"
)

func ExampleHandler() {
	mail := offload.Declare[string]("mail")
	app := offloadtest.New(mail)
	defer app.Close()
	if _, err := mail.EnqueueMany(context.Background(), app, []string{"ada", "bob"}); err != nil {
		log.Fatal(err)
	}
	http.Handle("GET /metrics", prometheus.Handler(app.App))

	w := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), `offload_queue_jobs{queue="default",state="available"}`) {
			fmt.Println(lines.Text())
		}
	}
	// Output: offload_queue_jobs{queue="default",state="available"} 2
}
