package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

func TestRunWorksWhatIsInsertedAtOnce(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		ids := r.insert("t", 1000, nil)
		synctest.Wait() // no time passes
		r.want(store.Completed, ids...)
		if j := r.job(ids[0]); j.Attempt != 1 || string(j.Result) != "1" {
			t.Errorf("job is %+v; want its result after one attempt", j)
		}
	})
}

func TestJobsOfOtherProgramsAreFoundWithoutAWake(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		after(time.Minute)                     // it sleeps, and has said so
		ids := insert(t, r.store, "t", 5, nil) // the store wakes it
		synctest.Wait()
		r.want(store.Completed, ids...)

		r.store.set(func() { r.store.away["Sleep"] = true })
		r.stop()
		r.start()
		after(time.Minute) // nobody knows that it sleeps
		ids = insert(t, r.store, "t", 5, nil)
		after(1300 * time.Millisecond)
		r.want(store.Completed, ids...)
	})
}

func TestAnIdleProcessClaimsOnceMoreAfterItHasSaidThatItSleeps(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		after(100 * time.Millisecond)
		r.store.set(func() {
			at := slices.Index(r.store.order, "Sleep")
			if at < 0 || slices.Index(r.store.order[at:], "Look") < 0 {
				t.Errorf("calls were %v; want a Look after the Sleep", r.store.order)
			}
		})
		before := r.store.count("Sleep")
		for range 100 {
			r.insert("t", 1, nil)
			after(10 * time.Millisecond)
		}
		if n := r.store.count("Sleep") - before; n > 0 {
			t.Errorf("Sleep was called %d times for 100 jobs; want the sign to stay", n)
		}
	})
}

func TestDelayedJobsStartOnTime(t *testing.T) {
	var late atomic.Int64
	inBubble(t, map[string]handler{"t": func(_ context.Context, job *store.Claimed) error {
		late.Store(int64(time.Since(job.RunAt)))
		return nil
	}}, func(r *rig) {
		ids := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Delay = 90*time.Second + 123*time.Millisecond })
		after(2 * time.Minute)
		r.want(store.Completed, ids...)
		if late.Load() != 0 {
			t.Errorf("the job started %v late", time.Duration(late.Load()))
		}
	})
}

func TestRetriesStartOnTime(t *testing.T) {
	var starts []time.Duration
	began := time.Time{}
	inBubble(t, map[string]handler{"t": func(context.Context, *store.Claimed) error {
		starts = append(starts, time.Since(began))
		return errFailed
	}}, func(r *rig) {
		began = time.Now()
		id := r.insert("t", 1, nil)[0]
		after(10 * time.Second)
		r.want(store.Discarded, id)
		if want := []time.Duration{0, time.Second, 3 * time.Second}; !slices.Equal(starts, want) {
			t.Errorf("attempts started at %v, want %v", starts, want)
		}
		if f := r.failures(id); len(f) != 3 || f[2].Error != "failed" || f[2].Kind != "*errors.errorString" {
			t.Errorf("failures are %+v", f)
		}
	})
}

func TestConcurrencyIsThatOfTheQueueAndTheTotal(t *testing.T) {
	var all crowd
	perQueue := map[string]*atomic.Int64{}
	for i := range 5 {
		perQueue[fmt.Sprint(i)] = &atomic.Int64{}
	}
	inBubble(t, map[string]handler{"t": func(_ context.Context, job *store.Claimed) error {
		all.enter()
		q := perQueue[job.Queue].Add(1)
		if q > 10 {
			t.Errorf("%d attempts of queue %s at once", q, job.Queue)
		}
		time.Sleep(time.Second)
		perQueue[job.Queue].Add(-1)
		all.leave()
		return nil
	}}, func(r *rig) {
		ids := r.insert("t", 500, func(i int, j *store.NewJob) { j.Queue = fmt.Sprint(i % 5) })
		after(30 * time.Second)
		r.want(store.Completed, ids...)
		if all.most != 35 {
			t.Errorf("at most %d at once, want 35", all.most)
		}
	}, func(c *Config) { c.Total = 35 })
}

