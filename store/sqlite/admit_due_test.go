package sqlite

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/offloadhq/offload/store"
)

// Who is let through lies in stretches, among others that stay, or alone. Of each key that has
// room the next goes, and nobody else, however those that end are spread.
func TestLetsThroughTheNextOfEachKey(t *testing.T) {
	for _, turns := range []bool{false, true} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("turns %v, seed %d", turns, seed), func(t *testing.T) {
				letThroughTheNext(t, rand.New(rand.NewPCG(seed, 1)), turns)
			})
		}
	}
}

func letThroughTheNext(t *testing.T, random *rand.Rand, turns bool) {
	s := openTest(t)
	ctx := t.Context()
	must(t, s.PutLimits(ctx, []store.Limit{{Name: "crm", Max: 1}}))
	me, err := joinAs(ctx, s)
	must(t, err)
	const keys = 150
	lines := map[string][]store.ID{}
	for range 3 { // each call has a time of its own
		var jobs []store.NewJob
		for i := range 2 * keys {
			key := fmt.Sprint(i % keys)
			n := newJob([]string{"mail", "mail", "mail", "post"}[random.IntN(4)])
			n.Terms = &store.Terms{Limits: []store.Use{{Limit: "crm", Key: key}}}
			if turns {
				n.Terms.Turn = &store.Turn{Key: fmt.Sprint(i % 10)}
			}
			jobs = append(jobs, n)
			lines[key] = append(lines[key], n.ID)
		}
		_, err := s.Insert(ctx, jobs)
		must(t, err)
	}
	left := 6 * keys
	var running []store.Claimed
	held := map[string]bool{}
	for round := 0; left > 0; round++ {
		for _, queue := range []string{"mail", "post"} {
			claimed, err := s.Claim(ctx, store.ClaimRequest{Process: me, Queue: queue, Limit: 2 * keys})
			must(t, err)
			for i := range claimed {
				key := claimed[i].Terms.Limits[0].Key
				if held[key] {
					t.Fatalf("round %d: two jobs of key %s run", round, key)
				}
				held[key] = true
				if !turns && lines[key][0] != claimed[i].ID {
					t.Fatalf("round %d: job %s of key %s runs before %s", round, claimed[i].ID, key, lines[key][0])
				}
				running = append(running, claimed[i])
			}
		}
		for key, line := range lines {
			if held[key] != (len(line) > 0) {
				t.Fatalf("round %d: a job of key %s runs: %v, and %d have not ended", round, key, held[key], len(line))
			}
		}
		spread := []float64{1, 0.9, 0.6, 0.2}[random.IntN(4)] // of those that run end so many
		from := random.IntN(len(running)/2 + 1)
		var ended []store.Ended
		for i := range running {
			if i >= from && (random.Float64() < spread || len(running) < 10) {
				ended = append(ended, store.Ended{Fence: running[i].Fence, Outcome: store.OutcomeCompleted, Task: running[i].Task, Terms: running[i].Terms})
			}
		}
		_, err := s.Finish(ctx, me, ended)
		must(t, err)
		left -= len(ended)
		running = slices.DeleteFunc(running, func(c store.Claimed) bool {
			over := slices.ContainsFunc(ended, func(e store.Ended) bool { return e.ID == c.ID })
			if key := c.Terms.Limits[0].Key; over {
				held[key] = false
				lines[key] = slices.DeleteFunc(lines[key], func(id store.ID) bool { return id == c.ID })
			}
			return over
		})
	}
	for _, table := range []string{"line", "front", "hold", "blocked", "due", "lease"} {
		var n int
		must(t, s.reader.view(ctx, func(tx *txn) error {
			_, err := one(tx, []any{&n}, "SELECT count(*) FROM offload_"+table)
			return err
		}))
		if n != 0 {
			t.Errorf("offload_%s has %d rows in the end, want none", table, n)
		}
	}
}
