package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

func TestOnePoisonedResultHoldsUpNobody(t *testing.T) {
	var poisoned store.ID
	inBubble(t, map[string]handler{"t": lasting(time.Second)}, func(r *rig) {
		ids := r.insert("t", 10, nil)
		poisoned = ids[4]
		r.store.set(func() {
			r.store.bad = func(e store.Ended) error {
				if e.ID == poisoned && e.Outcome == store.OutcomeCompleted {
					return errBad
				}
				return nil
			}
		})
		after(1100 * time.Millisecond)
		r.want(store.Completed, slices.Delete(slices.Clone(ids), 4, 5)...)
		after(time.Minute)
		r.want(store.Discarded, poisoned)
		f := r.failures(poisoned)
		if len(f) != 3 || f[0].Kind != "refused" || f[0].Error != "the end of the attempt (completed) could not be stored: refused" {
			t.Errorf("failures are %+v", f)
		}
	})
}

func TestARowThatIsRefusedInAnyShapeIsTriedAgain(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		after(time.Second)
		bad := true
		r.store.set(func() {
			r.store.bad = func(store.Ended) error {
				if bad {
					return errBad
				}
				return nil
			}
		})
		ids := r.insert("t", 500, nil)
		after(30 * time.Second)
		r.want(store.Running, ids[:10]...)
		if n := r.store.count("Finish"); n > 2000 {
			t.Errorf("%d calls of Finish in 30 s, all refused", n)
		}
		if n := r.log.lines(); n > 10 {
			t.Errorf("%d lines were logged", n)
		}
		r.store.set(func() { bad = false })
		after(2 * time.Minute)
		r.want(store.Completed, ids...)
	})
}

func TestResultsThatAreRefusedUntilTheEndAreGivenBack(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		r.store.set(func() { r.store.bad = func(store.Ended) error { return errBad } })
		ids := r.insert("t", 5, nil)
		after(10 * time.Second)
		r.stop()
		r.want(store.Available, ids...)
	})
}

func TestAFinishWhoseAnswerIsLostIsMadeAgain(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(time.Second)}, func(r *rig) {
		r.store.set(func() { r.store.lose["Finish"] = 3 })
		ids := r.insert("t", 10, nil)
		after(10 * time.Second)
		r.want(store.Completed, ids...)
		if r.log.count("results were refused") > 0 {
			t.Error("the same finish again was taken for a lost lease")
		}
	})
}

func TestFinishesGatherWhileOneIsUnderWay(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		after(time.Second)
		r.store.set(func() {
			r.store.meets = func(_ context.Context, verb string) (before, after error) {
				if verb == "Finish" {
					time.Sleep(time.Second) // a slow one: all that is due is run meanwhile
				}
				return nil, nil
			}
		})
		one := r.insert("t", 1, nil)
		synctest.Wait() // its end is being written
		ids := r.insert("t", 500, nil)
		after(3 * time.Second)
		r.want(store.Completed, append(ids, one...)...)
		r.store.set(func() {
			if want := []int{1, 500}; !slices.Equal(r.store.rows, want) {
				t.Errorf("finishes had rows %v; want %v", r.store.rows, want)
			}
		})
	})
}

func TestAnAttemptWithATransactionIsFinishedAlone(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		r.store.set(func() { r.store.away["Finish"] = true })
		inTx := r.insert("tx", 3, nil)
		others := r.insert("t", 5, nil)
		after(time.Second)
		r.store.set(func() { r.store.away["Finish"] = false })
		after(10 * time.Second)
		r.want(store.Completed, inTx...) // it was rolled back: the verdict decides
		r.want(store.Completed, others...)
		r.store.set(func() {
			if ones := len(slices.DeleteFunc(slices.Clone(r.store.rows), func(n int) bool { return n != 1 })); ones < 3 {
				t.Errorf("finishes had rows %v; want three alone", r.store.rows)
			}
		})
	}, func(c *Config) {
		c.Tasks["t"] = &Task{Run: func(context.Context, *store.Claimed) Verdict { return Verdict{} }}
		c.Tasks["tx"] = &Task{Run: func(context.Context, *store.Claimed) Verdict { return Verdict{InTx: true} }}
	})
}

func TestResultsOfALostLeaseAreNotTold(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(_ context.Context, job *store.Claimed) error {
		if job.Attempt == 1 {
			time.Sleep(20 * time.Second)
		}
		return nil
	}}, func(r *rig) {
		id := r.insert("t", 1, nil)[0]
		after(time.Second)
		if _, err := r.store.Store.Reap(t.Context(), []store.Beaten{{ID: r.process().ID, Count: -1}}); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		r.want(store.Completed, id)
		completed := 0
		for _, e := range r.events {
			if e.State == store.Completed {
				completed++
				if e.Job.Attempt != 2 {
					t.Errorf("told of %+v", e)
				}
			}
		}
		if completed != 1 || r.log.count("results were refused") != 1 {
			t.Errorf("%d ends were told of", completed)
		}
	})
}
