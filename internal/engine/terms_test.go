package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

// inTurn gives jobs a turn, by the number of the job.
func inTurn(keys int) func(int, *store.NewJob) {
	return func(i int, j *store.NewJob) {
		j.Terms = &store.Terms{Turn: &store.Turn{Key: fmt.Sprint(i % keys)}}
	}
}

// Of one priority, neither jobs with turns nor those without wait until there are none of the
// others.
func TestJobsWithTurnsAndWithoutStarveNeither(t *testing.T) {
	for _, n := range []int{1, 10} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var mu sync.Mutex
			var order []bool // with a turn
			inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
				mu.Lock()
				order = append(order, job.Terms != nil)
				mu.Unlock()
				return lasting(10*time.Millisecond)(ctx, job)
			}}, func(r *rig) {
				r.insert("t", 2000, nil)
				r.insert("t", 2000, inTurn(7))
				low := r.insert("t", 10, func(_ int, j *store.NewJob) { j.Priority = 9 })
				after(3 * time.Second)
				mu.Lock()
				turns, all := 0, len(order)
				for _, turn := range order {
					if turn {
						turns++
					}
				}
				mu.Unlock()
				if share := float64(turns) / float64(all); share < 0.4 || share > 0.6 {
					t.Errorf("%d of %d jobs had turns", turns, all)
				}
				if n == 1 {
					return
				}
				r.want(store.Available, low...)
				after(time.Minute)
				r.want(store.Completed, low...)
				if len(order) != 4010 {
					t.Errorf("%d jobs were run", len(order))
				}
			}, slots(n))
		})
	}
}

// A deep backlog of one key does not hold up another's first job.
func TestKeysTakeTurns(t *testing.T) {
	var at time.Duration
	began := time.Time{}
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		if job.Terms.Turn.Key == "small" {
			at = time.Since(began)
		}
		return lasting(10*time.Millisecond)(ctx, job)
	}}, func(r *rig) {
		r.insert("t", 5000, inTurn(1))
		after(time.Second)
		began = time.Now()
		small := r.insert("t", 1, func(_ int, j *store.NewJob) { j.Terms = &store.Terms{Turn: &store.Turn{Key: "small"}} })
		after(time.Second)
		r.want(store.Completed, small...)
		if at > 300*time.Millisecond {
			t.Errorf("it was started after %v", at)
		}
	})
}

func TestTermsComeBackWithEachEnd(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		r.limit(store.Limit{Name: "crm", Max: 100})
		ends := map[store.Outcome]bool{}
		r.store.set(func() {
			r.store.bad = func(e store.Ended) error {
				if e.Terms == nil || len(e.Terms.Limits) != 1 || e.Terms.Limits[0].Limit != "crm" {
					t.Errorf("an end has terms %+v", e.Terms)
				}
				if (e.Pause == "crm") != (e.Outcome == store.OutcomeSnooze) {
					t.Errorf("%s has the pause %q", e.Outcome, e.Pause)
				}
				ends[e.Outcome] = true
				return nil
			}
		})
		for i := range 5 {
			r.insert("t", 1, func(_ int, j *store.NewJob) {
				under("crm", fmt.Sprint(i))(0, j)
				j.Input = fmt.Append(nil, i)
			})
		}
		after(time.Minute)
		if len(ends) != 5 {
			t.Errorf("ends were %v", ends)
		}
	}, func(c *Config) {
		c.Tasks["t"] = &Task{Run: func(_ context.Context, job *store.Claimed) Verdict {
			return []Verdict{
				{},
				{Err: errFailed},
				{Err: errFailed, How: Snooze, In: time.Hour, Pause: "crm"},
				{Err: errFailed, How: Discard},
				{Err: errFailed, How: Cancel},
			}[job.Input[0]-'0']
		}}
	})
}

