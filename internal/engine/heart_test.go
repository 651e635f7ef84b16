package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

func TestAnOutageOfAMinuteLosesNothing(t *testing.T) {
	var mu sync.Mutex
	starts := map[store.ID]int{}
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		mu.Lock()
		starts[job.ID]++
		mu.Unlock()
		return lasting(5*time.Second)(ctx, job)
	}}, func(r *rig) {
		ids := r.insert("t", 30, nil)
		after(3 * time.Second)
		r.store.set(func() { r.store.away[""] = true })
		lines := r.log.lines()
		after(time.Minute)
		if said := r.log.lines() - lines; said > 12 {
			t.Errorf("%d lines were logged in a minute of outage", said)
		}
		r.store.set(func() { r.store.away[""] = false })
		after(time.Minute)
		r.want(store.Completed, ids...)
		for id, n := range starts {
			if n != 1 {
				t.Errorf("job %v was started %d times", id, n)
			}
		}
		if f := r.failures(ids[0]); len(f) > 0 {
			t.Errorf("the outage is counted as failures: %+v", f)
		}
	})
}

func TestHeartCancelsBeforeTheLeaseCanEnd(t *testing.T) {
	causes := make(chan error, 1)
	var ended time.Time
	inBubble(t, map[string]handler{
		"plain": func(ctx context.Context, _ *store.Claimed) error {
			<-ctx.Done()
			ended = time.Now()
			causes <- context.Cause(ctx)
			return ctx.Err()
		},
		"offline": lasting(time.Minute),
	}, func(r *rig) {
		plain, offline := r.insert("plain", 1, nil), r.insert("offline", 1, nil)
		after(30 * time.Second)
		r.store.set(func() { r.store.away["Beat"] = true })
		began := time.Now()
		after(20 * time.Second)
		if cause := <-causes; cause != store.ErrLeaseLost {
			t.Errorf("cause is %v", cause)
		}
		if d := ended.Sub(began); d > cutOff || d < cutOff-store.BeatEvery-time.Second {
			t.Errorf("the handler was cancelled after %v", d)
		}
		if j := r.job(plain[0]); j.State != store.Available || j.Failures != 0 {
			t.Errorf("the job that was cancelled is %+v; want it given back, without a failure", j)
		}
		r.want(store.Running, offline...)
		r.store.set(func() { r.store.away["Beat"] = false })
		after(20 * time.Second)
		r.want(store.Completed, offline...)
		r.want(store.Running, plain...) // again
		if p := r.process(); p.Lost {
			t.Errorf("process is %+v", p)
		}
	}, func(c *Config) { c.Tasks["offline"].Offline = true })
}

func TestHangingBeatsAreNoBeats(t *testing.T) {
	inBubble(t, map[string]handler{"t": obedient}, func(r *rig) {
		r.insert("t", 1, nil)
		for n := r.store.count("Beat"); n == r.store.count("Beat"); {
			after(10 * time.Millisecond)
		}
		r.store.set(func() { r.store.hang["Beat"] = true }) // right after a beat
		after(cutOff)
		if r.log.count("no beat could be committed") != 1 {
			t.Error("the process does not know that it is cut off")
		}
	})
}

func TestAZombieGoesOnUnderANewName(t *testing.T) {
	inBubble(t, map[string]handler{
		"slow": func(context.Context, *store.Claimed) error { time.Sleep(time.Minute); return nil },
		"t":    lasting(time.Second),
	}, func(r *rig) {
		slow := r.insert("slow", 1, nil)
		after(10 * time.Second)
		old := r.process()
		// Another process takes its jobs, as if this one had stood still.
		if _, err := r.store.Store.Reap(t.Context(), []store.Beaten{{ID: old.ID, Count: -1}}); err != nil {
			t.Fatal(err)
		}
		after(10 * time.Second)
		if now := r.process(); now.ID == old.ID {
			t.Error("the process goes on under the identity that was lost")
		}
		if j := r.job(slow[0]); j.Attempt != 2 || j.Crashes != 1 {
			t.Errorf("the job that was given away is %+v", j)
		}
		after(45 * time.Second) // the first attempt has ended
		r.want(store.Running, slow...)
		ids := r.insert("t", 30, nil)
		after(30 * time.Second)
		r.want(store.Completed, slow...)
		r.want(store.Completed, ids...)
		if j := r.job(slow[0]); j.Attempt != 2 {
			t.Errorf("%d attempts", j.Attempt)
		}
	})
}

func TestALostProcessIsReapedByItsPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		dead := newRig(t, s, map[string]handler{"t": lasting(time.Hour)})
		dead.start()
		ids := dead.insert("t", 5, nil)
		after(time.Second)
		// Its connection is cut, as far as the store sees.
		cut := &misbehaving{Store: s.Store, away: map[string]bool{}, hang: map[string]bool{}, lose: map[string]int{}, calls: map[string]int{}}
		live := newRig(t, cut, map[string]handler{"t": nothing})
		live.start()
		after(time.Minute)
		live.want(store.Running, ids...)

		s.set(func() { s.away[""] = true })
		began := time.Now()
		for live.job(ids[0]).State == store.Running {
			after(100 * time.Millisecond)
		}
		if took := time.Since(began); took < 9*time.Second || took > store.LostAfter+store.BeatEvery+time.Second {
			t.Errorf("jobs of the lost process were given away after %v", took)
		}
		after(time.Second)
		live.want(store.Completed, ids...)
		s.set(func() { s.away[""] = false })
		dead.stop()
		live.stop()
	})
}

