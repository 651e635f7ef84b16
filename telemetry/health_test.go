package telemetry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
	"github.com/offloadhq/offload/telemetry"
)

var quiet = offload.LogTo(slog.New(slog.DiscardHandler))

// A faulty store is one that is away, whose schema is another, or whose beats hang.
type faulty struct {
	store.Store
	away, other, hang atomic.Bool
	goOn              chan struct{}
}

func (f *faulty) Ready(ctx context.Context) error {
	switch {
	case f.away.Load():
		return fmt.Errorf("%w: postgres://secret", store.ErrUnavailable)
	case f.other.Load():
		return fmt.Errorf("%w is at version 1", store.ErrSchema)
	}
	return f.Store.Ready(ctx)
}

func (f *faulty) Beat(ctx context.Context, p store.Process) (store.Beats, error) {
	if f.hang.Load() {
		<-f.goOn // whatever ctx says
	}
	if f.away.Load() {
		return store.Beats{}, store.ErrUnavailable
	}
	return f.Store.Beat(ctx, p)
}

func (f *faulty) Look(ctx context.Context, process store.ID) (store.View, error) {
	if f.away.Load() {
		return store.View{}, store.ErrUnavailable
	}
	return f.Store.Look(ctx, process)
}

// An answer is what a health handler says.
type answer struct {
	Code   int
	Status string
	Works  bool
	Beat   *float64
	Detail string
}

func ask(t *testing.T, h http.Handler) (a answer) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%v: %q", err, w.Body)
	}
	if strings.Contains(w.Body.String(), "secret") {
		t.Errorf("the answer tells of the address: %s", w.Body)
	}
	a.Code = w.Code
	return a
}

func TestHealthOfAProcessThatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &faulty{Store: memory.New(), goOn: make(chan struct{})}
		busy := make(chan struct{})
		task := offload.NewTask("t", func(context.Context, int) error { <-busy; return nil })
		app, err := offload.New(t.Context(), s, task, quiet, offload.Grace(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		live, ready := telemetry.Live(app), telemetry.Ready(app)
		want := func(when string, h http.Handler, code int, status string, works bool) {
			t.Helper()
			if got := ask(t, h); got.Code != code || got.Status != status || got.Works != works || (got.Beat != nil) != works {
				t.Errorf("%s: %+v; want %d %q, works %v", when, got, code, status, works)
			}
		}
		want("before Run", live, 200, "ok", false)
		want("before Run", ready, 200, "ok", false)

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- app.Run(ctx) }()
		if _, err := task.Enqueue(t.Context(), app, 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		want("running", live, 200, "ok", true)
		want("running", ready, 200, "ok", true)

		s.other.Store(true)
		want("another schema", ready, 503, "schema", true)
		want("another schema", live, 200, "ok", true)
		s.other.Store(false)

		s.away.Store(true)
		time.Sleep(10 * time.Minute)
		want("the store is away", live, 200, "ok", true)
		want("the store is away", ready, 503, "store away", true)
		s.away.Store(false)
		time.Sleep(10 * time.Second)
		want("the store is back", ready, 200, "ok", true)

		s.hang.Store(true)
		time.Sleep(20 * time.Second)
		want("no beat for some seconds", live, 200, "ok", true)
		want("no beat for some seconds", ready, 503, "cut off", true)
		time.Sleep(20 * time.Second)
		want("the heart stands still", live, 503, "stands still", true)
		s.hang.Store(false)
		close(s.goOn)
		time.Sleep(10 * time.Second)
		want("the heart goes on", live, 200, "ok", true)

		cancel()
		time.Sleep(time.Second)
		want("stopping", live, 200, "ok", true)
		want("stopping", ready, 503, "stopping", true)
		close(busy)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want("after Run", ready, 200, "ok", false)
		if err := app.Close(); err != nil {
			t.Error(err)
		}
		want("closed", live, 503, "closed", false)
		want("closed", ready, 503, "closed", false)
	})
}

func TestHealthIsReadOnly(t *testing.T) {
	for _, h := range []http.Handler{telemetry.Live(nil), telemetry.Ready(nil)} {
		if got := ask(t, h); got.Code != 503 {
			t.Errorf("without an app: %+v", got)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST: %d", w.Code)
		}
	}
}
