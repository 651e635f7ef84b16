package offload_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

// These make this program one that dies at a point while it uses a store, instead of a test.
const (
	crashVariable      = "OFFLOAD_TEST_CRASH"
	crashStoreVariable = "OFFLOAD_TEST_CRASH_STORE"
)

const (
	crashMany = 6
	crashBulk = 500 // from which PostgreSQL gets a COPY
)

// A shop is a program with jobs of every kind: one that dies, or one that finishes its work.
type shop struct {
	*till
	c     *crash
	holds bool // jobs of held run until they are told to end
	say   func(what string, id offload.ID, attempt int)

	later *offload.Task[int] // known to the program, worked by its next release
	step  *offload.Task[int]
	many  *offload.Task[int]
	flaky *offload.Task[int]
	large *offload.Task[string]
	long  *offload.Task[int]
	pay   *offload.Task[string]
	held  *offload.Task[int]
}

// newShop makes a program that says on the way which attempts begin.
func newShop(t *till, c *crash, say func(what string, id offload.ID, attempt int)) *shop {
	s := &shop{till: t, c: c, say: say}
	s.later = offload.Declare[int]("later")
	s.step = offload.NewTask("step", s.begin)
	s.many = offload.NewTask("many", s.begin)
	s.flaky = offload.NewTask("flaky", func(ctx context.Context, n int) error {
		if offload.JobOf(ctx).Failures == 0 {
			return errors.Join(s.begin(ctx, n), errors.New("the first attempt fails"))
		}
		return s.begin(ctx, n)
	}, offload.Backoff(func(int, error) time.Duration { return 0 }))
	s.large = offload.NewTask("large", func(ctx context.Context, in string) error {
		if in != largeInput {
			return offload.Discard(fmt.Errorf("the input came as %d bytes", len(in)))
		}
		return s.begin(ctx, 0)
	})
	s.long = offload.NewTask("long", func(ctx context.Context, n int) error {
		offload.Progress(ctx, 1, 2, "half")
		return s.begin(ctx, n)
	})
	s.pay = offload.NewTask("pay", s.runPay, offload.Backoff(func(int, error) time.Duration { return 0 }))
	s.held = offload.NewTask("held", func(ctx context.Context, n int) error {
		_ = s.begin(ctx, n)
		if !s.holds {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	})
	return s
}

var largeInput = strings.Repeat("large ", 2000)

// parts are those of the program; of its next release if it works later.
func (s *shop) parts(next bool) []offload.Part {
	parts := []offload.Part{
		s.step, s.many, s.flaky, s.large, s.long, s.pay, s.held, quiet, offload.Grace(10 * time.Millisecond),
		offload.Declare[int]("victim"), offload.Declare[int]("doomed"), offload.Declare[int]("hurried").Handle(s.begin),
	}
	if next {
		return append(parts, s.later.Handle(s.begin))
	}
	return append(parts, s.later)
}

// begin is a handler that does no more than to say so.
func (s *shop) begin(ctx context.Context, _ int) error {
	job := offload.JobOf(ctx)
	s.say("start", job.ID, job.Attempt)
	return nil
}

// runPay has an effect, a job that follows and a job that is not needed any more, exactly once.
func (s *shop) runPay(ctx context.Context, victim string) error {
	_ = s.begin(ctx, 0)
	id, err := offload.ParseID(victim)
	if err != nil {
		return offload.Discard(err)
	}
	app := offload.AppOf(ctx)
	return s.transact(ctx, s.c, func(tx any, exec func(string) error) error {
		if err := exec("insert into effect (job) values ('" + offload.JobOf(ctx).ID.String() + "')"); err != nil {
			return err
		}
		if _, err := s.step.Enqueue(ctx, app.Tx(tx), 1, offload.Tag("after", offload.JobOf(ctx).ID.String())); err != nil {
			return err
		}
		if err := app.Tx(tx).Cancel(ctx, id); err != nil {
			return err
		}
		return app.Tx(tx).Complete(ctx)
	})
}

// crashAlone is this program as one that uses every call of a store, until it comes to its point.
func crashAlone(address, point string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	c := newCrash(point)
	t, err := openTill(ctx, address, c)
	if err == nil {
		defer t.close()
		var saying sync.Mutex
		s := newShop(t, c, func(what string, id offload.ID, attempt int) {
			saying.Lock()
			defer saying.Unlock()
			fmt.Println(what, id, attempt)
		})
		s.holds = true
		err = s.live(ctx)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "at %s: %v\n", point, err)
		return 1
	}
	return 0
}

// live is the life of a program: two releases of it, and what it does without an app.
func (s *shop) live(ctx context.Context) error {
	plain, err := s.store(ctx)
	if err != nil {
		return err
	}
	st := &crashStore{plain, s.c}
	err = errors.Join(s.firstRelease(ctx, st), s.nextRelease(ctx, st))
	if err == nil {
		err = s.chores(ctx, st)
	}
	return errors.Join(err, plain.Close())
}

// stored says that jobs are stored, which the store has acknowledged.
func (s *shop) stored(err error, jobs ...*offload.Job) ([]offload.ID, error) {
	if err != nil {
		return nil, err
	}
	var ids []offload.ID
	for _, job := range jobs {
		s.say("stored", job.ID, 0)
		ids = append(ids, job.ID)
	}
	return ids, nil
}

