package offload_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// upTo yields 1 to n.
func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 1; i <= n && yield(i); i++ {
		}
	}
}

// After an error, a panic or a snooze, nothing is done twice but the item at which it came.
func TestEachGoesOnWhereItStopped(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		var seen, second []int
		task := offload.NewTask("t", func(ctx context.Context, _ int) error {
			failures := offload.JobOf(ctx).Failures
			err := offload.Each(ctx, upTo(1000), func(_ context.Context, i int) error {
				seen = append(seen, i)
				switch {
				case i == 300 && failures == 0:
					return again()
				case i == 600 && failures == 1:
					return offload.RetryIn(0, fmt.Errorf("also after a restart: %w", errAgain))
				}
				return nil
			})
			if err != nil {
				return err
			}
			return offload.Each(ctx, upTo(10), func(_ context.Context, i int) error {
				second = append(second, i)
				if i == 5 && failures == 2 {
					return again()
				}
				return nil
			})
		})
		app := open(t, address, task)
		begun(t, app)
		if job, err := runOne(t, app, task); err != nil {
			t.Fatalf("%+v: %v", job, err)
		}
		want := slices.Sorted(maps.Keys(maps.Collect(slices.All(make([]int, 1001)))))[1:]
		want = slices.Insert(want, 600, 600)
		want = slices.Insert(want, 300, 300)
		if !slices.Equal(seen, want) {
			t.Errorf("%d calls, want %d: %v", len(seen), len(want), seen)
		}
		if want := []int{1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10}; !slices.Equal(second, want) {
			t.Errorf("the second loop has visited %v; want %v", second, want)
		}
	})
}

func TestEachKeepsWhereAPanicCame(t *testing.T) {
	t.Parallel()
	var seen []int
	task := offload.NewTask("t", func(ctx context.Context, _ int) error {
		return offload.Each(ctx, upTo(5), func(_ context.Context, i int) error {
			if seen = append(seen, i); len(seen) == 3 {
				panic("three")
			}
			return nil
		})
	}, offload.Backoff(func(int, error) time.Duration { return 0 }))
	app := offloadtest.New(task)
	defer app.Close()
	if _, err := task.Enqueue(t.Context(), app, 1); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if want := []int{1, 2, 3, 3, 4, 5}; !slices.Equal(seen, want) {
		t.Errorf("it has visited %v; want %v", seen, want)
	}
}

// What was done before the process was lost is not done again, as far as it was written.
func TestEachGoesOnInAnotherProcess(t *testing.T) {
	t.Parallel()
	calls := make(chan int, 100)
	first, second := twoProcesses(t, func(ctx context.Context, pause func()) error {
		lost := offload.JobOf(ctx).Attempt == 1
		return offload.Each(ctx, upTo(5), func(_ context.Context, i int) error {
			if !lost {
				calls <- i
			} else if i == 2 {
				pause()
			}
			return nil
		})
	})
	if second != nil || !errors.Is(first, offload.ErrLeaseLost) {
		t.Errorf("the attempts ended with %v and %v; want ErrLeaseLost for the first", first, second)
	}
	close(calls)
	var seen []int
	for i := range calls {
		seen = append(seen, i)
	}
	// The first item was written at once; the second was under way.
	if want := []int{2, 3, 4, 5}; !slices.Equal(seen, want) {
		t.Errorf("the second has visited %v; want %v", seen, want)
	}
}

// Items that were never seen must not be taken for done.
func TestEachRefusesOtherItemsThanBefore(t *testing.T) {
	t.Parallel()
	for name, second := range map[string][]string{
		"others": {"a", "c", "d"}, "fewer": {"a"}, "none": {}, "one more in front": {"z", "a", "b", "c"},
	} {
		task := offload.NewTask("t", func(ctx context.Context, _ int) error {
			items := []string{"a", "b", "c"}
			if offload.JobOf(ctx).Failures > 0 {
				items = second
			}
			return offload.Each(ctx, slices.Values(items), func(_ context.Context, s string) error {
				if s == "c" && offload.JobOf(ctx).Failures == 0 {
					return again()
				}
				if offload.JobOf(ctx).Failures > 0 {
					t.Errorf("%s: item %q was visited", name, s)
				}
				return nil
			})
		}, offload.MaxAttempts(2))
		app := offloadtest.New(task)
		job, err := task.Enqueue(t.Context(), app, 1)
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		if got, want := read(t, app.App, job.ID).Error, `Each seq is "other items than in an earlier attempt, which has done 2"`; !strings.Contains(got, want) {
			t.Errorf("%s: %q; want %q", name, got, want)
		}
		app.Close()
	}
}

// A handler that is told to stop keeps where it was.
func TestEachStopsBetweenItems(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		var seen []int
		in := make(chan bool)
		task := offload.NewTask("t", func(ctx context.Context, _ int) error {
			return offload.Each(ctx, upTo(6), func(ctx context.Context, i int) error {
				seen = append(seen, i)
				if i == 3 && offload.JobOf(ctx).Attempt == 1 {
					close(in)
					<-ctx.Done() // and does it all the same
				}
				return nil
			})
		})
		app := open(t, address, task, offload.Grace(0))
		stop := begun(t, app)
		job, err := task.Enqueue(t.Context(), app, 1)
		if err != nil {
			t.Fatal(err)
		}
		<-in
		stop()
		begun(t, app)
		if job, err := app.Wait(t.Context(), job.ID); err != nil {
			t.Fatalf("%+v: %v", job, err)
		}
		if want := []int{1, 2, 3, 4, 5, 6}; !slices.Equal(seen, want) {
			t.Errorf("it has visited %v; want each item once", seen)
		}
	})
}
