package offload_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/store/memory"
)

// told is what an event says, in short.
func told(e offload.Event) string {
	from := e.From
	if from == "" {
		from = "new"
	}
	return fmt.Sprintf("%s → %s", from, e.Job.State)
}

func TestOnEventTellsOfEachChangeOfThisProcess(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(ctx context.Context, n int) error {
		switch job := offload.JobOf(ctx); {
		case n == 0 && job.Attempt == 1:
			return offload.Snooze(time.Minute)
		case n == 0 && job.Failures == 0:
			return offload.RetryIn(time.Minute, errAgain)
		case n == 1:
			return offload.Discard(errors.New("no"))
		}
		return nil
	})
	var mu sync.Mutex
	changes := map[offload.ID][]string{}
	var wrong []string
	app := offloadtest.New(task, offload.OnEvent(func(ctx context.Context, e offload.Event) {
		mu.Lock()
		defer mu.Unlock()
		changes[e.Job.ID] = append(changes[e.Job.ID], told(e))
		if e.Job.Task != "t" || e.Job.Input != nil || e.Time.IsZero() || offload.AppOf(ctx) == nil || e.Progress != nil {
			wrong = append(wrong, fmt.Sprintf("%+v", e))
		}
		if e.Job.State == offload.Discarded && (e.Job.Error != "no" || e.Job.Failures != 1) {
			wrong = append(wrong, fmt.Sprintf("%+v", e.Job))
		}
	}))
	jobs, err := task.EnqueueMany(t.Context(), app, []int{0, 1})
	if err != nil {
		t.Fatal(err)
	}
	late, err := task.Enqueue(t.Context(), app, 2, offload.Delay(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		app.Drain()
		app.Advance(2 * time.Minute)
	}
	if err := errors.Join(app.Cancel(t.Context(), late.ID), app.Retry(t.Context(), late.ID)); err != nil {
		t.Fatal(err)
	}
	if err := app.Close(); err != nil { // waits for what is told
		t.Fatal(err)
	}

	want := map[offload.ID][]string{
		jobs[0].ID: {
			"new → available", "available → running", "running → scheduled", "available → running", "running → retryable",
			"available → running", "running → completed",
		},
		jobs[1].ID: {"new → available", "available → running", "running → discarded"},
		late.ID:    {"new → scheduled", "scheduled → cancelled", "cancelled → available"},
	}
	for id, want := range want {
		if !slices.Equal(changes[id], want) {
			t.Errorf("told %q; want %q", changes[id], want)
		}
	}
	if len(wrong) > 0 {
		t.Errorf("wrong events: %q", wrong)
	}
}

// A function that never returns holds up no job, and what it misses is said.
func TestOnEventHoldsNothingUp(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	asked, open := make(chan bool), make(chan bool)
	const jobs = 8000 // with 3 changes each
	var ran sync.WaitGroup
	ran.Add(jobs)
	task := offload.NewTask("t", func(context.Context, int) error {
		ran.Done()
		return nil
	})
	var calls atomic.Int64
	app, err := offload.New(t.Context(), memory.New(), task, offload.LogTo(slog.New(slog.NewTextHandler(&log, nil))),
		offload.OnEvent(func(context.Context, offload.Event) {
			switch calls.Add(1) {
			case 1:
				close(asked)
				<-open
			case 2:
				panic("once")
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	enqueue(t, app, task, 0)
	<-asked // with this one alone: all others wait
	if _, err := task.EnqueueMany(t.Context(), app, make([]int, jobs-1)); err != nil {
		t.Fatal(err)
	}
	begun(t, app)
	ran.Wait()
	close(open)
	until(t, "it is said that events were left out", func() bool { return strings.Contains(log.String(), "events were left out") })
	if n := calls.Load(); n < 10_000 || n >= 3*jobs {
		t.Errorf("it was called %d times; want what may wait, and not all", n)
	}
	if n := strings.Count(log.String(), "has panicked"); n != 1 {
		t.Errorf("that it has panicked is said %d times; want once", n)
	}
}

// A lockedBuffer is a log.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