// firstRelease enqueues jobs, works those it can, and parks the one it cannot.
func (s *shop) firstRelease(ctx context.Context, st store.Store) error {
	app, err := offload.New(ctx, st, s.parts(false)...)
	if err != nil {
		return err
	}
	defer app.Close()
	var wait []offload.ID
	keep := func(ids []offload.ID, err error) error {
		wait = append(wait, ids...)
		return err
	}
	one := func(job *offload.Job, err error) ([]offload.ID, error) { return s.stored(err, job) }
	if err := keep(one(s.step.Enqueue(ctx, app, 1))); err != nil {
		return err
	}
	many := make([]int, crashMany)
	if strings.HasSuffix(s.c.point, "Insert of a bulk") {
		many = make([]int, crashBulk)
	}
	jobs, err := s.many.EnqueueMany(ctx, app, many)
	if err := keep(s.stored(err, jobs...)); err != nil {
		return err
	}
	if err := errors.Join(
		keep(one(s.flaky.Enqueue(ctx, app, 1))),
		keep(one(s.large.Enqueue(ctx, app, largeInput))),
		keep(one(s.long.Enqueue(ctx, app, 1))),
	); err != nil {
		return err
	}
	more, err := s.acted(ctx, app)
	if err := keep(more, err); err != nil {
		return err
	}
	parked, err := one(s.later.Enqueue(ctx, app, 1))
	if err != nil {
		return err
	}
	return s.whileRunning(ctx, app, func() error {
		for _, id := range wait {
			if _, err := app.Wait(ctx, id); err != nil {
				return err
			}
		}
		return poll(ctx, func() (bool, error) {
			job, err := app.Job(ctx, parked[0])
			return err == nil && job.State == offload.Blocked, err
		})
	})
}

// acted enqueues jobs, acts on them, and returns those that are to complete.
func (s *shop) acted(ctx context.Context, app *offload.App) ([]offload.ID, error) {
	enqueue := func(task string, input any, opts ...offload.EnqueueOption) (offload.ID, error) {
		jobs, err := app.Enqueue(ctx, offload.NewCall(task, fmt.Appendf(nil, "%v", input), opts...))
		ids, err := s.stored(err, jobs...)
		if err != nil {
			return offload.ID{}, err
		}
		return ids[0], nil
	}
	hurried, err := enqueue("hurried", 1, offload.Delay(time.Hour))
	if err != nil {
		return nil, err
	}
	doomed, err := enqueue("doomed", 1, offload.Delay(time.Hour))
	if err != nil {
		return nil, err
	}
	victim, err := enqueue("victim", 1, offload.Delay(time.Hour))
	if err != nil {
		return nil, err
	}
	pay, err := enqueue("pay", `"`+victim.String()+`"`)
	if err != nil {
		return nil, err
	}
	if err := app.RunNow(ctx, hurried); err != nil {
		return nil, err
	}
	if err := app.Cancel(ctx, doomed); err != nil {
		return nil, err
	}
	s.say("cancelled", doomed, 0)
	return []offload.ID{hurried, pay}, nil
}

// nextRelease takes what the first one has parked, starts a job at rest, and stops while one runs.
func (s *shop) nextRelease(ctx context.Context, st store.Store) error {
	app, err := offload.New(ctx, st, s.parts(true)...)
	if err != nil {
		return err
	}
	defer app.Close()
	return s.whileRunning(ctx, app, func() error {
		if err := poll(ctx, func() (bool, error) {
			counts, err := st.Counts(ctx)
			return counts[store.Blocked]+counts[store.Running]+counts[store.Available] == 0, err
		}); err != nil {
			return err
		}
		// It starts at once where the engine is at rest, which is soon.
		err := poll(ctx, func() (bool, error) {
			job, err := s.step.Enqueue(ctx, app, 1)
			ids, err := s.stored(err, job)
			if err != nil {
				return false, err
			}
			_, err = app.Wait(ctx, ids[0])
			return s.c.was("Start"), err
		})
		if err != nil {
			return err
		}
		job, err := s.held.Enqueue(ctx, app, 1)
		ids, err := s.stored(err, job)
		if err != nil {
			return err
		}
		return poll(ctx, func() (bool, error) {
			job, err := app.Job(ctx, ids[0])
			return err == nil && job.State == offload.Running, err
		})
	})
}

// whileRunning runs an app while f runs.
func (s *shop) whileRunning(ctx context.Context, app *offload.App, f func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	err := f()
	cancel()
	return errors.Join(err, <-ended)
}

// chores does what a worker does at times that are too far apart for a test: duties, and the
// funeral of another process that held a job. It pauses a queue, too.
func (s *shop) chores(ctx context.Context, st store.Store) error {
	if err := st.Control(ctx, store.Control{Who: "ada", PauseQueue: "aside"}); err != nil {
		return err
	}
	if _, err := st.TakeDuty(ctx, "prune", time.Second); err != nil {
		return err
	}
	if _, err := st.Prune(ctx, 1000); err != nil {
		return err
	}
	if err := st.CountEnqueued(ctx); err != nil {
		return err
	}
	ghost := store.Process{ID: store.NewID(), Host: "elsewhere", PID: 1, Version: offload.Version}
	if err := st.Join(ctx, ghost); err != nil {
		return err
	}
	claimed, err := st.Claim(ctx, store.ClaimRequest{Process: ghost.ID, Queue: "default", Limit: 1})
	if err != nil || len(claimed) != 1 {
		return fmt.Errorf("the job that was given back was claimed as %v: %w", claimed, err)
	}
	reaped, err := st.Reap(ctx, []store.Beaten{{ID: ghost.ID, Count: -1}})
	if err != nil || reaped.Released != 1 {
		return fmt.Errorf("reaped %+v: %w", reaped, err)
	}
	return nil
}

// was reports whether a call has been made.
func (c *crash) was(verb string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, was := c.now[verb]
	return was
}

// poll waits until done reports true.
func poll(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if is, err := done(); is || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// isWaiting reports whether a job of the task may wait for an hour in peace.
func isWaiting(task string) bool { return slices.Contains([]string{"victim", "doomed"}, task) }
