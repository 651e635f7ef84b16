package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

// A recorder keeps the calls of a handler of many jobs.
type recorder struct {
	mu    sync.Mutex
	calls [][]store.ID
	at    []time.Duration // since the first
	first time.Time
}

func (r *recorder) note(jobs []*store.Claimed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []store.ID
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	if r.first.IsZero() {
		r.first = time.Now()
	}
	r.calls, r.at = append(r.calls, ids), append(r.at, time.Since(r.first))
}

// sizes are how many jobs each call had.
func (r *recorder) sizes() (sizes []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		sizes = append(sizes, len(c))
	}
	return sizes
}

func (r *recorder) want(t *testing.T, sizes ...int) {
	t.Helper()
	if got := r.sizes(); !slices.Equal(got, sizes) {
		t.Errorf("calls had %v jobs, want %v", got, sizes)
	}
}

// runMany adds a task whose jobs are run together by a handler with one error for all.
func runMany(calls *recorder, most int, wait time.Duration, run func(ctx context.Context, jobs []*store.Claimed) error) func(*Config) {
	return func(c *Config) {
		c.Tasks["many"] = &Task{
			Backoff: func(failures int, _ error) time.Duration { return time.Duration(failures) * time.Second },
			Many: &Many{Most: most, Wait: wait, Run: func(ctx context.Context, jobs []*store.Claimed) []Verdict {
				calls.note(jobs)
				v := Verdict{Result: []byte("1")}
				if run != nil {
					v.Err = run(ctx, jobs)
				}
				return slices.Repeat([]Verdict{v}, len(jobs))
			}},
		}
	}
}

func slots(n int) func(*Config) {
	return func(c *Config) { c.Workers = func(string) int { return n } }
}

func TestManyJobsAreOneCall(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 1000, nil)
		synctest.Wait() // full calls wait for nothing, and have more jobs than there are slots
		r.want(store.Completed, ids...)
		calls.want(t, 500, 500)
		if j := r.job(ids[0]); j.Attempt != 1 || string(j.Result) != "1" {
			t.Errorf("job is %+v; want its result after one attempt", j)
		}
	}, runMany(&calls, 500, time.Hour, nil))
}

// A single slot and a slow handler: what comes ahead must not make small calls of its own.
func TestCallsAreFullWhileTheStoreHasMore(t *testing.T) {
	for _, wait := range []time.Duration{0, 20 * time.Millisecond, time.Minute} {
		t.Run(wait.String(), func(t *testing.T) {
			var calls recorder
			inBubble(t, nil, func(r *rig) {
				r.store.set(func() {
					r.store.meets = func(context.Context, string) (before, after error) {
						time.Sleep(2 * time.Millisecond) // a round trip
						return nil, nil
					}
				})
				ids := r.insert("many", 950, nil)
				after(2 * time.Minute)
				r.want(store.Completed, ids...)
				calls.want(t, 100, 100, 100, 100, 100, 100, 100, 100, 100, 50)
			}, runMany(&calls, 100, wait, func(context.Context, []*store.Claimed) error { time.Sleep(300 * time.Millisecond); return nil }), slots(1))
		})
	}
}

func TestACallWaitsForMoreFromItsFirstJob(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		began := time.Now()
		ids := r.insert("many", 1, nil)
		after(1500 * time.Millisecond)
		ids = append(ids, r.insert("many", 2, nil)...)
		r.want(store.Completed)
		calls.want(t)
		after(400 * time.Millisecond)
		calls.want(t)
		after(100 * time.Millisecond)
		calls.want(t, 3)
		if calls.first.Sub(began) != 2*time.Second {
			t.Errorf("the call came after %v", calls.first.Sub(began))
		}
		r.want(store.Completed, ids...)
	}, runMany(&calls, 100, 2*time.Second, nil))
}

