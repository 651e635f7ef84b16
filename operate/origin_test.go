package operate_test

import (
	"context"
	"errors"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

// What waits in flows goes with all else that waits: nothing is let go by what is cancelled, and no batch stays open.
func TestDiscardWaitingLeavesNothingOfFlows(t *testing.T) {
	ran := 0
	step := offload.NewTask("step", func(_ context.Context, name string) error {
		ran++
		if name == "bad" {
			return offload.Discard(errors.New("jammed"))
		}
		return nil
	})
	app := offloadtest.New(step)
	defer app.Close()
	ada := operate.As(app.App, "ada")
	if err := ada.PauseQueue(t.Context(), "later"); err != nil {
		t.Fatal(err)
	}
	later := offload.Queue("later")
	bad, batch := step.Call("bad"), offload.Batch(step.Call("one"), step.Call("two", later))
	nested := offload.Batch(batch, step.Call("three", later))
	_, err := app.Enqueue(t.Context(), nested, bad,
		offload.Chain(step.Call("a"), step.Call("b", later), step.Call("c")),
		step.Call("all", offload.After(nested)), step.Call("any", offload.AfterEnd(nested)), step.Call("failed", offload.AfterFailure(batch)),
		step.Call("held", offload.AfterHold(bad)), step.Call("cut", offload.After(bad)))
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if ran != 3 {
		t.Fatalf("%d jobs were run, want 3", ran)
	}
	s, err := inside.Store(app.App)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetMove(t.Context(), store.Move{ID: store.NewID(), From: "there", To: "here"}); err != nil {
		t.Fatal(err)
	}

	n, err := ada.DiscardWaiting(t.Context())
	if err != nil || n < 8 {
		t.Errorf("DiscardWaiting = %d, %v; want the eight jobs that wait, at least", n, err)
	}
	if adopted, err := ada.Adopt(t.Context()); err != nil || !adopted {
		t.Fatalf("Adopt = %v, %v", adopted, err)
	}
	if err := ada.ResumeQueue(t.Context(), "later"); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if ran != 3 {
		t.Errorf("%d jobs were run in the end, want none of those that waited", ran-3)
	}
	for _, f := range []offload.Filter{{}, {Queues: []string{store.SystemQueue}}} {
		jobs, err := app.Jobs(t.Context(), f)
		if err != nil || len(jobs) == 0 {
			t.Fatalf("Jobs(%+v) = %v, %v", f, jobs, err)
		}
		for _, j := range jobs {
			if !j.State.Ended() {
				t.Errorf("job %s of task %s is %s %s, want it ended", j.ID, j.Task, j.State, j.Waits)
			}
		}
	}
}
