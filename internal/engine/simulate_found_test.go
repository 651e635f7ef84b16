package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has what simulations have found, each as a test of its own: a seed means another
// life as soon as the simulation changes.

// An offline task goes on while its process is cut off, but it does not begin then: a large
// input that comes only when the line is back may be that of a job that runs elsewhere.
func TestLargeInputThatComesAfterACutOffIsNotWorked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := 0
		r := newRig(t, misbehave(), map[string]handler{"t": func(context.Context, *store.Claimed) error {
			began++
			return nil
		}}, func(c *Config) { c.Tasks["t"].Offline = true })
		r.store.hang["Inputs"] = true
		r.start()
		r.insert("t", 1, func(_ int, j *store.NewJob) { j.Input = make([]byte, 2*store.InlineInput) })
		after(time.Second)
		r.store.set(func() { r.store.away["Beat"], r.store.away["Claim"] = true, true })
		after(15 * time.Second)

		r.store.set(func() { r.store.hang["Inputs"] = false })
		after(15 * time.Second)

		if began > 0 {
			t.Error("the handler began, though the process could not know whether it has the job")
		}
		r.store.set(func() { clear(r.store.away) })
		after(15 * time.Second)
		if began != 1 {
			t.Errorf("the handler began %d times after the cut, want once", began)
		}
		r.stop()
	})
}

// An input may come in the very moment in which the process learns that it was lost, or has
// become another: too late as well.
func TestAnAttemptBeginsOnlyUnderTheIdentityThatHasClaimedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand(1, func(*runner) {})
		want := func(a *attempt, may bool, when string) {
			t.Helper()
			if h.mayBegin(a) != may {
				t.Errorf("%s an attempt may begin: %v, want %v", when, !may, may)
			}
		}
		first, second := &attempt{process: store.NewID()}, &attempt{process: store.NewID()}
		h.adopt(first.process, time.Now())
		want(first, true, "after a beat")
		h.lose(first.process)
		want(first, false, "once its process was lost")
		h.adopt(second.process, time.Now())
		want(first, false, "once its process has another identity")
		want(second, true, "under the new identity")
		time.Sleep(cutOff)
		want(second, false, "9 s after the last beat")
	})
}