func TestJobsThatGatherHoldNoSlot(t *testing.T) {
	var calls recorder
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		r.insert("many", 5, nil)
		after(time.Second)
		ids := r.insert("t", 50, nil)
		synctest.Wait()
		r.want(store.Completed, ids...)
		calls.want(t)
		after(time.Minute)
		calls.want(t, 5)
	}, runMany(&calls, 100, 10*time.Second, nil), slots(1))
}

func TestACallIsOneSlot(t *testing.T) {
	var calls recorder
	var all crowd
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 40, nil)
		after(store.BeatEvery + time.Second)
		if p := r.process(); p.Running != 20 || p.Queues["q"] != 2 {
			t.Errorf("%d jobs run in %d slots, it says; want 20 in 2", p.Running, p.Queues["q"])
		}
		after(10 * time.Second)
		r.want(store.Completed, ids...)
		if all.most != 2 {
			t.Errorf("%d calls at once in two slots", all.most)
		}
	}, runMany(&calls, 10, time.Second, func(context.Context, []*store.Claimed) error {
		all.enter()
		time.Sleep(5 * time.Second)
		all.leave()
		return nil
	}), slots(2))
}

// Groups of several tasks and single jobs share a queue, and a total that is taken.
func TestNoTaskStarvesAnother(t *testing.T) {
	var one, two recorder
	inBubble(t, map[string]handler{"t": lasting(10 * time.Millisecond)}, func(r *rig) {
		var ids []store.ID
		for range 20 {
			ids = append(ids, r.insert("t", 20, nil)...)
			ids = append(ids, r.insert("many", 15, nil)...)
			ids = append(ids, r.insert("more", 15, nil)...)
			ids = append(ids, r.insert("many", 15, func(_ int, j *store.NewJob) { j.Queue = "other" })...)
		}
		after(time.Minute)
		r.want(store.Completed, ids...)
		for _, calls := range []*recorder{&one, &two} {
			if sizes := calls.sizes(); slices.Max(sizes) > 10 || len(sizes) > 100 {
				t.Errorf("calls had %v jobs", sizes)
			}
		}
	}, func(c *Config) {
		runMany(&two, 10, time.Second, nil)(c)
		c.Tasks["more"] = c.Tasks["many"]
		runMany(&one, 10, time.Second, nil)(c)
		c.Total = 3
	})
}

func TestPriorityComesFirstAmongGroupsToo(t *testing.T) {
	var calls recorder
	var order []string
	note := func(ctx context.Context, job *store.Claimed) error {
		order = append(order, fmt.Sprint("t", job.Priority))
		return lasting(time.Second)(ctx, job)
	}
	inBubble(t, map[string]handler{"t": note}, func(r *rig) {
		r.insert("t", 1, func(_ int, j *store.NewJob) { j.Priority = 0 })
		synctest.Wait() // its handler has the only slot
		r.insert("t", 1, func(_ int, j *store.NewJob) { j.Priority = 2 })
		r.insert("many", 2, func(_ int, j *store.NewJob) { j.Priority = 3 })
		r.insert("t", 1, func(_ int, j *store.NewJob) { j.Priority = 4 })
		after(20 * time.Second)
		if want := []string{"t0", "t2", "many", "t4"}; !slices.Equal(order, want) {
			t.Errorf("order was %v, want %v", order, want)
		}
	}, runMany(&calls, 2, 0, func(context.Context, []*store.Claimed) error {
		order = append(order, "many")
		time.Sleep(time.Second)
		return nil
	}), slots(1))
}

