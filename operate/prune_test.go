package operate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func TestPruneRemovesWhatHasHadItsTime(t *testing.T) {
	app := discarded(t, 2500) // more than two calls' worth
	ada := operate.As(app.App, "ada")
	if n, err := ada.Prune(t.Context()); n != 0 || err != nil {
		t.Errorf("before their time: %d, %v", n, err)
	}
	app.Advance(31 * 24 * time.Hour)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := ada.Prune(ended); !errors.Is(err, context.Canceled) || n > 1000 {
		t.Errorf("with a context that has ended: %d, %v", n, err)
	}
	left := count(t, app, offload.Discarded)
	if n, err := ada.Prune(t.Context()); n != left || err != nil || count(t, app, offload.Discarded) != 0 {
		t.Errorf("after: %d of %d, %v", n, left, err)
	}
	acts, err := ada.Acts(t.Context(), app.Now().Add(-time.Hour))
	if err != nil || len(acts) != 1 || acts[0].Who != "ada" || acts[0].What != "prune" || acts[0].Jobs != left {
		t.Errorf("Acts = %+v, %v", acts, err)
	}
	if _, err := operate.As(app.App, "").Prune(t.Context()); err == nil {
		t.Error("nobody has pruned")
	}
}