// A handler that has met a 429 pauses its key for all.
func TestAHandlerPausesItsKey(t *testing.T) {
	began := time.Time{}
	var at []time.Duration // one at a time: the limit is 1
	inBubble(t, nil, func(r *rig) {
		began = time.Now()
		r.limit(store.Limit{Name: "api", Max: 1})
		same := r.insert("t", 3, under("api", "acme"))
		other := r.insert("t", 1, under("api", "other"))
		after(5 * time.Second)
		r.want(store.Completed, other...)
		after(10 * time.Second)
		r.want(store.Completed, same...)
		slices.Sort(at)
		if len(at) != 4 || at[0] != 0 || at[1] < 7*time.Second {
			t.Errorf("starts of the key were at %v, want none for 7 s after the first", at)
		}
	}, func(c *Config) {
		c.Tasks["t"] = &Task{Run: func(_ context.Context, job *store.Claimed) Verdict {
			if job.Terms.Limits[0].Key == "other" {
				return Verdict{}
			}
			at = append(at, time.Since(began))
			if len(at) == 1 {
				return Verdict{Err: errFailed, How: Snooze, In: 7 * time.Second, Pause: "api"}
			}
			return Verdict{}
		}}
	})
}

func TestALimitIsNeverExceeded(t *testing.T) {
	var mu sync.Mutex
	now, most := map[string]int{}, map[string]int{}
	count := func(key string, n int) {
		mu.Lock()
		defer mu.Unlock()
		now[key] += n
		most[key] = max(most[key], now[key])
	}
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		key := job.Terms.Limits[0].Key
		count(key, 1)
		defer count(key, -1)
		return lasting(time.Second)(ctx, job)
	}}, func(r *rig) {
		r.limit(store.Limit{Name: "crm", Max: 2})
		ids := r.insert("t", 40, func(i int, j *store.NewJob) { under("crm", fmt.Sprint(i%4))(i, j) })
		after(5500 * time.Millisecond) // the end of one starts the next at once
		r.want(store.Completed, ids...)
		for key, n := range most {
			if n != 2 {
				t.Errorf("%d jobs of key %s ran at once", n, key)
			}
		}
	})
}

// Jobs in the hand wait behind a slow handler until they are out of time.
func TestAJobInTheHandExpires(t *testing.T) {
	ran := 0
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		if job.Priority > 0 && job.Terms != nil {
			ran++
		}
		if job.Priority == 0 {
			return lasting(600*time.Millisecond)(ctx, job)
		}
		return lasting(time.Millisecond)(ctx, job)
	}}, func(r *rig) {
		r.insert("t", 1000, nil)
		after(500 * time.Millisecond)
		ids := r.insert("t", 6, func(i int, j *store.NewJob) {
			j.Priority, j.Terms = min(i, 1), &store.Terms{Expire: 200 * time.Millisecond}
		})
		after(200 * time.Millisecond)
		r.want(store.Running, ids...) // the first in its slot, the others behind it
		after(500 * time.Millisecond)
		r.want(store.Completed, ids[0])
		r.want(store.Expired, ids[1:]...)
		told := 0
		for _, e := range r.events {
			if slices.Contains(ids[1:], e.Job.ID) {
				told++
				if e.State != store.Expired {
					t.Errorf("event %+v of a job that was not begun", e)
				}
			}
		}
		if j := r.job(ids[1]); ran > 0 || told != 5 || j.Failures > 0 {
			t.Errorf("%d were run, %d of 5 ends told; job is %+v", ran, told, j)
		}
	}, slots(1))
}

// What is given back from the hand expires as if it had never been there.
func TestAJobThatIsGivenBackExpires(t *testing.T) {
	for _, how := range []string{"pause", "stop"} {
		t.Run(how, func(t *testing.T) {
			var calls recorder
			synctest.Test(t, func(t *testing.T) {
				s := misbehave()
				r := newRig(t, s, nil, runMany(&calls, 100, 40*time.Second, nil))
				r.start()
				ids := r.insert("many", 5, func(_ int, j *store.NewJob) { j.Terms = &store.Terms{Expire: 20 * time.Second} })
				after(time.Second)
				r.want(store.Running, ids...)
				r.control(store.Control{PauseQueue: "q"})
				if how == "pause" {
					after(2 * time.Second)
				}
				r.stop()
				r.start()
				after(15 * time.Second)
				r.want(store.Blocked, ids...)
				after(5 * time.Second)
				r.want(store.Expired, ids...)
				calls.want(t)
				r.stop()
			})
		})
	}
}

