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

// every has the rig's process take the ticks of its schedules: each is a job of task "t" of the
// name of its schedule, and the next comes so much later.
func every(d time.Duration) func(*Config) {
	return func(c *Config) {
		c.Tick = func(_ time.Time, s store.Schedule) (store.Ticked, error) {
			job := newJob()
			job.Input, job.RunAt = []byte(s.Name), s.Next
			return store.Ticked{Next: s.Next.Add(d), Last: s.Next, Jobs: []store.NewJob{job}}, nil
		}
	}
}

func (r *rig) schedule(name string, in time.Duration) {
	r.t.Helper()
	if err := r.store.Store.PutSchedules(r.t.Context(), []store.Schedule{{Name: name, Next: time.Now().Add(in)}}); err != nil {
		r.t.Fatal(err)
	}
}

func TestTicksAreTakenOnTime(t *testing.T) {
	var late []time.Duration
	began := time.Time{}
	inBubble(t, map[string]handler{"t": func(context.Context, *store.Claimed) error {
		late = append(late, time.Since(began))
		return nil
	}}, func(r *rig) {
		began = time.Now()
		r.schedule("a", 2345*time.Millisecond)
		after(12 * time.Second)
		var want []time.Duration
		for i := range 4 {
			want = append(want, 2345*time.Millisecond+time.Duration(i)*3*time.Second)
		}
		if !slices.Equal(late, want) {
			t.Errorf("jobs of ticks began after %v, want %v", late, want)
		}
		if n := r.store.count("Tick"); n != 4 {
			t.Errorf("it took %d calls", n)
		}
	}, every(3*time.Second))
}

// Ten processes see the same schedules. Each tick is one job, on time; when who takes them is
// gone, others do within a second. Ten calls a tick would be all of them each time; chance has
// about half of that, a few more or less.
func TestTenProcessesTakeATickOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Duration
		began := time.Now()
		s := misbehave()
		var rigs []*rig
		for range 10 {
			r := newRig(t, s, map[string]handler{"t": func(context.Context, *store.Claimed) error {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Since(began))
				return nil
			}}, every(5*time.Second))
			r.start()
			time.Sleep(70 * time.Millisecond)
			rigs = append(rigs, r)
		}
		rigs[0].schedule("a", 5*time.Second-time.Since(began))
		after(64 * time.Second)
		calls := s.count("Tick")
		for i, at := range at {
			if want := time.Duration(i+1) * 5 * time.Second; at-want > time.Second || at < want {
				t.Errorf("tick %d came after %v, want %v", i, at, want)
			}
		}
		if len(at) != 12 || calls > 80 {
			t.Errorf("%d jobs of 12 ticks, in %d calls", len(at), calls)
		}
		for _, r := range rigs[:9] {
			r.stop()
		}
		after(60 * time.Second)
		for i, at := range at {
			if want := time.Duration(i+1) * 5 * time.Second; at-want > time.Second || at < want {
				t.Errorf("tick %d came after %v, want %v", i, at, want)
			}
		}
		if len(at) != 24 {
			t.Errorf("%d jobs of 24 ticks", len(at))
		}
		rigs[9].stop()
	})
}

func TestAScheduleThatFailsHoldsUpNoOther(t *testing.T) {
	for _, how := range []string{"error", "panic"} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
				r.schedule("bad", 0)
				r.schedule("good", 0)
				after(time.Minute)
				jobs, err := r.store.Find(t.Context(), store.Filter{States: []store.State{store.Completed}})
				if err != nil || len(jobs) < 11 || len(jobs) > 13 {
					t.Errorf("%d jobs in a minute, %v", len(jobs), err)
				}
				if n := r.store.count("Tick"); n > 130 {
					t.Errorf("%d calls in a minute", n)
				}
				if n := r.log.count("take ticks"); n == 0 || n > 5 {
					t.Errorf("the log is %q", r.log.text.String())
				}
			}, every(5*time.Second), func(c *Config) {
				good := c.Tick
				c.Tick = func(now time.Time, s store.Schedule) (store.Ticked, error) {
					switch {
					case s.Name == "good":
						return good(now, s)
					case how == "panic":
						panic("ouch")
					}
					return store.Ticked{}, errFailed
				}
			})
		})
	}
}