func TestQueuesTakeTurnsWhenTheTotalIsTaken(t *testing.T) {
	inBubble(t, map[string]handler{
		"quick": func(context.Context, *store.Claimed) error { time.Sleep(time.Millisecond); return nil },
		"rare":  nothing,
	}, func(r *rig) {
		r.insert("quick", 20_000, func(_ int, j *store.NewJob) { j.Queue = "busy" })
		after(time.Second)
		rare := r.insert("rare", 20, func(_ int, j *store.NewJob) { j.Queue = "quiet" })
		after(200 * time.Millisecond)
		r.want(store.Completed, rare...)
	}, func(c *Config) { c.Total, c.Workers = 10, func(string) int { return 10 } })
}

func TestQueuesThatAreNotNamedAreLeft(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		mine := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Queue = "mine" })
		system := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Queue = store.SystemQueue })
		other := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Queue = "other" })
		none := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Queue = "none" })
		after(time.Minute)
		r.want(store.Completed, mine[0], system[0])
		r.want(store.Available, other[0], none[0])
		if r.log.count(`jobs wait in queue \"other\"`) != 1 {
			t.Errorf("the log is %q; want one word on the queue that nobody works", r.log.text.String())
		}
		if p := r.process(); p.Queues["mine"] != 10 || p.Queues["other"] != 0 || p.Memory == 0 {
			t.Errorf("the process is shown as %+v", p)
		}
	}, func(c *Config) {
		c.Queues = []string{"mine", "none"}
		c.Workers = func(queue string) int {
			if queue == "none" {
				return 0
			}
			return 10
		}
	})
}

func TestPriorityComesFirst(t *testing.T) {
	var order []int
	inBubble(t, map[string]handler{"t": func(_ context.Context, job *store.Claimed) error {
		order = append(order, job.Priority)
		time.Sleep(time.Second)
		return nil
	}}, func(r *rig) {
		r.insert("t", 10, func(i int, j *store.NewJob) { j.Priority = 9 - i })
		after(time.Minute)
		if !slices.IsSorted(order) || len(order) != 10 {
			t.Errorf("jobs ran in order of priority %v", order)
		}
	}, func(c *Config) { c.Workers = func(string) int { return 1 } })
}

func TestAttemptsEndAsTheirVerdictSays(t *testing.T) {
	type verdict = func(job *store.Claimed) Verdict
	says := func(v Verdict) verdict { return func(*store.Claimed) Verdict { return v } }
	for _, test := range []struct {
		name     string
		verdict  verdict
		shape    func(j *store.NewJob)
		state    store.State
		attempts int
		failures int
		kind     string
	}{
		{"nil", says(Verdict{}), nil, store.Completed, 1, 0, ""},
		{"an error", says(Verdict{Err: errFailed}), nil, store.Discarded, 3, 3, "*errors.errorString"},
		{"a wrapped error", says(Verdict{Err: fmt.Errorf("more words: %w", store.Unavailable("x", errFailed))}), nil, store.Discarded, 3, 3, "*fmt.wrapErrors"},
		{"with its kind", says(Verdict{Err: errFailed, Kind: "mine"}), nil, store.Discarded, 3, 3, "mine"},
		{"RetryIn", says(Verdict{Err: errFailed, How: RetryIn, In: time.Minute}), nil, store.Discarded, 3, 3, "*errors.errorString"},
		{"RetryIn below 0", says(Verdict{Err: errFailed, How: RetryIn, In: -time.Minute}), nil, store.Discarded, 3, 3, "*errors.errorString"},
		{"Discard", says(Verdict{Err: errFailed, How: Discard}), nil, store.Discarded, 1, 1, "*errors.errorString"},
		{"Cancel", says(Verdict{Err: errFailed, How: Cancel}), nil, store.Cancelled, 1, 1, "*errors.errorString"},
		{"Snooze", func(job *store.Claimed) Verdict {
			if job.Attempt <= 5 {
				return Verdict{Err: errFailed, How: Snooze, In: time.Second}
			}
			return Verdict{}
		}, nil, store.Completed, 6, 0, ""},
		{"given up in time", says(Verdict{Err: errFailed, How: RetryIn, In: time.Minute}), func(j *store.NewJob) { j.GiveUpAfter = 90 * time.Second }, store.Discarded, 2, 2, "*errors.errorString"},
		{"a panic", func(*store.Claimed) Verdict { panic("ouch") }, nil, store.Discarded, 3, 3, "panic"},
		{"an error whose text panics", says(Verdict{Err: panicking{}}), nil, store.Discarded, 3, 3, "engine.panicking"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, nil, func(r *rig) {
				id := r.insert("t", 1, func(_ int, j *store.NewJob) {
					if test.shape != nil {
						test.shape(j)
					}
				})[0]
				after(time.Hour)
				r.want(test.state, id)
				f := r.failures(id)
				if j := r.job(id); j.Attempt != test.attempts || len(f) != test.failures {
					t.Errorf("%d attempts and failures %+v; want %d and %d", j.Attempt, f, test.attempts, test.failures)
				}
				if len(f) > 0 && f[0].Kind != test.kind {
					t.Errorf("kind is %q, want %q", f[0].Kind, test.kind)
				}
			}, func(c *Config) {
				c.Tasks["t"] = &Task{Run: func(_ context.Context, job *store.Claimed) Verdict { return test.verdict(job) }}
			})
		})
	}
}