func TestEachJobOfACallHasItsOwnEnd(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 5, func(i int, j *store.NewJob) {
			j.Input = fmt.Append(nil, i)
			j.MaxAttempts = 1 + i%2
		})
		after(500 * time.Millisecond)
		r.want(store.Completed, ids[0])
		r.want(store.Retryable, ids[1])
		r.want(store.Discarded, ids[2])
		r.want(store.Scheduled, ids[3])
		r.want(store.Cancelled, ids[4])
		if f := r.failures(ids[2]); len(f) != 1 || f[0].Error != "failed 2" {
			t.Errorf("failures are %+v", f)
		}
		if j := r.job(ids[1]); j.RunAt.Sub(j.StartedAt).Round(time.Second) != 7*time.Second {
			t.Errorf("it is tried again after %v", j.RunAt.Sub(j.StartedAt))
		}
		after(time.Hour)
		r.want(store.Discarded, ids[1])
		r.want(store.Completed, ids[3])
		running := 0
		for _, e := range r.events {
			if e.State == store.Running {
				running++
			}
		}
		if running != 7 {
			t.Errorf("%d starts were told, want one of each attempt", running)
		}
	}, func(c *Config) {
		c.Tasks["many"] = &Task{
			Backoff: func(int, error) time.Duration { return 7 * time.Second },
			Many: &Many{Most: 5, Wait: time.Second, Run: func(_ context.Context, jobs []*store.Claimed) (verdicts []Verdict) {
				for _, j := range jobs {
					err := fmt.Errorf("failed %s", j.Input)
					v := map[string]Verdict{
						"0": {}, "1": {Err: err}, "2": {Err: err}, "3": {Err: err, How: Snooze, In: time.Minute}, "4": {Err: err, How: Cancel},
					}[string(j.Input)]
					if j.Attempt == 2 && string(j.Input) == "3" {
						v = Verdict{}
					}
					verdicts = append(verdicts, v)
				}
				return verdicts
			}},
		}
	})
}

func TestACallThatFailsAsAWholeIsTheFailureOfEach(t *testing.T) {
	for _, test := range []struct {
		name, kind string
		run        func() []Verdict
	}{
		{"a panic", "panic", func() []Verdict { panic("ouch") }},
		{"no verdict for some", "*errors.errorString", func() []Verdict { return []Verdict{{}} }},
		{"its goroutine is ended", "exit", func() []Verdict { runtime.Goexit(); return nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, nil, func(r *rig) {
				ids := r.insert("many", 4, func(_ int, j *store.NewJob) { j.MaxAttempts = 1 })
				after(time.Minute)
				r.want(store.Discarded, ids...)
				for _, id := range ids {
					if f := r.failures(id); len(f) != 1 || f[0].Kind != test.kind {
						t.Errorf("failures are %+v, want one of kind %s", f, test.kind)
					}
				}
			}, func(c *Config) {
				c.Tasks["many"] = &Task{Many: &Many{Most: 2, Wait: time.Second, Run: func(context.Context, []*store.Claimed) []Verdict {
					return test.run()
				}}}
			})
		})
	}
}

func (r *rig) act(verb store.Verb, ids ...store.ID) {
	r.t.Helper()
	if _, err := r.store.Store.Act(r.t.Context(), store.Act{Verb: verb, IDs: ids}); err != nil {
		r.t.Fatal(err)
	}
}

func TestAJobThatIsCancelledLeavesItsGroup(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 3, nil)
		after(time.Second)
		r.act(store.Cancel, ids[0])
		after(2 * time.Second)
		r.want(store.Cancelled, ids[0])
		after(3 * time.Second)
		calls.want(t, 2)
		r.want(store.Completed, ids[1:]...)
	}, runMany(&calls, 100, 5*time.Second, nil))
}

// One that is cancelled does not end the work of the others: what has become of it is the
// handler's to say. When all are, the context of the call ends.
func TestCancelDuringACall(t *testing.T) {
	var calls recorder
	var causes []error
	inBubble(t, nil, func(r *rig) {
		once := func(_ int, j *store.NewJob) { j.MaxAttempts = 1 }
		some := r.insert("many", 2, once)
		after(time.Second)
		r.act(store.Cancel, some[0])
		after(14 * time.Second)
		if p := r.process(); len(p.Stuck) > 0 {
			t.Errorf("%v are shown as stuck, while the call goes on for another job", p.Stuck)
		}
		r.want(store.Running, some...)
		after(10 * time.Second)
		r.want(store.Cancelled, some[0])
		r.want(store.Discarded, some[1])

		all := r.insert("many", 2, once)
		after(time.Second)
		r.act(store.Cancel, all...)
		after(2 * time.Second)
		r.want(store.Cancelled, all...)
		if len(causes) != 2 || causes[0] != nil || causes[1] != ErrCancelled {
			t.Errorf("the calls ended with causes %v; want only the second cancelled", causes)
		}
	}, runMany(&calls, 2, 0, func(ctx context.Context, _ []*store.Claimed) error {
		_ = lasting(20*time.Second)(ctx, nil)
		causes = append(causes, context.Cause(ctx))
		return errFailed
	}), slots(1))
}

