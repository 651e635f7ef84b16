package offload_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/offloadhq/offload"
)

func TestProgressTellsRateAndTimeLeft(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		said, next := make(chan bool), make(chan bool)
		task := offload.NewTask("t", func(ctx context.Context, in [2]int) error {
			offload.Progress(ctx, in[0], in[1], "rows")
			said <- true
			<-next
			return nil
		})
		app := open(t, address, task)
		begun(t, app)
		for _, test := range []struct {
			name             string
			said             [2]int
			done, total      int
			hasRate, hasLeft bool
		}{
			{"a part", [2]int{50, 200}, 50, 200, true, true},
			{"all", [2]int{200, 200}, 200, 200, true, false},
			{"more than all", [2]int{300, 200}, 300, 200, true, false},
			{"of an unknown total", [2]int{5, 0}, 5, 0, true, false},
			{"below 0", [2]int{-1, -5}, 0, 0, false, false},
			{"nothing yet", [2]int{0, 7}, 0, 7, false, false},
		} {
			job, err := task.Enqueue(t.Context(), app, test.said)
			if err != nil {
				t.Fatal(err)
			}
			<-said
			next <- true
			done, err := app.Wait(t.Context(), job.ID)
			if err != nil || done.Progress == nil {
				t.Fatalf("%s: %+v, %v", test.name, done, err)
			}
			p := done.Progress
			if p.Done != test.done || p.Total != test.total || p.Note != "rows" || p.Rate > 0 != test.hasRate || p.Left > 0 != test.hasLeft {
				t.Errorf("%s: %+v; want %+v", test.name, *p, test)
			}
			if left := float64(p.Total-p.Done) / p.Rate; test.hasLeft && math.Abs(p.Left.Seconds()-left) > 1e-6*left+1e-8 {
				t.Errorf("%s: %v are left; want %v s", test.name, p.Left, left)
			}
			if time.Since(p.At) > time.Hour {
				t.Errorf("%s: said at %v", test.name, p.At)
			}
			if _, err := json.Marshal(p); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	})
}