func TestManyTicksThatAreDueAtOnce(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		for i := range 3*tickMost + 7 {
			r.schedule(fmt.Sprint(i), 2*time.Second)
		}
		after(3 * time.Second)
		if counts, err := r.store.Counts(t.Context()); err != nil || counts[store.Completed] != 3*tickMost+7 {
			t.Errorf("counts are %v, %v", counts, err)
		}
	}, every(time.Hour))
}

func TestChoresOutliveAnOutage(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		r.schedule("a", 5*time.Second)
		r.store.Store.WriteInbox("t", "", "")
		r.store.set(func() {
			r.store.away["Tick"], r.store.away["InboxRows"] = true, true
		})
		after(time.Minute)
		for _, verb := range []string{"Tick", "InboxRows"} {
			if n := r.store.count(verb); n < 8 || n > 25 {
				t.Errorf("%d calls of %s in a minute, all in vain", n, verb)
			}
		}
		r.store.set(func() { clear(r.store.away) })
		after(6 * time.Second)
		if counts, err := r.store.Counts(t.Context()); err != nil || counts[store.Completed] != 2 {
			t.Errorf("counts are %v, %v; want a job of the tick and one of the inbox", counts, err)
		}
	}, every(time.Hour), takesInbox)
}

func declares(c *Config) {
	c.Declare = func(ctx context.Context) error { return c.Store.PutSchedules(ctx, nil) }
}

func TestSchedulesAreDeclaredEachMinute(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		if n := r.store.count("PutSchedules"); n != 1 {
			t.Errorf("%d at the start", n)
		}
		after(10 * time.Minute)
		if n := r.store.count("PutSchedules"); n < 9 || n > 14 {
			t.Errorf("%d within ten minutes", n)
		}
		r.store.set(func() { r.store.away["PutSchedules"] = true })
		before := r.store.count("PutSchedules")
		after(10 * time.Minute)
		if n := r.store.count("PutSchedules") - before; n < 100 || n > 200 {
			t.Errorf("%d within ten minutes, all in vain", n)
		}
	}, declares)
}

// takesInbox makes jobs of rows; a row of task "bad" is refused.
func takesInbox(c *Config) {
	c.Inbox = func(_ context.Context, rows []store.InboxRow) (fates []store.InboxFate, _ error) {
		for _, row := range rows {
			f := store.InboxFate{Number: row.Number}
			if row.Task == "bad" {
				f.Error = "bad row"
			} else {
				job := newJob()
				job.Task, job.Input = row.Task, row.Input
				f.Job = &job
			}
			fates = append(fates, f)
		}
		return fates, nil
	}
}

func (r *rig) refused() (why []string) {
	r.t.Helper()
	rows, err := r.store.Store.InboxRows(r.t.Context(), true, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, row := range rows {
		why = append(why, row.Error)
	}
	return why
}

func TestRowsOfTheInboxBecomeJobs(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		after(time.Minute)
		for range 2500 {
			r.store.Store.WriteInbox("t", "", "")
		}
		r.store.Store.WriteInbox("bad", "", "")
		r.store.Store.WriteInbox("t", "refused", "")
		r.store.Store.WriteInbox("t", "", "")
		r.store.set(func() {
			r.store.taken = func(jobs []store.NewJob) error {
				if string(jobs[0].Input) == "refused" {
					return errBad
				}
				return nil
			}
		})
		after(time.Second)
		if counts, err := r.store.Counts(t.Context()); err != nil || counts[store.Completed] != 2501 {
			t.Errorf("counts are %v, %v", counts, err)
		}
		if why := r.refused(); !slices.Equal(why, []string{"refused", "bad row"}) {
			t.Errorf("refused were %q", why)
		}
		before := r.store.count("InboxRows")
		after(time.Minute)
		if n := r.store.count("InboxRows") - before; n > 0 {
			t.Errorf("it was looked at %d times when there was nothing in it", n)
		}
	}, takesInbox)
}

