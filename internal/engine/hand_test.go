package engine

import (
	"bytes"
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

func TestNothingIsClaimedAheadOfSlowHandlers(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(time.Minute)}, func(r *rig) {
		r.insert("t", 1000, nil)
		after(90 * time.Second)
		counts, err := r.store.Counts(t.Context())
		if err != nil || counts[store.Running] != 10 {
			t.Errorf("counts are %v, %v; want 10 leases for 10 slots", counts, err)
		}
	})
}

// What an operator sets takes the place of what the program says, up and down, while it runs.
func TestWorkersAreSetWhileItRuns(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(time.Minute)}, func(r *rig) {
		running := func(what string, want int) {
			t.Helper()
			counts, err := r.store.Counts(t.Context())
			if err != nil || counts[store.Running] != want {
				t.Errorf("%s: counts are %v, %v; want %d running", what, counts, err, want)
			}
		}
		set := func(c store.Control) {
			t.Helper()
			if err := r.store.Control(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		r.insert("t", 1000, nil)
		after(2 * time.Second)
		running("as the program says", 10)
		set(store.Control{SetWorkers: "q", Workers: 25})
		after(2 * time.Second)
		running("more", 25)
		set(store.Control{SetWorkers: "q", Workers: 4})
		after(2 * time.Second)
		running("fewer, and what runs goes on", 25)
		after(2 * time.Minute)
		running("fewer", 4)
		set(store.Control{ResetWorkers: "q"})
		after(2 * time.Second)
		running("as the program says again", 10)
		set(store.Control{SetWorkers: "other", Workers: 3})
		after(2 * time.Minute)
		running("another queue", 10)
	})
}

func TestManyAreClaimedAheadOfQuickHandlers(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(time.Millisecond)}, func(r *rig) {
		r.insert("t", 20_000, nil)
		after(time.Second)
		r.store.set(func() {
			if asleep := r.store.asleep; len(asleep) == 0 || asleep[len(asleep)-1] {
				t.Errorf("under load the store was told to wake the process: %v", asleep)
			}
			r.store.asks = nil
		})
		after(500 * time.Millisecond)
		r.store.set(func() {
			// 10,000 a second: 500 ahead, claimed again when half of them are left.
			if n := len(r.store.asks); n < 10 || n > 30 {
				t.Errorf("%d claims for 5,000 jobs", n)
			}
		})
		after(10 * time.Second)
		r.store.set(func() {
			if n := len(r.store.asleep); n > 3 || !r.store.asleep[n-1] {
				t.Errorf("after the load it has said %v; want to be woken again", r.store.asleep)
			}
		})
	})
}

func TestAtMost4000JobsAreInHand(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		r.insert("t", 10_000, nil)
		after(time.Second)
		r.store.set(func() {
			for _, ask := range r.store.asks {
				if ask.Limit > maxWaiting {
					t.Errorf("%d jobs were wanted at once", ask.Limit)
				}
			}
		})
		if maxWaiting*store.InlineInput > 16<<20 {
			t.Error("the inputs in hand may be more than 16 MiB")
		}
	}, func(c *Config) { c.Total, c.Workers = 10_000, func(string) int { return 10_000 } })
}

func TestPauseGivesBackWhatIsInHand(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(5 * time.Millisecond)}, func(r *rig) {
		r.insert("t", 10_000, nil)
		r.insert("t", 1, func(_ int, j *store.NewJob) { j.Queue, j.Delay = store.SystemQueue, 5*time.Second })
		after(2 * time.Second)
		r.control(store.Control{PauseQueue: "q"})
		r.control(store.Control{PauseQueue: store.SystemQueue})
		after(1500 * time.Millisecond)
		counts, _ := r.store.Counts(t.Context())
		done := counts[store.Completed]
		if counts[store.Running] != 0 {
			t.Errorf("counts are %v; want no lease in a paused queue", counts)
		}
		after(10 * time.Second)
		if counts, _ = r.store.Counts(t.Context()); counts[store.Completed] != done {
			t.Errorf("%d jobs of a paused queue were run", counts[store.Completed]-done)
		}
		jobs, err := r.store.Find(t.Context(), store.Filter{Queues: []string{store.SystemQueue}})
		if err != nil || len(jobs) != 1 || jobs[0].State != store.Completed {
			t.Errorf("the system's job is %v, %v; its queue can't be paused", jobs, err)
		}
		r.control(store.Control{ResumeQueue: "q"})
		after(time.Minute)
		if counts, _ = r.store.Counts(t.Context()); counts[store.Completed] != 10_000 {
			t.Errorf("counts are %v after resume", counts)
		}
	})
}

func TestWhatWaitsBehindSlowHandlersIsGivenBack(t *testing.T) {
	var slow atomic.Bool
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		if slow.Load() {
			return lasting(time.Hour)(ctx, job)
		}
		return lasting(5*time.Millisecond)(ctx, job)
	}}, func(r *rig) {
		r.insert("t", 10_000, nil)
		after(time.Second)
		slow.Store(true)
		after(10 * time.Second)
		if counts, _ := r.store.Counts(t.Context()); counts[store.Running] != 10 {
			t.Errorf("counts are %v; want no leases behind slow handlers", counts)
		}
	})
}

