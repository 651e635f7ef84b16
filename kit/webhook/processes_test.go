package webhook_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/webhook"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/record"
)

// processes are two with the same database: what one has just read of the endpoints the other changes.
func processes(t *testing.T) (app, other *offloadtest.App, h, others *webhook.Hooks) {
	t.Helper()
	address := filepath.Join(t.TempDir(), "offload.db")
	open := func() (*offloadtest.App, *webhook.Hooks) {
		kit := local()
		app := offloadtest.Open(t, address, kit, offload.LogTo(slog.New(slog.DiscardHandler)))
		return app, kit.For(app.App)
	}
	app, h = open()
	other, others = open()
	return app, other, h, others
}

// An endpoint that was added in one process is no removed one in another that looked a moment before.
func TestEndpointOfAnotherProcessIsKnown(t *testing.T) {
	app, worker, h, workers := processes(t)
	s := subscribe(t, nil)
	publish(t, workers, worker, webhook.Event{}) // there is none, it finds
	add(t, h, webhook.Endpoint{URL: s.URL})
	job := publish(t, h, app, webhook.Event{})[0]
	worker.Drain()
	if job := state(t, app, job.ID); job.State != offload.Completed {
		t.Errorf("%s: %s; want it delivered", job.State, job.Error)
	}
}

// Who enables an endpoint and sends again means it, also where another process saw it disabled a moment before.
func TestEnabledInAnotherProcess(t *testing.T) {
	app, worker, h, workers := processes(t)
	s := subscribe(t, nil)
	e := add(t, h, webhook.Endpoint{URL: s.URL})
	job := publish(t, h, app, webhook.Event{})[0]
	if err := h.Disable(t.Context(), e.ID, ""); err != nil {
		t.Fatal(err)
	}
	worker.Drain()
	if job := state(t, app, job.ID); job.State != offload.Cancelled {
		t.Fatalf("%+v; want it cancelled", job)
	}
	publish(t, workers, worker, webhook.Event{}) // it has looked just now
	if err := h.Enable(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	again, err := h.SendAgain(t.Context(), job.ID)
	if err != nil {
		t.Fatal(err)
	}
	worker.Drain()
	if job := state(t, app, again.ID); job.State != offload.Completed {
		t.Errorf("%s: %s; want it delivered", job.State, job.Error)
	}
}

// A notice that could not be told is told again, and does not undo what a person has done meanwhile.
func TestEnabledBeforeTheNoticeWasTold(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		told := 0
		app, h := newApp(t, local(webhook.OnDisabled(func(context.Context, webhook.Endpoint) error {
			told++
			return errors.New("mail server is down")
		})))
		s := subscribe(t, status(http.StatusGone))
		e := add(t, h, webhook.Endpoint{URL: s.URL})
		publish(t, h, app, webhook.Event{})
		app.Drain()
		if e, err := h.Get(t.Context(), e.ID); err != nil || e.Disabled == "" || told != 1 {
			t.Fatalf("%+v, %v, told %d times; want it disabled, and told once", e, err, told)
		}
		if err := h.Enable(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		app.Advance(time.Hour)
		app.Drain()
		if e, err := h.Get(t.Context(), e.ID); err != nil || e.Disabled != "" || told != 1 {
			t.Errorf("%+v, %v, told %d times; want it enabled, and nothing more told", e, err, told)
		}
		// What it does from now on counts.
		publish(t, h, app, webhook.Event{})
		app.Drain()
		if e, err := h.Get(t.Context(), e.ID); err != nil || e.Disabled == "" || told != 2 {
			t.Errorf("%+v, %v, told %d times; want it disabled again", e, err, told)
		}
	})
}

// What was noted of an endpoint goes with it, and at some time by itself.
func TestFailuresAreForgotten(t *testing.T) {
	app, h := newApp(t, local())
	noted := record.Of[map[string]any](app.App, "webhook.failing")
	count := func(want int, when string) {
		t.Helper()
		if all, err := noted.List(t.Context(), ""); err != nil || len(all) != want {
			t.Errorf("%s %d records are there, %v; want %d", when, len(all), err, want)
		}
	}
	s := subscribe(t, nil)
	e := add(t, h, webhook.Endpoint{URL: s.URL})
	s.say(func(w http.ResponseWriter, _ *http.Request) {
		if err := h.Remove(t.Context(), e.ID); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	publish(t, h, app, webhook.Event{})
	app.Drain()
	count(0, "after its removal while a delivery was under way")

	s.say(status(http.StatusInternalServerError))
	add(t, h, webhook.Endpoint{URL: s.URL})
	job := publish(t, h, app, webhook.Event{})[0]
	app.Drain()
	count(1, "after a failure")
	if err := app.Cancel(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	app.Advance(60 * 24 * time.Hour)
	count(0, "60 days later")
}
