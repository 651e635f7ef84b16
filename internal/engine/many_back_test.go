package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has how jobs of groups get back to the store otherwise than by their call's end.

func TestWhatGathersIsGivenBack(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(r *rig)
		want store.State
	}{
		{"when its queue is paused", func(r *rig) { r.control(store.Control{PauseQueue: "q"}) }, store.Available},
		{"when its task is paused", func(r *rig) { r.control(store.Control{PauseTask: "many"}) }, store.Blocked},
		{"when the process is to be quiet", func(r *rig) { r.control(store.Control{QuietProcess: r.process().ID}) }, store.Available},
		{"when the process stops", func(r *rig) { r.stop() }, store.Available},
	} {
		t.Run(test.name, func(t *testing.T) {
			var calls recorder
			inBubble(t, nil, func(r *rig) {
				ids := r.insert("many", 5, nil)
				after(time.Second)
				r.want(store.Running, ids...)
				test.do(r)
				after(2 * time.Second)
				r.want(test.want, ids...)
				after(time.Hour)
				calls.want(t)
				if j := r.job(ids[0]); j.Failures > 0 || j.Attempt != 1 {
					t.Errorf("job is %+v", j)
				}
			}, runMany(&calls, 100, time.Minute, nil))
		})
	}
}

func TestAGroupThatWaitsBehindSlowHandlersIsGivenBack(t *testing.T) {
	var calls recorder
	inBubble(t, map[string]handler{"t": lasting(time.Hour)}, func(r *rig) {
		ids := r.insert("many", 5, nil)
		after(time.Second)
		r.insert("t", 1, nil) // takes the only slot
		after(500 * time.Millisecond)
		r.want(store.Running, ids...)
		after(time.Minute)
		r.want(store.Available, ids...)
	}, runMany(&calls, 100, 10*time.Second, nil), slots(1))
}

func TestASuspectIsACallOfItsOwn(t *testing.T) {
	var calls recorder
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, misbehave(), nil, runMany(&calls, 100, 2*time.Second, nil))
		suspects := insert(t, r.store, "many", 3, nil)
		suspect(r, suspects)
		others := insert(t, r.store, "many", 3, nil)
		r.start()
		after(2 * time.Minute)
		r.want(store.Completed, suspects...)
		r.want(store.Completed, others...)
		calls.want(t, 3, 1, 1, 1)
		r.stop()
	})
}

func TestAGroupOfALostIdentityIsNotRun(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 5, nil)
		after(time.Second)
		if _, err := r.store.Store.Reap(t.Context(), []store.Beaten{{ID: r.process().ID, Count: -1}}); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		r.want(store.Completed, ids...)
		calls.want(t, 5)
		if j := r.job(ids[0]); j.Attempt != 2 {
			t.Errorf("attempt %d was run, want the one of the new identity", j.Attempt)
		}
	}, runMany(&calls, 100, 10*time.Second, nil))
}

func TestACallEndsWhenItsProcessIsCutOff(t *testing.T) {
	var calls recorder
	var cause error
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 2, nil)
		after(time.Second)
		r.store.set(func() { r.store.away[""] = true })
		after(12 * time.Second)
		if cause != store.ErrLeaseLost {
			t.Errorf("the call ended because of %v", cause)
		}
		r.store.set(func() { r.store.away[""] = false })
		after(time.Minute)
		r.want(store.Completed, ids...)
		if j := r.job(ids[0]); j.Failures > 0 {
			t.Errorf("job is %+v", j)
		}
	}, runMany(&calls, 2, 0, func(ctx context.Context, jobs []*store.Claimed) error {
		if jobs[0].Attempt > 1 {
			return nil
		}
		<-ctx.Done()
		cause = context.Cause(ctx)
		return cause
	}))
}

func TestAHandlerOfManyThatIsLeftBehindIsNamedOnce(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 20, nil)
		after(time.Second)
		r.stop()
		r.want(store.Available, ids...)
		if n := r.log.count("it is left behind"); n != 1 {
			t.Errorf("it was named %d times", n)
		}
		after(time.Hour) // its late end changes nothing
		r.want(store.Available, ids...)
	}, runMany(&calls, 20, 0, func(context.Context, []*store.Claimed) error { time.Sleep(time.Minute); return nil }))
}
