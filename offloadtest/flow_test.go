package offloadtest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// A drain runs flows to their end, with the jobs that come after others.
func TestDrainRunsWhatComesAfter(t *testing.T) {
	t.Parallel()
	ran := 0
	pack := offload.NewTask("pack", func(_ context.Context, o order) error {
		ran++
		return nil
	})
	app := offloadtest.New(pack)
	defer app.Close()
	var items []*offload.Call
	for i := range 5 {
		items = append(items, pack.Call(order{ID: int64(i)}))
	}
	chain := offload.Chain(offload.Batch(items...), pack.Call(order{ID: 6}), pack.Call(order{ID: 7}))
	if _, err := app.Enqueue(t.Context(), chain); err != nil {
		t.Fatal(err)
	}
	if got := app.Drain(); got != (offloadtest.Count{Completed: 7}) || ran != 7 {
		t.Errorf("%+v, %d ran; want 7", got, ran)
	}
}

func TestWantAfterShowsWhatIsThereInstead(t *testing.T) {
	t.Parallel()
	app := offloadtest.New(confirm)
	defer app.Close()
	a, b := confirm.Call(order{ID: 1}), confirm.Call(order{ID: 2})
	c := confirm.Call(order{ID: 3}, offload.After(a), offload.AfterEnd(a, b))
	if _, err := app.Enqueue(t.Context(), a, b, c); err != nil {
		t.Fatal(err)
	}
	offloadtest.WantAfter(t, app, c.ID(), b.ID(), a.ID())
	offloadtest.WantAfter(t, app, a.ID())

	fake := &recorder{TB: t}
	offloadtest.WantAfter(fake, app, c.ID(), a.ID(), c.ID())
	if len(fake.failures) != 1 || !strings.Contains(fake.failures[0], `not after job `+c.ID().String()) || !strings.Contains(fake.failures[0], `; it is after job `+b.ID().String()) {
		t.Errorf("other jobs: %q", fake.failures)
	}
	fake.failures = nil
	offloadtest.WantAfter(fake, app, offload.NewID())
	if len(fake.failures) != 1 || !strings.Contains(fake.failures[0], "not found") {
		t.Errorf("no such job: %q", fake.failures)
	}
}