type panicking struct{}

func (panicking) Error() string { panic("no text") }

func TestABackoffThatPanicsIsReplaced(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		id := r.insert("t", 1, nil)[0]
		after(time.Second)
		r.want(store.Retryable, id)
		if in := time.Until(r.job(id).RunAt); in < 10*time.Second || in > 20*time.Second {
			t.Errorf("the retry is in %v, want about 16 s", in)
		}
	}, func(c *Config) {
		c.Tasks["t"] = &Task{
			Run:     func(context.Context, *store.Claimed) Verdict { return Verdict{Err: errFailed} },
			Backoff: func(int, error) time.Duration { panic("ouch") },
		}
	})
}

func TestTimeoutEndsTheContext(t *testing.T) {
	inBubble(t, map[string]handler{"t": obedient}, func(r *rig) {
		id := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Timeout, j.MaxAttempts = time.Minute, 1 })[0]
		after(59 * time.Second)
		r.want(store.Running, id)
		after(2 * time.Second)
		r.want(store.Discarded, id)
		if f := r.failures(id); f[0].Error != ErrTimeout.Error() || f[0].Kind != "timeout" {
			t.Errorf("failure is %+v", f[0])
		}
	})
}

func TestCancelEndsTheContextWithinASecond(t *testing.T) {
	var cause error
	inBubble(t, map[string]handler{
		"obeys": func(ctx context.Context, _ *store.Claimed) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return ctx.Err()
		},
		"succeeds": func(ctx context.Context, _ *store.Claimed) error {
			<-ctx.Done()
			return nil
		},
	}, func(r *rig) {
		obeys, succeeds := r.insert("obeys", 1, nil), r.insert("succeeds", 1, nil)
		after(10 * time.Second)
		if _, err := r.store.Act(t.Context(), store.Act{Verb: store.Cancel, IDs: append(obeys, succeeds...)}); err != nil {
			t.Fatal(err)
		}
		after(1300 * time.Millisecond)
		r.want(store.Cancelled, obeys...)
		r.want(store.Completed, succeeds...)
		if cause != ErrCancelled || len(r.failures(obeys[0])) != 0 {
			t.Errorf("cause %v, failures %v", cause, r.failures(obeys[0]))
		}
	})
}

