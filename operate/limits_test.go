package operate_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
)

// A visit is the input of a task under a limit of its shop.
type visit struct {
	Shop string `json:"shop"`
	Bad  bool   `json:"bad"`
}

func visits(l offload.Limit) *offload.Task[visit] {
	return offload.NewTask("visit", func(ctx context.Context, in visit) error {
		if in.Bad {
			return offload.Discard(errors.New("the shop is closed"))
		}
		return nil
	}, l)
}

// enqueued enqueues visits of shops and returns their ids.
func enqueued(t *testing.T, app *offloadtest.App, task *offload.Task[visit], in ...visit) []offload.ID {
	t.Helper()
	jobs, err := task.EnqueueMany(t.Context(), app, in)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]offload.ID, len(jobs))
	for i, job := range jobs {
		ids[i] = job.ID
	}
	return ids
}

// limits returns the rows of the limit "shop".
func limits(t *testing.T, o *operate.Operator) []operate.Limit {
	t.Helper()
	found, err := o.Limits(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestLimitsAreListedByKey(t *testing.T) {
	task := visits(offload.Limit{Name: "shop", Max: 1, By: "shop"})
	app := offloadtest.New(task)
	defer app.Close()
	ada := operate.As(app.App, "ada")

	if rows := limits(t, ada); len(rows) != 1 || rows[0].Key != "" || rows[0].Max != 1 || rows[0].Held != 0 || rows[0].Seen.IsZero() {
		t.Errorf("with no job: %+v; want one row, of nothing", rows)
	}
	ids := enqueued(t, app, task, visit{Shop: "north"}, visit{Shop: "south"}, visit{Shop: "south"}, visit{Shop: "south"})
	rows := limits(t, ada)
	if len(rows) != 2 || rows[0].Key != `south` || rows[0].Waiting != 2 || rows[0].Held != 1 || !slices.Equal(rows[0].Holders, ids[1:2]) ||
		rows[1].Key != "north" || rows[1].Waiting != 0 || !slices.Equal(rows[1].Holders, ids[:1]) {
		t.Errorf("with jobs: %+v", rows)
	}
	if _, err := ada.Limits(t.Context(), "shop", "market"); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("a limit that is not there: %v; want ErrNotFound", err)
	}
}

func TestLimitsOfOffloadsOwnAreLeftOut(t *testing.T) {
	app := offloadtest.New(call)
	defer app.Close()
	if _, err := call.Enqueue(t.Context(), app, "up", offload.Unique{OnConflict: offload.ConflictBehind}); err != nil {
		t.Fatal(err)
	}
	if rows, err := operate.As(app.App, "ada").Limits(t.Context()); err != nil || len(rows) != 0 {
		t.Errorf("Limits = %+v, %v; want none", rows, err)
	}
}

func TestSetLimitHoldsUntilReset(t *testing.T) {
	limit := offload.Limit{Name: "shop", Max: 1, By: "shop"}
	task := visits(limit)
	app := offloadtest.New(task)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	enqueued(t, app, task, visit{Shop: "south"}, visit{Shop: "south"}, visit{Shop: "south"})

	if err := ada.SetLimit(t.Context(), "shop", 2); err != nil {
		t.Fatal(err)
	}
	if _, err := app.App.Enqueue(t.Context(), task.Call(visit{Shop: "south"})); err != nil { // which makes the limit known
		t.Fatal(err)
	}
	if rows := limits(t, ada); rows[0].Max != 2 || rows[0].Declared != 1 || !rows[0].ByHand {
		t.Errorf("set to 2: %+v", rows)
	}
	if err := ada.ResetLimit(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if rows := limits(t, ada); rows[0].Max != 1 || rows[0].ByHand {
		t.Errorf("reset: %+v", rows)
	}
	acts, err := ada.Acts(t.Context(), time.Time{})
	if err != nil || len(acts) != 2 || acts[0].Who != "ada" {
		t.Errorf("Acts = %+v, %v; want 2", acts, err)
	}
}

func TestPausedKeyWaits(t *testing.T) {
	task := visits(offload.Limit{Name: "shop", Max: 10, By: "shop"})
	app := offloadtest.New(task)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	if err := ada.PauseLimit(t.Context(), "shop", "south", time.Minute); err != nil {
		t.Fatal(err)
	}
	enqueued(t, app, task, visit{Shop: "north"}, visit{Shop: "south"})
	if got := app.Drain(); got.Completed != 1 {
		t.Errorf("with a paused key: %+v; want the other's completed", got)
	}
	if rows := limits(t, ada); rows[0].Key != "south" || !rows[0].Paused.Equal(app.Now().Add(time.Minute)) {
		t.Errorf("paused: %+v", rows)
	}
	if err := ada.PauseLimit(t.Context(), "shop", "south", 0); err != nil {
		t.Fatal(err)
	}
	if got := app.Drain(); got.Completed != 1 {
		t.Errorf("after the pause: %+v", got)
	}
}

func TestStoppedKeyIsSkipped(t *testing.T) {
	task := visits(offload.Limit{Name: "shop", Max: 1, By: "shop", Strict: true})
	app := offloadtest.New(task)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	ids := enqueued(t, app, task, visit{Shop: "south", Bad: true}, visit{Shop: "south"})
	if got := app.Drain(); got.Discarded != 1 || got.Completed != 0 {
		t.Errorf("Drain = %+v; want the key stopped by its first job", got)
	}
	if rows := limits(t, ada); rows[0].Stopped != ids[0] || rows[0].Waiting != 1 {
		t.Errorf("stopped: %+v", rows)
	}
	var wrong *offload.InputError
	if err := ada.SkipLimit(t.Context(), "shop", "north"); !errors.As(err, &wrong) {
		t.Errorf("skip a key that is not stopped: %v; want an InputError", err)
	}
	if err := ada.SkipLimit(t.Context(), "shop", "south"); err != nil {
		t.Fatal(err)
	}
	if got := app.Drain(); got.Completed != 1 {
		t.Errorf("skipped: %+v", got)
	}
}

func TestActsOnLimitsAreRefusedThatMeanNothing(t *testing.T) {
	strict := visits(offload.Limit{Name: "strict", Max: 1, Strict: true})
	app := offloadtest.New(strict)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	ctx := t.Context()
	if _, err := call.Enqueue(ctx, app, "up", offload.Limit{Name: "rate", Max: 5, Per: 10 * time.Microsecond}); err != nil {
		t.Fatal(err)
	}
	long := string(make([]byte, 257))
	for name, act := range map[string]error{
		"a limit of 0":           ada.SetLimit(ctx, "rate", 0),
		"a limit below 0":        ada.SetLimit(ctx, "rate", -1),
		"a limit without bounds": ada.SetLimit(ctx, "strict", 1_000_001),
		"two at once in order":   ada.SetLimit(ctx, "strict", 2),
		"more than a store can":  ada.SetLimit(ctx, "rate", 11),
		"an odd name":            ada.SetLimit(ctx, "größe", 1),
		"one of offload's own":   ada.SetLimit(ctx, "~behind:call", 2),
		"a negative pause":       ada.PauseLimit(ctx, "rate", "", -time.Second),
		"a long key":             ada.PauseLimit(ctx, "rate", long, time.Second),
		"a key with NUL":         ada.SkipLimit(ctx, "strict", "\x00"),
	} {
		var wrong *offload.InputError
		if !errors.As(act, &wrong) {
			t.Errorf("%s: %v; want an InputError", name, act)
		}
	}
	for name, act := range map[string]error{
		"set":   ada.SetLimit(ctx, "none", 1),
		"reset": ada.ResetLimit(ctx, "none"),
		"pause": ada.PauseLimit(ctx, "none", "", time.Second),
		"skip":  ada.SkipLimit(ctx, "none", ""),
	} {
		if !errors.Is(act, offload.ErrNotFound) {
			t.Errorf("%s a limit that is not there: %v; want ErrNotFound", name, act)
		}
	}
}
