package offload_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store/memory"
)

// What a kit says beside jobs is to be found where the app's own words are.
func TestLoggerBesideIsTheAppsOwn(t *testing.T) {
	var said strings.Builder
	app, err := offload.New(t.Context(), memory.New(), offload.LogTo(slog.New(slog.NewTextHandler(&said, nil))),
		offload.Beside(func(ctx context.Context) { offload.Logger(ctx).WarnContext(ctx, "beside jobs") }))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := app.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := app.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "beside jobs") {
		t.Errorf("the app's logger has %q", said.String())
	}
}

func TestBesideGoesOnUntilTheLastHandlerHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled, ended time.Time
		slow := offload.NewTask("slow", func(context.Context, int) error { time.Sleep(10 * time.Second); handled = time.Now(); return nil })
		app, err := offload.New(t.Context(), memory.New(), slow,
			offload.Beside(func(ctx context.Context) {
				if offload.AppOf(ctx) == nil {
					t.Error("the context has no app")
				}
				<-ctx.Done()
				ended = time.Now()
			}),
			offload.Beside(func(context.Context) { panic("boom") }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := slow.Enqueue(t.Context(), app, 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := app.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if handled.IsZero() || ended.Before(handled) {
			t.Errorf("what goes on beside ended at %v, the handler at %v", ended, handled)
		}
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := offload.New(t.Context(), memory.New(), offload.Beside(nil)); err == nil {
		t.Error("Beside(nil) was taken")
	}
}
