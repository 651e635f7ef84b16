package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
)

// Bounds of health.
const (
	deadAfter    = 30 * time.Second // without a try to beat
	cutOffAfter  = 9 * time.Second  // without a committed beat: then handlers are cancelled
	readyTimeout = 5 * time.Second
)

// A health is what the handlers answer, as JSON.
type health struct {
	Status string   `json:"status"`           // "ok", or what is wrong
	Works  bool     `json:"works"`            // App.Run is under way
	Beat   *float64 `json:"beat,omitempty"`   // seconds since the last beat that was committed
	Detail string   `json:"detail,omitempty"` // of what is wrong
}

// Live returns a handler that answers 200 as long as it makes no sense to kill this process: 503 when
// App.Run is under way and its heart hasn't even tried to beat for 30 s, or the app is closed. While the
// store is away a process is alive: it waits, and a new one could do no more. A process that
// doesn't work jobs is alive as long as it answers.
func Live(app *offload.App) http.Handler {
	return answer(func(context.Context) (h health, ok bool) {
		if _, err := inside.Store(app); err != nil {
			return health{Status: "closed", Detail: err.Error()}, false
		}
		pulse, working := inside.Pulse(app)
		if !working {
			return health{Status: "ok"}, true
		}
		kept := pulse.Kept.Seconds()
		h = health{Status: "ok", Works: true, Beat: &kept}
		if pulse.Tried > deadAfter {
			h.Status, h.Detail = "stands still", "the heart of this process has not tried to beat for "+pulse.Tried.Round(time.Second).String()
			return h, false
		}
		return h, true
	})
}

// Ready returns a handler that answers 200 when this process can enqueue, and work if App.Run is under way:
// the store answers within 5 s, its schema is one this program can work, the process beats and is
// not stopping. Otherwise it answers 503, and says which.
func Ready(app *offload.App) http.Handler {
	return answer(func(ctx context.Context) (h health, ok bool) {
		h = health{Status: "ok"}
		s, err := inside.Store(app)
		if err != nil {
			return health{Status: "closed", Detail: err.Error()}, false
		}
		pulse, working := inside.Pulse(app)
		if working {
			kept := pulse.Kept.Seconds()
			h.Works, h.Beat = true, &kept
		}
		if working && pulse.Stopping {
			h.Status = "stopping"
			return h, false
		}
		ctx, cancel := context.WithTimeout(ctx, readyTimeout)
		defer cancel()
		if err := s.Ready(ctx); err != nil {
			h.Status, h.Detail = "store away", "the store does not answer; the log of this process says why"
			if errors.Is(err, offload.ErrSchema) {
				h.Status, h.Detail = "schema", err.Error()
			}
			return h, false
		}
		if working && pulse.Kept > cutOffAfter {
			h.Status, h.Detail = "cut off", "no beat could be committed for "+pulse.Kept.Round(time.Second).String()
			return h, false
		}
		return h, true
	})
}

// answer makes a handler of a check.
func answer(check func(context.Context) (h health, ok bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "GET only", http.StatusMethodNotAllowed)
			return
		}
		h, ok := check(r.Context())
		body, err := json.Marshal(h)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !ok {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write(append(body, '\n')) // who has asked may be gone
	})
}