// When a machine is gone with many processes, the one that is left finds them all in the time of
// one, and not a few at a time.
func TestManyLostProcessesAreReapedByTheOneThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, misbehave(), map[string]handler{"t": nothing})
		const ghosts = 20
		ids := insert(t, r.store, "t", ghosts, nil)
		for range ghosts {
			ghost := store.NewID()
			if err := r.store.Store.Join(t.Context(), store.Process{ID: ghost}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.store.Store.Claim(t.Context(), store.ClaimRequest{Process: ghost, Queue: "q", Limit: 1}); err != nil {
				t.Fatal(err)
			}
		}
		r.start()
		after(20 * time.Second)
		r.want(store.Completed, ids...)
		r.stop()
	})
}

func TestAnOutageForAllMakesNobodyLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		var rigs []*rig
		for range 4 {
			r := newRig(t, s, map[string]handler{"t": lasting(10 * time.Minute)}, func(c *Config) { c.Tasks["t"].Offline = true })
			r.start()
			rigs = append(rigs, r)
		}
		ids := rigs[0].insert("t", 40, nil)
		after(time.Minute)
		s.set(func() { s.away[""] = true })
		after(2 * time.Minute)
		s.set(func() { s.away[""] = false })
		after(8 * time.Minute)
		rigs[0].want(store.Completed, ids...)
		for _, id := range ids {
			if j := rigs[0].job(id); j.Attempt != 1 || j.Crashes != 0 {
				t.Fatalf("job is %+v; want it done by its first attempt", j)
			}
		}
		for _, r := range rigs {
			r.stop()
		}
	})
}

func TestClaimsWhoseAnswersAreLostAreGivenBack(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		after(10 * time.Second)
		r.store.set(func() { r.store.lose["Claim"] = 3 })
		ids := r.insert("t", 30, nil)
		system := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Queue = store.SystemQueue })
		after(10 * time.Second)
		r.want(store.Completed, ids...)
		r.want(store.Completed, system...)
	})
}

func TestAHandlerThatIgnoresItsContextIsShownAsStuck(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(context.Context, *store.Claimed) error {
		time.Sleep(time.Minute)
		return nil
	}}, func(r *rig) {
		id := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Timeout = time.Second })[0]
		after(20 * time.Second)
		if p := r.process(); len(p.Stuck) != 1 || p.Stuck[0] != id || p.Running != 1 {
			t.Errorf("process is %+v; want the job shown as stuck", p)
		}
		if n := r.log.count("goes on though its context has ended"); n != 1 {
			t.Errorf("it was said %d times", n)
		}
		after(time.Minute)
		r.want(store.Completed, id) // the result counts
		if p := r.process(); len(p.Stuck) != 0 {
			t.Errorf("process is %+v", p)
		}
	})
}

// What waits in an outage is the end of the attempt, which has to be written: its handler has
// long returned.
func TestAHandlerWhoseTransactionCannotBeFinishedIsNotShownAsStuck(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		r.insert("tx", 1, nil)
		after(time.Second)
		r.store.set(func() { r.store.away[""] = true })
		after(30 * time.Second)
		if n := r.log.count("goes on though its context has ended"); n != 0 {
			t.Errorf("it was said %d times that a handler goes on, which has returned", n)
		}
		r.store.set(func() { r.store.away[""] = false })
		after(30 * time.Second)
	}, func(c *Config) {
		c.Tasks["tx"] = &Task{Run: func(context.Context, *store.Claimed) Verdict {
			time.Sleep(3 * time.Second)
			return Verdict{InTx: true}
		}}
	})
}

func TestAnOutageIsNotPokedByEachQueue(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		r.store.set(func() { r.store.hang["Claim"] = true })
		ids := r.insert("t", 100, func(i int, j *store.NewJob) { j.Queue = fmt.Sprint(i) })
		after(time.Minute)
		if n := r.store.count("Claim"); n > 6 {
			t.Errorf("%d claims were tried in a minute, at 10 s each", n)
		}
		r.store.set(func() { r.store.hang["Claim"] = false })
		after(20 * time.Second)
		r.want(store.Completed, ids...)
	})
}

func TestProcessesKnownToBeDeadAreReapedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, misbehave(), map[string]handler{"t": nothing})
		ids := insert(t, r.store, "t", 3, nil)
		ghost := store.NewID()
		if err := r.store.Store.Join(t.Context(), store.Process{ID: ghost}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.store.Store.Claim(t.Context(), store.ClaimRequest{Process: ghost, Queue: "q", Limit: 3}); err != nil {
			t.Fatal(err)
		}
		r.store.view = func(v *store.View) { v.Dead = []store.ID{ghost} }
		r.start()
		synctest.Wait()
		r.want(store.Completed, ids...)
		r.stop()
	})
}

func TestReapingWaitsForNobody(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		ghost := store.NewID()
		if err := r.store.Join(t.Context(), store.Process{ID: ghost}); err != nil {
			t.Fatal(err)
		}
		r.store.set(func() { r.store.hang["Reap"] = true })
		after(time.Minute)
		if r.log.count("no beat could be committed") > 0 {
			t.Error("the heart stood still while it reaped")
		}
		if n := r.store.count("Beat"); n > 25 {
			t.Errorf("%d beats in a minute", n)
		}
		r.store.set(func() { r.store.hang["Reap"] = false })
		after(30 * time.Second)
		r.process() // one
	})
}
