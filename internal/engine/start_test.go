package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

// enqueuer is that of the rig's own program.
func (r *rig) enqueuer() *Enqueuer {
	e := NewEnqueuer(r.store, r.engine.Wake)
	e.StartIn(func() *Engine { return r.engine })
	return e
}

func (r *rig) enqueue(e *Enqueuer, job store.NewJob) store.ID {
	r.t.Helper()
	if _, err := e.Insert(r.t.Context(), []store.NewJob{job}); err != nil {
		r.t.Fatal(err)
	}
	return job.ID
}

func TestAJobThatComesAloneIsStartedAtOnce(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		e := r.enqueuer()
		claims := r.store.count("Claim")
		id := r.enqueue(e, newJob())
		synctest.Wait()
		r.want(store.Completed, id)
		if n := r.store.count("Claim") - claims; n != 0 || r.store.count("Start") != 1 {
			t.Errorf("it took %d claims and %d starts, want none and one", n, r.store.count("Start"))
		}
	})
}

// What could not start at once, or has something before it, is claimed in its turn.
func TestAJobThatCannotStartAtOnceIsClaimed(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing, "slow": lasting(time.Minute)}, func(r *rig) {
		e := r.enqueuer()
		unknown := newJob()
		unknown.Task = "unknown"
		later := newJob()
		later.Delay = time.Second
		system := newJob()
		system.Queue = store.SystemQueue
		for _, job := range []store.NewJob{unknown, later, system} {
			r.enqueue(e, job)
		}
		two := []store.NewJob{newJob(), newJob()}
		if _, err := e.Insert(t.Context(), two); err != nil {
			t.Fatal(err)
		}
		after(2 * time.Second)
		if n := r.store.count("Start"); n != 0 {
			t.Errorf("%d were started at once", n)
		}
		r.want(store.Blocked, unknown.ID)
		r.want(store.Completed, later.ID, system.ID, two[0].ID, two[1].ID)

		slow := r.insert("slow", 10, nil) // all slots
		synctest.Wait()
		id := r.enqueue(e, newJob())
		synctest.Wait()
		r.want(store.Running, slow...)
		r.want(store.Available, id)
		after(2 * time.Minute)
		r.want(store.Completed, id)
	})
}

// The pause is in the store when the job comes, though this process has not seen it.
func TestNothingStartsInAPausedQueue(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		e := r.enqueuer()
		r.control(store.Control{PauseQueue: "q"})
		id := r.enqueue(e, newJob())
		after(time.Minute)
		r.want(store.Available, id)
		r.control(store.Control{ResumeQueue: "q"})
		after(2 * time.Second)
		r.want(store.Completed, id)
	})
}

// The job is in the store as a lease, and its caller hears that this is not known.
func TestAStartWhoseAnswerIsLost(t *testing.T) {
	var runs atomic.Int64
	count := func(context.Context, *store.Claimed) error { runs.Add(1); return nil }
	inBubble(t, map[string]handler{"t": count}, func(r *rig) {
		e := r.enqueuer()
		r.store.set(func() { r.store.lose["Start"] = 1 })
		id := r.enqueue(e, newJob())
		after(time.Minute)
		r.want(store.Completed, id)
		if j := r.job(id); runs.Load() != 1 || j.Attempt != 2 || j.Crashes != 0 {
			t.Errorf("it ran %d times, up to attempt %d, with %d crashes; want the lease given back and one run", runs.Load(), j.Attempt, j.Crashes)
		}
		// No slot was lost with it.
		ids := r.insert("t", 100, nil)
		synctest.Wait()
		r.want(store.Completed, ids...)
		if p := r.process(); p.Running != 0 {
			t.Errorf("%d jobs run, it says", p.Running)
		}
	})
}

func TestAStartWhileTheProcessStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, misbehave(), map[string]handler{"t": nothing})
		r.start()
		e := r.enqueuer()
		stored, hold := make(chan struct{}), make(chan struct{})
		r.store.set(func() {
			r.store.meets = func(_ context.Context, verb string) (before, after error) {
				if verb == "Start" {
					close(stored)
					<-hold
				}
				return nil, nil
			}
		})
		job := newJob()
		enqueued := make(chan error)
		go func() {
			_, err := e.Insert(t.Context(), []store.NewJob{job})
			enqueued <- err
		}()
		<-stored
		r.stop()
		close(hold)
		if err := <-enqueued; err != nil {
			t.Error(err)
		}
		r.want(store.Available, job.ID) // its process is not there any more
	})
}
