package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

func TestStopLetsHandlersEnd(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(3 * time.Second)}, func(r *rig) {
		ids := r.insert("t", 50, nil)
		after(2 * time.Second)
		if took := r.stop(); took != time.Second {
			t.Errorf("Run returned after %v", took)
		}
		r.want(store.Completed, ids[:10]...)
		r.want(store.Available, ids[10:]...)
		all, err := r.store.Processes(t.Context())
		if err != nil || len(all) != 0 {
			t.Errorf("Processes = %v, %v; want none", all, err)
		}
	})
}

func TestStopCostsNoAttempt(t *testing.T) {
	var cause error
	inBubble(t, map[string]handler{"t": func(ctx context.Context, _ *store.Claimed) error {
		<-ctx.Done()
		cause = context.Cause(ctx)
		return errFailed
	}}, func(r *rig) {
		id := r.insert("t", 1, nil)[0]
		after(2 * time.Second)
		if took := r.stop(); took != r.config.Grace {
			t.Errorf("Run returned after %v, want %v", took, r.config.Grace)
		}
		if cause != ErrStopping {
			t.Errorf("cause is %v", cause)
		}
		if j := r.job(id); j.State != store.Available || j.Failures != 0 || len(r.failures(id)) != 0 {
			t.Errorf("job is %+v, failures %v", j, r.failures(id))
		}
	})
}

func TestAResultCountsThoughTheProcessStops(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(ctx context.Context, _ *store.Claimed) error {
		<-ctx.Done()
		return nil
	}}, func(r *rig) {
		ids := r.insert("t", 3, nil)
		after(time.Second)
		r.stop()
		r.want(store.Completed, ids...)
	})
}

func TestStopLeavesBehindWhoIgnoresItsContext(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(context.Context, *store.Claimed) error {
		time.Sleep(time.Minute)
		return nil
	}}, func(r *rig) {
		ids := r.insert("t", 3, nil)
		after(time.Second)
		if took := r.stop(); took > r.config.Grace+lastWait {
			t.Errorf("Run returned after %v", took)
		}
		r.want(store.Available, ids...) // at once, for others
		if n := r.log.count("it is left behind"); n != 3 {
			t.Errorf("%d handlers were named", n)
		}
		after(time.Hour) // its late end changes nothing
		r.want(store.Available, ids...)
	})
}

func TestStopReturnsThoughTheStoreIsAway(t *testing.T) {
	for _, how := range []string{"away", "hanging"} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, map[string]handler{"t": lasting(2 * time.Second), "ignores": func(context.Context, *store.Claimed) error {
				time.Sleep(time.Minute)
				return nil
			}}, func(r *rig) {
				r.insert("t", 50, nil)
				r.insert("ignores", 1, func(_ int, j *store.NewJob) { j.Queue = "other" })
				after(time.Second)
				r.store.set(func() {
					if how == "away" {
						r.store.away[""] = true
						return
					}
					for _, verb := range []string{"Finish", "Release", "Leave", "Look", "Claim", "Beat", "Sleep", "TakeDuty", "Reap"} {
						r.store.hang[verb] = true
					}
				})
				after(4 * time.Second)
				if took := r.stop(); took > r.config.Grace+lastWait+100*time.Millisecond {
					t.Errorf("Run returned after %v", took)
				}
				if r.log.count("could not be written") != 1 {
					t.Error("it is not said that results were dropped")
				}
				after(time.Hour)
			})
		})
	}
}

func TestStopAtAnyTimeLosesNothing(t *testing.T) {
	for ms := range 60 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, misbehave(), map[string]handler{"t": lasting(7 * time.Millisecond)}, func(c *Config) {
				c.Grace = time.Duration(ms%3) * 5 * time.Millisecond
			})
			ids := insert(t, r.store, "t", 200, nil)
			r.start()
			after(time.Duration(ms) * time.Millisecond)
			r.stop()
			for _, id := range ids {
				if s := r.job(id).State; s != store.Completed && s != store.Available {
					t.Fatalf("stopped after %d ms, a job is %s", ms, s)
				}
			}
			r.start()
			after(time.Minute)
			r.stop()
			r.want(store.Completed, ids...)
		})
	}
}

// A lateStore takes its time for a join, and commits it whatever has become of the caller.
type lateStore struct{ *misbehaving }

func (s lateStore) Join(ctx context.Context, p store.Process) error {
	time.Sleep(500 * time.Millisecond)
	err := s.misbehaving.Join(context.WithoutCancel(ctx), p)
	if ctx.Err() != nil {
		return store.Unavailable("join", ctx.Err())
	}
	return err
}

func TestStopWhileItJoinsLeavesNoProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, misbehave(), nil)
		r.config.Store = lateStore{r.store}
		r.start()
		after(100 * time.Millisecond)
		r.stop()
		if all, err := r.store.Processes(t.Context()); err != nil || len(all) > 0 {
			t.Errorf("after the stop there are processes %v, %v", all, err)
		}
	})
}

func TestAProcessThatIsToldToStopStops(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(2 * time.Second)}, func(r *rig) {
		ids := r.insert("t", 20, nil)
		after(time.Second)
		r.control(store.Control{StopProcess: r.process().ID})
		after(3 * time.Second)
		select {
		case <-r.ended:
		default:
			t.Error("Run has not returned")
		}
		r.want(store.Completed, ids[:10]...)
		r.want(store.Available, ids[10:]...)
	})
}

func TestAQuietProcessClaimsNothingMore(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(10 * time.Second), "quick": lasting(10 * time.Millisecond)}, func(r *rig) {
		r.insert("quick", 1000, nil)
		after(500 * time.Millisecond)
		r.control(store.Control{QuietProcess: r.process().ID})
		after(2 * time.Second)
		counts, err := r.store.Counts(t.Context())
		if err != nil || counts[store.Running] != 0 || counts[store.Available] == 0 {
			t.Errorf("counts are %v, %v; want none in the hand of a quiet process", counts, err)
		}
		ids := r.insert("t", 3, nil)
		after(time.Minute)
		r.want(store.Available, ids...)
	})
}