func TestTheTimeoutOfACallIsTheShortest(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 3, func(i int, j *store.NewJob) {
			j.Timeout = []time.Duration{0, 3 * time.Second, time.Minute}[i]
			j.MaxAttempts = 1
		})
		after(4 * time.Second)
		r.want(store.Discarded, ids...)
		if f := r.failures(ids[0]); len(f) != 1 || f[0].Kind != "timeout" {
			t.Errorf("failures are %+v", f)
		}
	}, runMany(&calls, 3, time.Hour, func(ctx context.Context, _ []*store.Claimed) error { return obedient(ctx, nil) }))
}

func TestACallBelongsToNoJob(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 2, nil)
		after(time.Second)
		r.want(store.Completed, ids...)
		if n := r.store.count("WriteProgress"); n > 0 {
			t.Errorf("progress was written %d times", n)
		}
	}, runMany(&calls, 2, time.Hour, func(ctx context.Context, _ []*store.Claimed) error {
		Progress(ctx, 1, 2, "")
		if _, _, ok := Fence(ctx); ok {
			return errFailed
		}
		return nil
	}))
}

func TestLargeInputsOfACall(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		r.store.set(func() { r.store.away["Inputs"] = true })
		ids := r.insert("many", 120, func(i int, j *store.NewJob) {
			if i%3 > 0 {
				j.Input = make([]byte, 2*store.InlineInput)
			}
		})
		after(2 * time.Second)
		calls.want(t)
		r.store.set(func() { r.store.away["Inputs"] = false })
		after(10 * time.Second)
		r.want(store.Completed, ids...)
		calls.want(t, 120)
		if n := r.store.count("Inputs"); n > 10 {
			t.Errorf("80 inputs were read in %d calls", n)
		}
		large := r.insert("many", 120, func(_ int, j *store.NewJob) { j.Input = make([]byte, 2*store.InlineInput) })
		r.store.set(func() { r.store.hang["Inputs"] = true })
		after(time.Second)
		r.stop()
		r.want(store.Available, large...)
	}, runMany(&calls, 120, time.Hour, func(_ context.Context, jobs []*store.Claimed) error {
		for _, j := range jobs {
			if j.Large && len(j.Input) != 2*store.InlineInput {
				return errFailed
			}
		}
		return nil
	}))
}

func TestAtMost4000JobsGather(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		r.insert("many", 10_000, nil)
		after(time.Minute)
		if counts, err := r.store.Counts(t.Context()); err != nil || counts[store.Running] != maxWaiting {
			t.Errorf("counts are %v, %v; want %d in the hand", counts, err, maxWaiting)
		}
	}, runMany(&calls, 8000, time.Hour, nil))
}

func TestDrainGathersWhatIsDue(t *testing.T) {
	var calls recorder
	r := newRig(t, misbehave(), map[string]handler{"t": nothing}, runMany(&calls, 10, time.Hour, nil))
	ids := insert(t, r.store, "many", 25, nil)
	ids = append(ids, insert(t, r.store, "t", 5, nil)...)
	ids = append(ids, insert(t, r.store, "many", 2, func(_ int, j *store.NewJob) { j.Queue = "other" })...)
	count, err := New(r.config).Drain(t.Context())
	if err != nil || count.Completed != 32 {
		t.Errorf("Drain = %+v, %v", count, err)
	}
	r.want(store.Completed, ids...)
	calls.want(t, 10, 10, 7)
}