// A transaction of a program's own holds the key of a row for long.
func TestARowWhoseKeyIsLockedHoldsUpNoOther(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		tx := r.store.Begin()
		in, err := r.store.Within(tx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Insert(t.Context(), []store.NewJob{keyed("a", store.ConflictKeep)}); err != nil {
			t.Fatal(err)
		}
		r.schedule("a", 6*time.Second)
		for i := range 20 {
			r.store.Store.WriteInbox("t", map[bool]string{true: "a"}[i == 3], "")
		}
		after(5 * time.Second)
		if counts, err := r.store.Counts(t.Context()); err != nil || counts[store.Completed] != 19 {
			t.Errorf("counts are %v, %v; want all rows but one", counts, err)
		}
		after(3 * time.Second)
		if counts, err := r.store.Counts(t.Context()); err != nil || counts[store.Completed] != 20 {
			t.Errorf("counts are %v, %v; want the tick too", counts, err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		after(6 * time.Second)
		if counts, err := r.store.Counts(t.Context()); err != nil || counts[store.Completed] != 22 {
			t.Errorf("counts are %v, %v; want the job of the transaction, and that of the row after its end", counts, err)
		}
		if rows, err := r.store.Store.InboxRows(t.Context(), false, 10); err != nil || len(rows) > 0 {
			t.Errorf("rows left are %v, %v", rows, err)
		}
	}, every(time.Hour), func(c *Config) {
		c.Inbox = func(_ context.Context, rows []store.InboxRow) (fates []store.InboxFate, _ error) {
			for _, row := range rows {
				job := newJob()
				if string(row.Input) == "a" {
					job = keyed("a", store.ConflictKeep)
				}
				fates = append(fates, store.InboxFate{Number: row.Number, Job: &job})
			}
			return fates, nil
		}
	})
}

func TestAnInboxThatCannotBeReadIsLeftForLater(t *testing.T) {
	var failing atomic.Bool
	for _, how := range []error{errFailed, nil} {
		inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
			failing.Store(true)
			r.store.Store.WriteInbox("t", "", "")
			after(time.Minute)
			if n := r.log.lines(); n == 0 || n > 30 { // a stack has many
				t.Errorf("%d lines were logged: %s", n, r.log.text.String())
			}
			failing.Store(false)
			after(3 * time.Second)
			if counts, err := r.store.Counts(t.Context()); err != nil || counts[store.Completed] != 1 || len(r.refused()) > 0 {
				t.Errorf("counts are %v, %v, refused %q", counts, err, r.refused())
			}
		}, takesInbox, func(c *Config) {
			takes := c.Inbox
			c.Inbox = func(ctx context.Context, rows []store.InboxRow) ([]store.InboxFate, error) {
				if !failing.Load() {
					return takes(ctx, rows)
				}
				if how == nil {
					panic("ouch")
				}
				return nil, how
			}
		})
	}
}

// What only time changes is done when it has changed, whichever process then has the job.
func TestARateIsReached(t *testing.T) {
	for _, processes := range []int{1, 5} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := misbehave()
				var mu sync.Mutex
				var starts []time.Time
				var rigs []*rig
				for range processes {
					r := newRig(t, s, map[string]handler{"t": func(context.Context, *store.Claimed) error {
						mu.Lock()
						defer mu.Unlock()
						starts = append(starts, time.Now())
						return nil
					}})
					r.start()
					rigs = append(rigs, r)
					time.Sleep(time.Second)
				}
				rigs[0].limit(store.Limit{Name: "api", Max: 10, Per: time.Second, Burst: 1})
				ids := insert(t, s, "t", 50, under("api", ""))
				after(7 * time.Second)
				rigs[0].want(store.Completed, ids...)
				for i := 1; i < len(starts); i++ {
					if d := starts[i].Sub(starts[i-1]); d < 100*time.Millisecond {
						t.Errorf("start %d came %v after the one before", i, d)
					}
				}
				for _, r := range rigs {
					r.stop()
				}
			})
		})
	}
}