func TestLargeInputsAreReadWhenTheAttemptStarts(t *testing.T) {
	var got int
	inBubble(t, map[string]handler{"t": func(_ context.Context, job *store.Claimed) error {
		got = len(job.Input)
		return nil
	}}, func(r *rig) {
		r.store.set(func() { r.store.away["Inputs"] = true })
		id := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Input = make([]byte, 1<<20) })[0]
		after(30 * time.Second)
		r.want(store.Running, id)
		r.store.set(func() { r.store.away["Inputs"] = false })
		after(10 * time.Second)
		r.want(store.Completed, id)
		if got != 1<<20 {
			t.Errorf("the handler got %d bytes", got)
		}
	})
}

func TestProgressIsKeptEachSecondAndAtTheEnd(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(ctx context.Context, _ *store.Claimed) error {
		for i := range 5000 {
			Progress(ctx, i+1, 5000, "on the way")
			time.Sleep(time.Millisecond)
		}
		Progress(ctx, 5000, 5000, "done")
		return errFailed
	}}, func(r *rig) {
		id := r.insert("t", 1, nil)[0]
		after(3500 * time.Millisecond)
		if p := r.job(id).Progress; p == nil || p.Done < 2400 {
			t.Errorf("after 3.5 s progress is %+v", p)
		}
		after(time.Second)
		if n := r.store.count("WriteProgress"); n > 6 {
			t.Errorf("progress was written %d times in 4.5 s", n)
		}
		Progress(t.Context(), 1, 2, "outside of a handler")
	})
}

func TestFenceNamesTheAttempt(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		process, fence, ok := Fence(ctx)
		if !ok || fence != job.Fence || process.IsZero() {
			t.Errorf("Fence = %v, %v, %v", process, fence, ok)
		}
		return nil
	}}, func(r *rig) {
		ids := r.insert("t", 1, nil)
		after(time.Second)
		r.want(store.Completed, ids...)
		if _, _, ok := Fence(t.Context()); ok {
			t.Error("another context has a fence")
		}
	})
}

func TestEventsFollowTheCommit(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(_ context.Context, job *store.Claimed) error {
		if job.Attempt == 1 {
			return errFailed
		}
		return nil
	}}, func(r *rig) {
		id := r.insert("t", 1, nil)[0]
		after(time.Minute)
		var states []store.State
		for _, e := range r.events {
			if e.Job.ID != id || e.Task != "t" || e.Queue != "q" || (e.Err != nil) != (e.State == store.Retryable) {
				t.Errorf("event %+v", e)
			}
			states = append(states, e.State)
		}
		if want := []store.State{store.Running, store.Retryable, store.Running, store.Completed}; !slices.Equal(states, want) {
			t.Errorf("events %v, want %v", states, want)
		}
	})
}

func TestRunSaysWhyItCouldNotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, misbehave(), nil)
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		if err := New(r.config).Run(t.Context()); err == nil {
			t.Error("Run on a closed store returned no error")
		}

		r = newRig(t, misbehave(), map[string]handler{"t": nothing})
		r.store.set(func() { r.store.away[""] = true })
		ids := insert(t, r.store, "t", 1, nil)
		r.start()
		after(time.Minute)
		r.store.set(func() { r.store.away[""] = false })
		after(10 * time.Second)
		r.want(store.Completed, ids...)
		r.store.set(func() { r.store.away[""] = true })
		r.stop()

		r.start()
		after(time.Second)
		if took := r.stop(); took > 5*time.Second {
			t.Errorf("Run that could not join returned after %v", took)
		}
	})
}

func TestAHandlerThatEndsItsGoroutineHasFailed(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(_ context.Context, job *store.Claimed) error {
		if job.Attempt < 3 {
			runtime.Goexit()
		}
		return nil
	}}, func(r *rig) {
		ids := r.insert("t", 30, nil)
		after(time.Minute)
		r.want(store.Completed, ids...)
		if f := r.failures(ids[0]); len(f) != 2 || f[0].Kind != "exit" {
			t.Errorf("failures are %+v", f)
		}
	})
}

func TestWakeBeforeRunIsSafe(t *testing.T) {
	e := New(Config{})
	e.Wake(store.Wake{})
	if e.mail.take() != nil {
		t.Error("a wake was kept")
	}
}
