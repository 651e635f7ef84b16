// Package prometheus shows the figures of an app to Prometheus, as a page in its text format:
//
//	http.Handle("GET /metrics", prometheus.Handler(app))
//
// The figures are those of the store: every process shows the same, whoever runs the jobs, and so can one
// that only enqueues. Take max, not sum, over instances. Totals begin with the minute of the
// handler's first page.
// docs/monitoring.md has the table of metrics, a board and alert rules.
//
// The format is written here, in a few hundred lines, so that nothing else is linked; who has a
// registry of client_golang serves this page beside it, or merges both with promhttp's Gatherers.
package prometheus

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/telemetry"
)

// An Option changes what Handler does.
type Option func(*handler)

// DrainWithin sets in what time queues shall be done, for offload_queue_processes_needed: more than 0.
// The default is 10 minutes.
func DrainWithin(d time.Duration) Option { return func(h *handler) { h.within = d } }

// readTimeout is less than the 10 s that Prometheus waits by default.
const readTimeout = 8 * time.Second

// Handler returns the page of an app. While the store does not answer, offload_up is 0, totals
// are those known last, and gauges are missing: the page itself is there.
func Handler(app *offload.App, opts ...Option) http.Handler {
	h := &handler{}
	for _, o := range opts {
		o(h)
	}
	h.collector = telemetry.NewCollector(app, h.within)
	return h
}

type handler struct {
	within    time.Duration
	collector *telemetry.Collector
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET only", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	reading, err := h.collector.Collect(ctx)
	var b bytes.Buffer
	writePage(&b, reading, err == nil)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // who has asked may be gone
}
