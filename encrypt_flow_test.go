package offload_test

import (
	"context"
	"slices"
	"testing"

	"github.com/offloadhq/offload"
)

// A chain goes on where its keys are: whoever lacks the key of one of its jobs, or that of a result which it
// reads of another, lets it wait, and with it the batch that it is in.
func TestAFlowWaitsForTheKeysItNeeds(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		var ran []string
		fetch := offload.NewFunc("fetch", func(_ context.Context, c charge) (string, error) {
			ran = append(ran, "fetch")
			return c.Card, nil
		}, offload.Encrypt())
		middle := offload.NewFunc("middle", func(ctx context.Context, c charge) (string, error) {
			ran = append(ran, "middle")
			cards, err := fetch.Upstream(ctx)
			if err != nil {
				return "", err
			}
			return c.Card + "+" + cards[0], nil
		}, offload.Encrypt())
		last := offload.NewFunc("last", func(ctx context.Context, _ string) (string, error) {
			cards, err := middle.Upstream(ctx)
			if err != nil {
				return "", err
			}
			ran = append(ran, "last")
			return cards[0], nil
		})
		after := offload.NewTask("after", func(context.Context, string) error { ran = append(ran, "after"); return nil })
		wantRan := func(when string, want ...string) {
			t.Helper()
			if !slices.Equal(ran, want) {
				t.Errorf("%s %q ran, want %q", when, ran, want)
			}
			ran = nil
		}

		old := open(t, address, fetch, middle, last, after, keysOf("k1"))
		first := fetch.Call(charge{Card: canary})
		batch := offload.Batch(first)
		if _, err := old.Enqueue(t.Context(), batch, after.Call("all", offload.After(batch))); err != nil {
			t.Fatal(err)
		}
		fresh := open(t, address, fetch, middle, after, keysOf("k2", "k1")) // does not run the last
		second := enqueue(t, fresh, middle.Task, charge{Card: "7"}, offload.After(first), offload.InBatch(batch.ID()))
		third := enqueue(t, fresh, last.Task, "x", offload.After(second), offload.InBatch(batch.ID()))
		isOpen := func(waits map[offload.ID]string) {
			t.Helper()
			waits[batch.ID()] = "after"
			for id, why := range waits {
				if j := read(t, old, id); j.State != offload.Blocked || j.Waits != why || j.Failures != 0 {
					t.Errorf("job %+v, want it blocked for %q", j, why)
				}
			}
		}

		for range 3 {
			drained(t, old)
		}
		wantRan("without the key of the second", "fetch")
		isOpen(map[offload.ID]string{second: "need", third: "after"})
		wantReason(t, old, second, offload.WhyUnknownKey, `"k2"`)

		drained(t, fresh)
		wantRan("with it", "middle")
		for range 3 {
			drained(t, old)
		}
		wantRan("without the key of what the third reads")
		isOpen(map[offload.ID]string{third: "need"})
		wantReason(t, old, third, offload.WhyUnknownKey, `"k2"`)

		both := open(t, address, fetch, middle, last, after, keysOf("k1", "k2"))
		drained(t, both)
		wantRan("with both", "last", "after")
		if j := read(t, both, third); j.State != offload.Completed || string(j.Result) != `"7+`+canary+`"` {
			t.Errorf("the last job is %+v with the result %s", j, j.Result)
		}
		if j := read(t, both, batch.ID()); j.State != offload.Completed {
			t.Errorf("the batch is %+v", j)
		}
	})
}
