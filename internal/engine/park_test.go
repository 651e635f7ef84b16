package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

func TestJobsOfUnknownTasksWaitForAProcessThatKnowsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		old := newRig(t, s, map[string]handler{"t": nothing})
		old.start()
		known, unknown := old.insert("t", 20, nil), old.insert("new", 20, nil)
		after(time.Minute)
		old.want(store.Completed, known...)
		old.want(store.Blocked, unknown...)
		if j := old.job(unknown[0]); j.Failures != 0 || j.Waits != store.WaitsTask {
			t.Errorf("job is %+v", j)
		}

		next := newRig(t, s, map[string]handler{"t": nothing, "new": lasting(time.Second)})
		next.start()
		after(10 * time.Second)
		old.want(store.Completed, unknown...)
		next.stop()
		old.stop()
	})
}

func TestJobsOfAPausedTaskAreParked(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing, "other": lasting(2 * time.Second)}, func(r *rig) {
		r.control(store.Control{PauseTask: "t"})
		after(2 * time.Second)
		ids, other := r.insert("t", 50, nil), r.insert("other", 20, nil)
		after(time.Minute)
		r.want(store.Completed, other...)
		r.want(store.Blocked, ids...)
		r.control(store.Control{ResumeTask: "t"})
		after(2 * time.Second)
		r.want(store.Completed, ids...)
		if j := r.job(ids[0]); j.Failures != 0 {
			t.Errorf("job is %+v", j)
		}
	})
}

// suspect makes jobs suspects: two processes are lost that held them.
func suspect(r *rig, ids []store.ID) {
	r.t.Helper()
	for range store.SuspectAt {
		ghost := store.NewID()
		if err := r.store.Store.Join(r.t.Context(), store.Process{ID: ghost}); err != nil {
			r.t.Fatal(err)
		}
		claimed, err := r.store.Store.Claim(r.t.Context(), store.ClaimRequest{Process: ghost, Queue: "q", Limit: len(ids)})
		if err != nil || len(claimed) != len(ids) {
			r.t.Fatalf("Claim = %v, %v", claimed, err)
		}
		if _, err := r.store.Store.Reap(r.t.Context(), []store.Beaten{{ID: ghost, Count: -1}}); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestSuspectsRunOneAtATimeBesideOthers(t *testing.T) {
	suspects, most := 0, 0
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, misbehave(), map[string]handler{"t": func(_ context.Context, job *store.Claimed) error {
			if !job.Suspect() {
				time.Sleep(time.Second)
				return nil
			}
			suspects++
			most = max(most, suspects)
			time.Sleep(10 * time.Second)
			suspects--
			return nil
		}})
		ids := insert(t, r.store, "t", 5, nil)
		suspect(r, ids)
		r.want(store.Blocked, ids...)
		others := insert(t, r.store, "t", 90, nil)
		r.start()
		after(20 * time.Second)
		r.want(store.Completed, others...)
		after(time.Minute)
		r.want(store.Completed, ids...)
		if most != 1 {
			t.Errorf("%d suspects ran at once", most)
		}
		r.stop()
	})
}

func TestASuspectThatIsDueIsNotRunAmongOthers(t *testing.T) {
	suspects, most := 0, 0
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, misbehave(), map[string]handler{"t": func(_ context.Context, job *store.Claimed) error {
			suspects++
			most = max(most, suspects)
			time.Sleep(time.Second)
			suspects--
			if job.Attempt == store.SuspectAt+1 {
				return errFailed // it comes back into due
			}
			return nil
		}})
		ids := insert(t, r.store, "t", 5, nil)
		suspect(r, ids)
		r.start()
		after(time.Minute)
		r.want(store.Completed, ids...)
		if most != 1 {
			t.Errorf("%d suspects ran at once", most)
		}
		r.stop()
	})
}

// One process has its hands full with a suspect, and the other does not know the task of the
// next one: they must not hand it to each other as fast as they can.
func TestASuspectThatNobodyCanRunGoesRoundSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		r := newRig(t, s, map[string]handler{"t": lasting(20 * time.Second)})
		ids := insert(t, s, "t", 2, nil)
		suspect(r, ids)
		other := newRig(t, s, map[string]handler{"another": nothing})
		s.meets = func(ctx context.Context, _ string) (before, after error) {
			sleep(ctx, time.Millisecond) // a round trip: without one no time would pass here
			return nil, nil
		}
		r.start()
		other.start()
		after(store.SuspectDelay + 10*time.Second)
		for _, id := range ids {
			if j := r.job(id); j.Attempt > store.SuspectAt+50 {
				t.Errorf("job %v, %s, has come to attempt %d in ten seconds", id, j.State, j.Attempt)
			}
		}
		after(time.Minute)
		r.want(store.Completed, ids...)
		other.stop()
		r.stop()
	})
}
