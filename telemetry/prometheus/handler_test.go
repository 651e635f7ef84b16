package prometheus_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/telemetry/prometheus"
)

// page returns what a handler answers.
func page(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	return w.Body.String()
}

func want(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(page, "\n"+line+"\n") {
			t.Errorf("the page has no line %s", line)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

func TestHandlerShowsWhatIsInTheStore(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(_ context.Context, n int) error {
		if n == 0 {
			return errors.New("no")
		}
		return nil
	}, offload.Queue("mail"))
	app := offloadtest.New(task, offload.Schedule{Every: time.Hour, Call: task.Call(1)})
	defer app.Close()
	h := prometheus.Handler(app.App)
	want(t, page(t, h), "offload_up 1", `offload_schedule_overdue_seconds{schedule="t"} 0`,
		`offload_jobs_enqueued_total{queue="mail",task="t"} 0`,
		`offload_attempts_total{queue="mail",task="t",outcome="discarded"} 0`,
	)

	if _, err := task.EnqueueMany(t.Context(), app, []int{0, 1, 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := task.Enqueue(t.Context(), app, 1, offload.Queue("later"), offload.Delay(time.Hour)); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	h = prometheus.Handler(app.App) // which has read nothing yet
	want(t, page(t, h),
		`offload_queue_jobs{queue="mail",state="retryable"} 1`,
		`offload_queue_jobs{queue="later",state="scheduled"} 1`,
		`offload_queue_oldest_wait_seconds{queue="mail"} 0`,
		`offload_queue_workers{queue="mail"} 0`,
		`offload_attempts_total{queue="mail",task="t",outcome="completed"} 2`,
		`offload_attempts_total{queue="mail",task="t",outcome="retry"} 1`,
		`offload_wait_seconds_bucket{queue="mail",task="t",le="+Inf"} 3`,
		`offload_run_seconds_count{queue="mail",task="t"} 3`,
		`offload_processes{state="working"} 0`,
	)
}

func TestHandlerOfAClosedAppSaysSo(t *testing.T) {
	t.Parallel()
	app := offloadtest.New()
	if err := app.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, page(t, prometheus.Handler(app.App)), "offload_up 0")
}

func TestHandlerRefusesWhatIsNoRead(t *testing.T) {
	t.Parallel()
	app := offloadtest.New()
	defer app.Close()
	w := httptest.NewRecorder()
	prometheus.Handler(app.App).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/metrics", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
}