// What is given back from the hand takes a newer input as if it had never been there.
func TestAJobThatIsGivenBackIsReplaced(t *testing.T) {
	for _, how := range []string{"pause", "stop"} {
		t.Run(how, func(t *testing.T) {
			var calls recorder
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, misbehave(), nil, runMany(&calls, 100, 40*time.Second, nil))
				r.start()
				put := func(input string) store.Inserted {
					job := keyed("k", store.ConflictReplace)
					job.Task, job.Input = "many", []byte(input)
					return r.put(job)
				}
				old := put("old").ID
				after(time.Second)
				r.want(store.Running, old) // it waits for company
				if how == "pause" {
					r.control(store.Control{PauseQueue: "q"})
					after(2 * time.Second)
				} else {
					r.stop()
				}
				if in := put("newer"); in.ID != old || !in.Replaced {
					t.Errorf("a newer input: %+v; want it given to job %s", in, old)
				}
				r.control(store.Control{ResumeQueue: "q"})
				if how == "stop" {
					r.start()
				}
				after(time.Minute)
				r.want(store.Completed, old)
				if j := r.job(old); string(j.Input) != "newer" || j.Failures > 0 {
					t.Errorf("job is %+v; want it run once, with the newer input", j)
				}
				calls.want(t, 1)
				r.stop()
			})
		})
	}
}

// put stores a job, and wakes the engine.
func (r *rig) put(job store.NewJob) store.Inserted {
	r.t.Helper()
	inserted, err := r.store.Store.Insert(r.t.Context(), []store.NewJob{job})
	if err != nil {
		r.t.Fatal(err)
	}
	r.engine.Wake(store.Wake{Priority: -1})
	return inserted[0]
}

// It must not expire because it waits for company.
func TestAJobThatExpiresIsNotKeptWaiting(t *testing.T) {
	var calls recorder
	inBubble(t, nil, func(r *rig) {
		ids := r.insert("many", 2, func(i int, j *store.NewJob) {
			if i == 1 {
				j.Terms = &store.Terms{Expire: 10 * time.Second}
			}
		})
		after(10 * time.Second)
		r.want(store.Completed, ids...)
		calls.want(t, 2)
	}, runMany(&calls, 100, time.Minute, nil))
}

func TestAnInputThatComesTooLateExpiresItsJob(t *testing.T) {
	var calls recorder
	ran := 0
	inBubble(t, map[string]handler{"t": func(context.Context, *store.Claimed) error { ran++; return nil }}, func(r *rig) {
		r.store.set(func() { r.store.away["Inputs"] = true })
		large := func(_ int, j *store.NewJob) {
			j.Input, j.Terms = make([]byte, 2*store.InlineInput), &store.Terms{Expire: 3 * time.Second}
		}
		ids := append(r.insert("t", 2, large), r.insert("many", 2, large)...)
		other := r.insert("many", 1, func(_ int, j *store.NewJob) { j.Input = make([]byte, 2*store.InlineInput) })
		after(5 * time.Second)
		r.store.set(func() { r.store.away["Inputs"] = false })
		after(10 * time.Second)
		r.want(store.Expired, ids...)
		r.want(store.Completed, other...)
		calls.want(t, 1)
		if ran > 0 {
			t.Errorf("%d were run", ran)
		}
	}, runMany(&calls, 3, time.Hour, nil))
}

func TestAJobWithTermsIsNotStartedBeforeItIsLetThrough(t *testing.T) {
	inBubble(t, map[string]handler{"t": lasting(time.Second)}, func(r *rig) {
		r.limit(store.Limit{Name: "crm", Max: 1})
		e := r.enqueuer()
		var ids []store.ID
		for range 3 {
			job := newJob()
			under("crm", "")(0, &job)
			ids = append(ids, r.enqueue(e, job))
			synctest.Wait()
		}
		if n := r.store.count("Start"); n > 0 {
			t.Errorf("%d were started at once", n)
		}
		r.want(store.Running, ids[0])
		r.want(store.Blocked, ids[1:]...)
		after(3500 * time.Millisecond)
		r.want(store.Completed, ids...)
	})
}