func (r *rig) limit(l store.Limit) {
	r.t.Helper()
	if err := r.store.PutLimits(r.t.Context(), []store.Limit{l}); err != nil {
		r.t.Fatal(err)
	}
}

// under puts jobs under a key of a limit.
func under(limit, key string) func(int, *store.NewJob) {
	return func(_ int, j *store.NewJob) {
		j.Terms = &store.Terms{Limits: []store.Use{{Limit: limit, Key: key}}}
	}
}

func TestWhatIsNotStartedInTimeExpires(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		r.control(store.Control{PauseQueue: "q"})
		after(2 * time.Second)
		ids := r.insert("t", 2500, func(_ int, j *store.NewJob) { j.Terms = &store.Terms{Expire: 5 * time.Second} })
		after(4900 * time.Millisecond)
		r.want(store.Available, ids...)
		after(200 * time.Millisecond)
		r.want(store.Expired, ids...)
		if n := r.store.count("Expire"); n != 3 {
			t.Errorf("it took %d calls", n)
		}
	})
}

// Whatever there is to come, an idle process asks for nothing more than what it looks at.
func TestAnIdleProcessAsksLittle(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		r.limit(store.Limit{Name: "api", Max: 1, Per: time.Hour})
		r.limit(store.Limit{Name: "crm", Max: 1})
		for i := range 100 {
			r.schedule(fmt.Sprint(i), time.Hour)
		}
		r.insert("t", 10, under("api", ""))
		r.insert("t", 10, func(_ int, j *store.NewJob) { j.Delay, j.Terms = time.Hour, &store.Terms{Expire: time.Hour} })
		after(10 * time.Second)
		before := r.store.total()
		after(10 * time.Minute)
		if n := r.store.total() - before; n > 2*600 {
			t.Errorf("%d calls in ten minutes", n)
		}
		r.store.set(func() {
			for _, verb := range []string{"Admit", "Expire", "Tick", "InboxRows"} {
				if n := r.store.calls[verb]; n > 2 {
					t.Errorf("%s was called %d times", verb, n)
				}
			}
		})
	}, every(time.Hour), takesInbox, declares)
}

func TestStopDoesNotWaitForChores(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		r.store.set(func() { r.store.hang["Tick"] = true })
		r.schedule("a", time.Second)
		after(3 * time.Second)
		if took := r.stop(); took > 0 {
			t.Errorf("Run returned after %v", took)
		}
	}, every(time.Hour))
}

func TestDrainDoesWhatTheStewardDoes(t *testing.T) {
	s := misbehave()
	var calls recorder
	r := newRig(t, s, map[string]handler{"t": nothing}, every(time.Hour), takesInbox, declares, runMany(&calls, 2, 0, nil))
	r.schedule("a", 0)
	s.Store.WriteInbox("t", "", "")
	s.Store.WriteInbox("bad", "", "")
	r.limit(store.Limit{Name: "crm", Max: 1})
	insert(t, s, "t", 3, under("crm", ""))
	insert(t, s, "many", 3, under("crm", ""))
	insert(t, s, "t", 1, func(_ int, j *store.NewJob) { j.Terms = &store.Terms{Expire: time.Nanosecond} })
	count, err := New(r.config).Drain(t.Context())
	if err != nil || count.Completed != 8 || s.count("PutSchedules") != 1 {
		t.Errorf("Drain = %+v, %v; %d declarations", count, err, s.count("PutSchedules"))
	}
	calls.want(t, 1, 1, 1) // the limit lets no two run
	if counts, err := s.Counts(t.Context()); err != nil || counts[store.Expired] != 1 {
		t.Errorf("counts are %v, %v", counts, err)
	}

	r.config.Tick = func(time.Time, store.Schedule) (store.Ticked, error) { return store.Ticked{}, errFailed }
	r.schedule("b", 0)
	if _, err := New(r.config).Drain(t.Context()); !errors.Is(err, errFailed) {
		t.Errorf("Drain = %v, want the error of the schedule", err)
	}
}
