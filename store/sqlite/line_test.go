package sqlite

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

func TestSpotsCompareAsJobsCome(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []entrant
	for range 500 {
		e := entrant{
			id: store.NewID(), queue: "mail", lane: random.IntN(20), order: random.Int64N(5) - 2,
			limits: []store.Use{{Limit: "crm", Cost: random.IntN(3)}},
		}
		if random.IntN(5) == 0 {
			e.order = []int64{math.MinInt64, math.MaxInt64, 1_700_000_000_000_000, -1}[random.IntN(4)]
		}
		all = append(all, e)
	}
	spots := make([]spot, len(all))
	for i := range all {
		spots[i] = all[i].spot()
	}
	slices.SortFunc(all, func(a, b entrant) int {
		return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.order, b.order), a.id.Compare(b.id))
	})
	slices.Sort(spots)
	for i, s := range spots {
		w := waiterAt("crm\x1f", s, nil)
		if e := all[i]; w.id != e.id || w.lane != e.lane || w.order != e.order || w.queue != e.queue {
			t.Fatalf("spot %d is that of %+v, want %+v", i, w, e)
		}
	}
}

// A line keeps who has gone through for a while. That must not show, whoever comes or goes.
func TestALineForgetsWhoHasGoneThrough(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	must(t, s.PutLimits(ctx, []store.Limit{{Name: "crm", Max: 1}}))
	me, err := joinAs(ctx, s)
	must(t, err)
	limited := func(priority int) store.NewJob {
		n := newJob("mail")
		n.Priority, n.Terms = priority, &store.Terms{Limits: []store.Use{{Limit: "crm"}}}
		return n
	}
	insert := func(jobs ...store.NewJob) {
		t.Helper()
		_, err := s.Insert(ctx, jobs)
		must(t, err)
	}
	var want []store.NewJob // that run, in their order
	run := func(n int) {
		t.Helper()
		for range n {
			claimed, err := s.Claim(ctx, store.ClaimRequest{Process: me, Queue: "mail", Limit: 10})
			must(t, err)
			if len(claimed) != 1 || claimed[0].ID != want[0].ID {
				t.Fatalf("Claim = %d jobs, %+v; want job %s", len(claimed), claimed, want[0].ID)
			}
			want = want[1:]
			_, err = s.Finish(ctx, me, []store.Ended{{Fence: claimed[0].Fence, Outcome: store.OutcomeCompleted, Terms: claimed[0].Terms}})
			must(t, err)
		}
	}
	waiting := func() int {
		t.Helper()
		limits, err := s.Limits(ctx)
		must(t, err)
		if len(limits[0].Keys) == 0 {
			return 0
		}
		return limits[0].Keys[0].Waiting
	}
	for range 3 * linePassed {
		want = append(want, limited(5))
	}
	insert(want...)
	run(linePassed / 2)

	urgent := limited(0) // comes before all who wait, and before those who have gone through
	insert(urgent)
	want = slices.Insert(want, 1, urgent)
	run(linePassed)

	gone := want[1:20]
	ids := make([]store.ID, len(gone))
	for i, n := range gone {
		ids[i] = n.ID
	}
	_, err = s.Act(ctx, store.Act{Verb: store.Cancel, IDs: ids})
	must(t, err)
	want = slices.Delete(want, 1, 20)
	if got := waiting(); got != len(want)-1 {
		t.Errorf("%d wait, want %d", got, len(want)-1)
	}
	run(len(want))

	if got := waiting(); got != 0 {
		t.Errorf("%d wait in the end, want none", got)
	}
	for _, table := range []string{"line", "front", "hold", "blocked", "gate"} {
		var n int
		must(t, s.reader.view(ctx, func(tx *txn) error {
			_, err := one(tx, []any{&n}, "SELECT count(*) FROM offload_"+table)
			return err
		}))
		if n != 0 {
			t.Errorf("offload_%s has %d rows in the end, want none", table, n)
		}
	}
	again := limited(5)
	insert(again)
	want = append(want, again)
	run(1)
}

// A finish of many keys lets the next of each through, though a statement looks at fewer.
func TestAFinishOfManyKeys(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	must(t, s.PutLimits(ctx, []store.Limit{{Name: "crm", Max: 1}}))
	me, err := joinAs(ctx, s)
	must(t, err)
	const keys = 2*admitGates + 1
	for range 2 {
		jobs := someJobs(keys)
		for i := range jobs {
			jobs[i].Terms = &store.Terms{Limits: []store.Use{{Limit: "crm", Key: fmt.Sprint("tenant-", i)}}}
		}
		_, err := s.Insert(ctx, jobs)
		must(t, err)
	}
	for round := range 2 {
		claimed, err := s.Claim(ctx, store.ClaimRequest{Process: me, Queue: "mail", Limit: 2 * keys})
		must(t, err)
		if len(claimed) != keys {
			t.Fatalf("round %d claims %d jobs, want one of each of %d keys", round, len(claimed), keys)
		}
		ended := make([]store.Ended, len(claimed))
		for i, c := range claimed {
			ended[i] = store.Ended{Fence: c.Fence, Outcome: store.OutcomeCompleted, Terms: c.Terms}
		}
		_, err = s.Finish(ctx, me, ended)
		must(t, err)
	}
}

// A job that holds a Strict limit and met a pause waits in the line of its own key, behind others
// that were due before it.
func TestAHolderThatWaitsGoesBeforeItsLine(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	must(t, s.PutLimits(ctx, []store.Limit{{Name: "crm", Max: 1, Strict: true}}))
	me, err := joinAs(ctx, s)
	must(t, err)
	jobs := someJobs(2)
	for i := range jobs {
		jobs[i].Terms = &store.Terms{Limits: []store.Use{{Limit: "crm"}}}
	}
	_, err = s.Insert(ctx, jobs)
	must(t, err)
	claim := func() []store.Claimed {
		t.Helper()
		claimed, err := s.Claim(ctx, store.ClaimRequest{Process: me, Queue: "mail", Limit: 10})
		must(t, err)
		return claimed
	}
	first := claim()
	_, err = s.Finish(ctx, me, []store.Ended{{Fence: first[0].Fence, Outcome: store.OutcomeSnooze, RunIn: time.Second, Terms: first[0].Terms}})
	must(t, err)
	must(t, s.Control(ctx, store.Control{PauseLimit: store.Use{Limit: "crm"}, PauseFor: time.Hour}))
	advance(t, s, time.Minute)
	if got := claim(); len(got) > 0 {
		t.Fatalf("while the key is paused Claim gives %+v", got)
	}
	advance(t, s, time.Hour)
	view, err := s.Look(ctx, me)
	must(t, err)
	if view.Admit.IsZero() || view.Admit.After(view.Now) {
		t.Fatalf("Admit is worth a call at %v, want it now, %v", view.Admit, view.Now)
	}
	_, _, err = s.Admit(ctx, 10)
	must(t, err)
	if got := claim(); len(got) != 1 || got[0].ID != jobs[0].ID {
		t.Errorf("after the pause Claim gives %+v, want job %s, which holds the key", got, jobs[0].ID)
	}
}
