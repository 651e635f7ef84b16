package offloadtest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

type order struct {
	ID    int64    `json:"id"`
	Items []string `json:"items"`
}

var confirm = offload.Declare[order]("confirm")

// A recorder is a testing.TB that remembers what would have failed.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...) }

func TestDrainRunsWhatIsDueWhenItIsDue(t *testing.T) {
	t.Parallel()
	confirmed := map[int64]int{}
	app := offloadtest.New(confirm.Handle(func(ctx context.Context, o order) error {
		confirmed[o.ID]++
		if confirmed[7] == 1 {
			return errors.New("not yet")
		}
		return nil
	}))
	defer app.Close()
	job, err := confirm.Enqueue(t.Context(), app, order{ID: 7}, offload.Delay(time.Hour))
	if err != nil {
		t.Fatal(err)
	}

	if got := app.Drain(); got != (offloadtest.Count{}) {
		t.Errorf("before its time: %+v", got)
	}
	app.Advance(time.Hour)
	if got, want := app.Drain(), (offloadtest.Count{Retried: 1}); got != want {
		t.Errorf("at its time: %+v, want %+v", got, want)
	}
	app.Advance(20 * time.Second)
	if got, want := app.Drain(), (offloadtest.Count{Completed: 1}); got != want {
		t.Errorf("at its retry: %+v, want %+v", got, want)
	}
	failures, err := app.Failures(t.Context(), job.ID)
	if err != nil || len(failures) != 1 || failures[0].Error != "not yet" || failures[0].Attempt != 1 {
		t.Errorf("Failures = %+v, %v", failures, err)
	}
}

func TestWantEnqueuedShowsWhatIsThereInstead(t *testing.T) {
	t.Parallel()
	app := offloadtest.New(confirm)
	defer app.Close()
	fake := &recorder{TB: t}

	offloadtest.WantEnqueued(fake, app, confirm, order{ID: 7})
	if len(fake.failures) != 1 || !strings.Contains(fake.failures[0], "nothing of that task") {
		t.Errorf("without any job: %q", fake.failures)
	}

	if _, err := confirm.Enqueue(t.Context(), app, order{ID: 8, Items: []string{"lamp"}}); err != nil {
		t.Fatal(err)
	}
	fake.failures = nil
	offloadtest.WantEnqueued(fake, app, confirm, order{ID: 7})
	if len(fake.failures) != 1 || !strings.Contains(fake.failures[0], "lamp") {
		t.Errorf("with another job: %q", fake.failures)
	}
	if job := offloadtest.WantEnqueued(t, app, confirm, order{ID: 8, Items: []string{"lamp"}}); job == nil {
		t.Error("the job that is there is not returned")
	}
	fake.failures = nil
	offloadtest.WantNone(fake, app, confirm)
	if len(fake.failures) != 1 || !strings.Contains(fake.failures[0], "lamp") {
		t.Errorf("WantNone with a job: %q", fake.failures)
	}
}

func TestJobsOfATransactionExistWhenItCommits(t *testing.T) {
	t.Parallel()
	app := offloadtest.New(confirm)
	defer app.Close()

	kept, dropped := app.Begin(), app.Begin()
	if _, err := confirm.Enqueue(t.Context(), app.Tx(kept), order{ID: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := confirm.Enqueue(t.Context(), app.Tx(dropped), order{ID: 2}); err != nil {
		t.Fatal(err)
	}
	offloadtest.WantNone(t, app, confirm)
	if err := errors.Join(kept.Commit(), dropped.Rollback()); err != nil {
		t.Fatal(err)
	}

	offloadtest.WantEnqueued(t, app, confirm, order{ID: 1})
	jobs, err := app.Jobs(t.Context(), offload.Filter{})
	if err != nil || len(jobs) != 1 {
		t.Errorf("Jobs = %v, %v; want the one that was committed", jobs, err)
	}
}

func TestSchedulesTickWhileTheClockIsMoved(t *testing.T) {
	t.Parallel()
	var ticks []time.Time
	remind := offload.NewTask("remind", func(ctx context.Context, _ string) error {
		ticks = append(ticks, offload.JobOf(ctx).Tick)
		return nil
	})
	app := offloadtest.New(remind, offload.Schedule{Every: 6 * time.Hour, Call: remind.Call("all"), Overlap: offload.OverlapAllow})
	defer app.Close()
	begun := app.Now()

	app.Advance(24 * time.Hour)

	if got := app.Now().Sub(begun); got != 24*time.Hour {
		t.Errorf("the clock was moved by %v", got)
	}
	if got := app.Drain().Completed; got != 4 || len(ticks) != 4 || !ticks[3].Equal(ticks[0].Add(18*time.Hour)) {
		t.Errorf("%d jobs, of ticks %v; want 4, each 6 hours", got, ticks)
	}
	app.Advance(-time.Hour)
	if got := app.Drain().Completed; got != 0 {
		t.Errorf("%d jobs when the clock is put back", got)
	}
}

// A whole test of a user's task: what it enqueues, and what it does when its time comes.
func Example() {
	t := &testing.T{} // yours
	reminded := 0
	remind := offload.NewTask("remind", func(ctx context.Context, customer int) error {
		reminded = customer
		return nil
	})
	app := offloadtest.New(remind)
	defer app.Close()

	signUp := func(ctx context.Context, jobs offload.Enqueuer, customer int) error {
		_, err := remind.Enqueue(ctx, jobs, customer, offload.Delay(24*time.Hour))
		return err
	}
	if err := signUp(context.Background(), app, 7); err != nil {
		t.Fatal(err)
	}
	job := offloadtest.WantEnqueued(t, app, remind, 7)
	fmt.Println(job.State, app.Drain().Completed)
	app.Advance(24 * time.Hour)
	fmt.Println(app.Drain().Completed, reminded)
	// Output:
	// scheduled 0
	// 1 7
}
