// Package testpush is what the tests of push and of its services share: an app that sends pushes.
package testpush

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/offloadtest"
)

// New makes an app with a kit.
func New(t *testing.T, opts ...push.Option) *offloadtest.App {
	t.Helper()
	kit, err := push.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { app.Close() })
	return app
}

// Enqueue enqueues a push.
func Enqueue(t *testing.T, app *offloadtest.App, m push.Message) offload.ID {
	t.Helper()
	job, err := push.Send.Enqueue(t.Context(), app, m)
	if err != nil {
		t.Fatal(err)
	}
	return job.ID
}

// WantState wants a job in a state, with an error that says a text and none of the secrets.
func WantState(t *testing.T, app *offloadtest.App, id offload.ID, want offload.State, text string, secrets ...string) *offload.Job {
	t.Helper()
	job, err := app.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if job.State != want || !strings.Contains(job.Error, text) {
		t.Errorf("the job is %s: %s; want %s, saying %q", job.State, job.Error, want, text)
	}
	for _, secret := range secrets {
		if strings.Contains(job.Error, secret) {
			t.Errorf("the job's error says %q: %s", secret, job.Error)
		}
	}
	return job
}