func TestCancelReachesJobsInHand(t *testing.T) {
	var slow atomic.Bool
	ran := map[store.ID]bool{}
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		ran[job.ID] = true
		if slow.Load() {
			time.Sleep(1300 * time.Millisecond)
		}
		return lasting(time.Millisecond)(ctx, job)
	}}, func(r *rig) {
		r.insert("t", 1000, nil)
		after(200 * time.Millisecond)
		slow.Store(true)
		after(100 * time.Millisecond)
		jobs, err := r.store.Find(t.Context(), store.Filter{States: []store.State{store.Running}, Max: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var ids []store.ID
		for _, j := range jobs {
			if !ran[j.ID] {
				ids = append(ids, j.ID)
			}
		}
		if len(ids) == 0 {
			t.Fatal("no job was claimed ahead")
		}
		if _, err := r.store.Act(t.Context(), store.Act{Verb: store.Cancel, IDs: ids}); err != nil {
			t.Fatal(err)
		}
		after(1200 * time.Millisecond)
		r.want(store.Cancelled, ids...)
	}, func(c *Config) { c.Workers = func(string) int { return 1 } })
}

func TestIdleRunnersEnd(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(time.Second)}, func(r *rig) {
		r.insert("t", 10, nil)
		after(2 * time.Second)
		if n := runners(); n != 10 {
			t.Errorf("%d runners, want 10", n)
		}
		after(2 * time.Minute)
		if n := runners(); n != 0 {
			t.Errorf("%d runners after two idle minutes", n)
		}
		ids := r.insert("t", 10, nil)
		after(2 * time.Second)
		r.want(store.Completed, ids...)
		after(20 * time.Minute)
		if p := r.process(); p.Queues["q"] != 0 {
			t.Errorf("a queue of long ago is still shown: %v", p.Queues)
		}
	})
}

func TestAHandThatLostItsIdentityStartsNothingOfIt(t *testing.T) {
	var started []*runner
	h := newHand(10, func(r *runner) { started = append(started, r) })
	old, next := store.NewID(), store.NewID()
	h.adopt(old, time.Now())
	job := func() *attempt { return &attempt{task: &Task{}, claimed: time.Now()} }
	running, waiting := job(), job()
	if !h.put(old, "q", 1, []*attempt{running, waiting}) || len(started) != 1 || <-started[0].jobs != running {
		t.Fatal("the first job was not started")
	}
	_, changed := h.who()

	if h.lose(next) || !h.lose(old) || h.lose(old) {
		t.Error("an identity is lost once, and only the one of the moment")
	}

	<-changed
	if running.why != store.ErrLeaseLost {
		t.Errorf("the running attempt goes on (%v)", running.why)
	}
	if h.put(old, "q", 1, []*attempt{job()}) {
		t.Error("a job claimed under the old identity was taken")
	}
	h.adopt(next, time.Now())
	if h.put(old, "q", 1, []*attempt{job()}) {
		t.Error("a job claimed under the old identity was taken by the new one")
	}
	if a := h.next(started[0], time.Now()); a != nil {
		t.Error("a job of the old identity was started under the new one")
	}
	mine := job()
	if !h.put(next, "q", 1, []*attempt{mine}) || <-started[0].jobs != mine {
		t.Error("a job of the new identity was not started")
	}
}

func TestAHandThatIsCutOffStartsNothing(t *testing.T) {
	var started []*runner
	h := newHand(10, func(r *runner) { started = append(started, r) })
	process := store.NewID()
	h.adopt(process, time.Now())
	job := func(offline bool) *attempt { return &attempt{task: &Task{Offline: offline}, claimed: time.Now()} }
	plain, offline := job(false), job(true)
	h.put(process, "q", 10, []*attempt{plain, offline})
	if n := h.freeze(); n != 1 || plain.why != store.ErrLeaseLost || offline.why != nil {
		t.Errorf("freeze cancelled %d: %v, %v; want only the one that is not offline", n, plain.why, offline.why)
	}
	h.put(process, "q", 10, []*attempt{job(false)})
	if len(started) != 2 {
		t.Error("a job was started while the process was cut off")
	}
	h.beaten(time.Now())
	if len(started) != 3 {
		t.Error("the job was not started when the store was back")
	}
	// A process that was stopped for a while does not know it, but sees how old its beat is.
	h.beaten(time.Now().Add(-cutOff))
	h.put(process, "q", 10, []*attempt{job(false)})
	if len(started) != 3 {
		t.Error("a job was started though the last beat is 9 s old")
	}
}

// runners counts the goroutines of runners.
func runners() int {
	stacks := make([]byte, 1<<20)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("engine.(*runner).run("))
}