// keyed gives a job a unique key.
func keyed(key string, conflict store.Conflict) store.NewJob {
	job := newJob()
	job.Terms = &store.Terms{Unique: &store.Unique{Key: key, Until: store.UntilEnded, OnConflict: conflict}}
	return job
}

// A transaction of the caller's holds a unique key for long. Who wants the same key waits for
// it; nobody else waits for them.
func TestAUniqueKeyThatIsLockedHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		e := NewEnqueuer(s, nil)
		tx := s.Begin()
		in, err := s.Within(tx)
		if err != nil {
			t.Fatal(err)
		}
		first := keyed("a", store.ConflictKeep)
		if _, err := in.Insert(t.Context(), []store.NewJob{first}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var all sync.WaitGroup
		insert := func(job store.NewJob, atMost time.Duration) {
			all.Go(func() {
				began := time.Now()
				inserted, err := e.Insert(t.Context(), []store.NewJob{job})
				if took := time.Since(began); err != nil || took > atMost {
					t.Errorf("Insert = %v, %v after %v; want an answer within %v", inserted, err, took, atMost)
				} else if atMost > 5*time.Second && inserted[0].ID != first.ID {
					t.Errorf("Insert = %+v, want the job of the transaction", inserted)
				}
			})
		}
		for range 5 {
			insert(keyed("a", store.ConflictKeep), 7*time.Second)
		}
		for i := range 30 {
			insert(keyed(fmt.Sprint(i), store.ConflictKeep), sharedFor)
			insert(newJob(), 0)
		}
		after(2 * time.Second) // now it is known which key it is
		for range 10 {
			insert(keyed("a", store.ConflictKeep), 7*time.Second)
			insert(keyed("b", store.ConflictKeep), 0)
			insert(newJob(), 0)
		}
		after(4 * time.Second)
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("the last was answered after %v, want when the transaction ends", took)
		}
		// It is over, and they share again: while the first call is under way all others come.
		var calls atomic.Int64
		s.set(func() {
			s.meets = func(context.Context, string) (before, after error) {
				calls.Add(1)
				time.Sleep(time.Millisecond)
				return nil, nil
			}
		})
		for i := range 100 {
			insert(keyed(fmt.Sprint("c", i), store.ConflictKeep), 2*time.Millisecond)
		}
		all.Wait()
		if n := calls.Load(); n > 2 {
			t.Errorf("100 callers took %d calls", n)
		}
	})
}

func TestAUniqueKeyThatIsLockedForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		tx := s.Begin()
		in, err := s.Within(tx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Insert(t.Context(), []store.NewJob{keyed("a", store.ConflictKeep)}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = NewEnqueuer(s, nil).Insert(t.Context(), []store.NewJob{keyed("a", store.ConflictKeep)})
		if took := time.Since(began); !errors.Is(err, store.ErrUnavailable) || took > sharedFor+callTimeout {
			t.Errorf("Insert = %v after %v", err, took)
		}
	})
}

func TestOneConflictRefusesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		e := NewEnqueuer(s, nil)
		holder := keyed("7", store.ConflictFail)
		if _, err := e.Insert(t.Context(), []store.NewJob{holder}); err != nil {
			t.Fatal(err)
		}
		s.meets = func(context.Context, string) (before, after error) {
			time.Sleep(time.Millisecond) // meanwhile the others gather
			return nil, nil
		}
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				inserted, err := e.Insert(t.Context(), []store.NewJob{keyed(fmt.Sprint(i), store.ConflictFail)})
				var conflict *store.ConflictError
				if i == 7 != errors.As(err, &conflict) || i != 7 && (err != nil || inserted[0].Existing) {
					t.Errorf("caller %d: %v, %v", i, inserted, err)
				}
				if i == 7 && conflict != nil && (conflict.ID != holder.ID || conflict.Key != "7" || conflict.Task != "t") {
					t.Errorf("the conflict is %+v", conflict)
				}
			})
		}
		all.Wait()
	})
}
