package offload_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// acted runs an act and returns what it says of keys.
func acted(t *testing.T, app *offload.App, act *offload.Job, err error) (count operate.KeyCount) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	drained(t, app)
	done := read(t, app, act.ID)
	if done.State != offload.Completed || json.Unmarshal(done.Result, &count) != nil {
		t.Fatalf("the act is %+v with %s", done, done.Result)
	}
	return count
}

// After all was encrypted anew the old key can go: waiting, failed and completed jobs, what they
// have kept and logged, and schedules set at run time.
func TestAllIsEncryptedAnewWithTheCurrentKey(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		ctx, all := t.Context(), offload.Filter{All: true}
		task := offload.NewFunc("charge", func(ctx context.Context, c charge) (string, error) {
			kept, err := offload.Resume[string](ctx)
			if err != nil {
				return "", err
			}
			if kept == "" && c.Tenant == "fails" {
				offload.Logger(ctx).Info("keeping "+c.Card, "card", c.Card)
				return "", errors.Join(offload.Checkpoint(ctx, c.Card), offload.Discard(errors.New("no")))
			}
			return c.Card + kept, nil
		}, offload.Encrypt(), offload.Unique{By: "tenant", OnConflict: offload.ConflictReplace})
		before := open(t, address, task, keysOf("k1"))
		completed := enqueue(t, before, task.Task, charge{canary + strings.Repeat("x", 5000), "large"})
		failed := enqueue(t, before, task.Task, charge{canary, "fails"})
		drained(t, before)
		waits := enqueue(t, before, task.Task, charge{canary, "waits"})
		plain := enqueue(t, before, noop, 1)
		if err := before.SetSchedule(ctx, offload.Schedule{Name: "s", Cron: "@yearly", Call: task.Call(charge{canary, "s"})}); err != nil {
			t.Fatal(err)
		}

		both := open(t, address, keysOf("k2", "k1"))
		ada := operate.As(both, "ada")
		act, err := ada.CountKeys(ctx, all)
		want := map[string]int{"k1": 8} // 3 inputs, a result, a memo, a line with attributes, a schedule
		if c := acted(t, both, act, err); !maps.Equal(c.Keys, want) || c.Jobs != 4 || c.Changed != 0 {
			t.Errorf("CountKeys: %+v, want %v", c, want)
		}
		act, err = ada.ReencryptAll(ctx, all)
		want = map[string]int{"k2": 8}
		if c := acted(t, both, act, err); !maps.Equal(c.Keys, want) || c.Changed != 8 || c.Lacking != 0 {
			t.Errorf("ReencryptAll: %+v, want %v", c, want)
		}
		act, err = ada.ReencryptAll(ctx, all)
		if c := acted(t, both, act, err); c.Changed != 0 {
			t.Errorf("ReencryptAll again: %+v, want nothing changed", c)
		}

		after := open(t, address, task, noop, keysOf("k2"))
		if out, err := task.Wait(ctx, after, completed); err != nil || !strings.HasPrefix(out, canary) {
			t.Errorf("Wait = %.40s, %v", out, err)
		}
		if l := logOf(t, after, failed); len(l) != 1 || l[0].Text != "keeping "+canary || string(l[0].Attrs) != `{"card":"`+canary+`"}` {
			t.Errorf("the log is %v", l)
		}
		if err := after.Retry(ctx, failed); err != nil {
			t.Fatal(err)
		}
		drained(t, after)
		for _, id := range []offload.ID{failed, waits, plain} {
			if j := read(t, after, id); j.State != offload.Completed {
				t.Errorf("with the new key alone a job is %+v", j)
			}
		}
		if out, err := task.Wait(ctx, after, failed); out != canary+canary || err != nil {
			t.Errorf("what was kept before is read as %q, %v", out, err)
		}
		s, err := operate.As(after, "ada").Schedules(ctx, "s")
		if err != nil || string(s[0].Call.Input()) != `{"card":"`+canary+`","tenant":"s"}` {
			t.Errorf("the schedule is %+v, %v", s, err)
		}
	})
}

// A process without the key leaves the work to one that has it, and what can't be read is counted.
func TestReencryptionIsDoneByWhoHasTheKey(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		ctx := t.Context()
		task := offload.NewTask("charge", nothing[charge], offload.Encrypt())
		old := open(t, address, task, keysOf("k1"))
		id := enqueue(t, old, task, charge{Card: canary})
		act, err := operate.As(open(t, address, keysOf("k2")), "ada").ReencryptAll(ctx, offload.Filter{IDs: []offload.ID{id}})
		if err != nil {
			t.Fatal(err)
		}
		blind := open(t, address)
		drained(t, blind)
		if j := read(t, blind, act.ID); j.State != offload.Blocked {
			t.Errorf("without keys the act is %+v; want it to wait", j)
		}
		wantReason(t, blind, act.ID, offload.WhyUnknownKey, "key")
		lacking := open(t, address, keysOf("k2"))
		if c := acted(t, lacking, act, nil); c.Lacking != 1 || c.Keys["k1"] != 1 || c.Changed != 0 {
			t.Errorf("ReencryptAll without the old key: %+v", c)
		}
		drained(t, old)
		if j := read(t, old, id); j.State != offload.Completed {
			t.Errorf("the job is %+v", j)
		}
	})
}

// An edit encrypts anew, and gives a job whose key is lost a new life.
func TestEditsOfEncryptedJobs(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		ctx := t.Context()
		var ran []string
		task := offload.NewTask("charge", func(_ context.Context, c charge) error { ran = append(ran, c.Card); return nil }, offload.Encrypt())
		lost := open(t, address, task, keysOf("k1"))
		id := enqueue(t, lost, task, charge{Card: "lost"})
		app := open(t, address, task, keysOf("k2"))
		drained(t, app)
		if err := operate.As(app, "ada").Edit(ctx, id, operate.Edit{Input: json.RawMessage(`{"card":"` + canary + `"}`)}); err != nil {
			t.Fatal(err)
		}
		if text := raw(t, app, id); strings.Contains(text, canary) || !strings.Contains(text, ".k2.") {
			t.Errorf("the store has %s", text)
		}
		if drained(t, app); len(ran) != 1 || ran[0] != canary {
			t.Errorf("ran %v", ran)
		}
		blind := open(t, address)
		other := enqueue(t, app, task, charge{Card: "other"})
		if err := operate.As(blind, "ada").Edit(ctx, other, operate.Edit{Input: json.RawMessage(`{"card":"x"}`)}); !errors.Is(err, offload.ErrUnknownKey) {
			t.Errorf("Edit without keys: %v, want ErrUnknownKey", err)
		}
	})
}
