package offload_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// A job that fails or snoozes is still the one that the newer input waits behind: else its old input
// would be seen last.
func TestUniqueBehindAJobThatIsTriedAgain(t *testing.T) {
	var ran []string
	fate := map[string]error{}
	push := offload.NewTask("push", func(_ context.Context, in crm) error {
		ran = append(ran, in.Note)
		return fate[in.Note]
	}, offload.Unique{By: "tenant", OnConflict: offload.ConflictBehind})
	for name, again := range map[string]error{"fails": errors.New("away"), "snoozes": offload.Snooze(time.Hour)} {
		app := offloadtest.New(push)
		ran, fate = nil, map[string]error{"1": again}
		first := enqueued(t, app, push, crm{"acme", 7, "1"}, false)
		app.Drain()
		second := enqueued(t, app, push, crm{"acme", 7, "2"}, false)
		enqueued(t, app, push, crm{"acme", 7, "3"}, true)
		if n := app.Drain().Completed; n != 0 {
			t.Errorf("%s: %q ran while it waits to be tried again", name, ran)
		}
		why, err := app.Why(t.Context(), second.ID)
		if err != nil || why.Code != offload.WhyBehind || !slices.Equal(why.By, []offload.ID{first.ID}) {
			t.Errorf("%s: why the second waits: %+v, %v; want behind job %s", name, why, err, first.ID)
		}
		fate = nil
		app.Advance(2 * time.Hour)
		app.Drain()
		if !slices.Equal(ran, []string{"1", "1", "3"}) {
			t.Errorf("%s: ran %q; want the first again and then the newest", name, ran)
		}
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestUniqueBehindAJobThatIsDiscarded(t *testing.T) {
	push := offload.NewTask("push", func(_ context.Context, in crm) error {
		if in.Note == "bad" {
			return errors.New("away")
		}
		return nil
	}, offload.Unique{By: "tenant", OnConflict: offload.ConflictBehind}, offload.MaxAttempts(2))
	app := offloadtest.New(push)
	defer app.Close()
	enqueued(t, app, push, crm{"acme", 7, "bad"}, false)
	app.Drain()
	enqueued(t, app, push, crm{"acme", 7, "good"}, false)
	app.Advance(time.Hour)
	if got := app.Drain(); got.Discarded != 1 || got.Completed != 1 {
		t.Errorf("%+v; want one discarded, and the one behind it run", got)
	}
}
