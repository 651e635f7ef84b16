package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBad = errors.New("bad")

// double answers each number with its double, after a second, and refuses 13.
func double(calls *[][]int) func(context.Context, []int) ([]int, error) {
	return func(_ context.Context, items []int) ([]int, error) {
		*calls = append(*calls, slices.Clone(items))
		time.Sleep(time.Second)
		answers := make([]int, len(items))
		for i, n := range items {
			if n == 13 {
				return nil, errBad
			}
			answers[i] = 2 * n
		}
		return answers, nil
	}
}

// do calls b.Do at the same time with numbers from 0 and checks the answers.
func do(t *testing.T, b *Batch[int, int], n int) {
	t.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			answer, err := b.Do(t.Context(), i)
			if i == 13 && !errors.Is(err, errBad) || i != 13 && (err != nil || answer != 2*i) {
				t.Errorf("Do(%d) = %d, %v", i, answer, err)
			}
		})
	}
	all.Wait()
}

func TestCallersShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls [][]int
		b := &Batch[int, int]{Call: double(&calls)}
		do(t, b, 10)
		if len(calls) > 2 {
			t.Errorf("10 callers made %d calls", len(calls))
		}
	})
}

func TestABatchIsCutWhereItIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls [][]int
		b := &Batch[int, int]{Call: double(&calls), Fits: func(cut []int, _ int) bool { return len(cut) < 4 }}
		do(t, b, 12)
		for _, c := range calls {
			if len(c) > 4 {
				t.Errorf("a call has %d items", len(c))
			}
		}
	})
}

func TestABadItemStandsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls [][]int
		b := &Batch[int, int]{Call: double(&calls)}
		do(t, b, 32)
		if len(calls) > 14 {
			t.Errorf("one bad of 32 made %d calls", len(calls))
		}
	})
}

func TestAnErrorOfTheCallIsNotSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		b := &Batch[int, int]{
			Call:  func(context.Context, []int) ([]int, error) { calls++; time.Sleep(time.Second); return nil, errBad },
			Whole: func(err error) bool { return errors.Is(err, errBad) },
		}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if _, err := b.Do(t.Context(), i); !errors.Is(err, errBad) {
					t.Errorf("Do(%d): %v", i, err)
				}
			})
		}
		all.Wait()
		if calls > 2 {
			t.Errorf("%d calls", calls)
		}
	})
}

func TestWhoIsCutGetsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls [][]int
		b := &Batch[int, int]{Call: double(&calls)}
		var all sync.WaitGroup
		all.Go(func() { // cut before its context ends
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			if answer, err := b.Do(ctx, 1); err != nil || answer != 2 {
				t.Errorf("Do(1) = %d, %v; want what the call returns", answer, err)
			}
		})
		synctest.Wait()
		all.Go(func() { // not cut yet
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			if _, err := b.Do(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Do(2): %v; want the context's error", err)
			}
		})
		synctest.Wait()
		all.Go(func() { // waits behind the one that leaves, and is cut while its context lasts
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second/2)
			defer cancel()
			if answer, err := b.Do(ctx, 3); err != nil || answer != 6 {
				t.Errorf("Do(3) = %d, %v", answer, err)
			}
		})
		all.Wait()
		if len(calls) != 2 || !slices.Equal(calls[1], []int{3}) {
			t.Errorf("calls are %v; want 2 left out", calls)
		}

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Do(ended, 4); !errors.Is(err, context.Canceled) || len(calls) != 2 {
			t.Errorf("Do with an ended context: %v", err)
		}
	})
}

func TestAPanicLeavesNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		b := &Batch[int, int]{Call: func(_ context.Context, items []int) ([]int, error) {
			time.Sleep(time.Second)
			if len(items) > 1 && first {
				first = false
				panic("ouch")
			}
			return items, nil
		}}
		var all sync.WaitGroup
		panics, errs := 0, 0
		var mu sync.Mutex
		for i := range 10 {
			all.Go(func() {
				defer func() {
					if recover() != nil {
						mu.Lock()
						panics++
						mu.Unlock()
					}
				}()
				if _, err := b.Do(t.Context(), i); err != nil {
					mu.Lock()
					errs++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if panics != 1 || errs == 0 {
			t.Errorf("%d panics and %d errors; want the leader's panic, and errors for those it led", panics, errs)
		}
		if answer, err := b.Do(t.Context(), 7); err != nil || answer != 7 {
			t.Errorf("afterwards Do = %d, %v", answer, err)
		}
	})
}

func TestAnswersMustBeComplete(t *testing.T) {
	b := &Batch[int, int]{Call: func(context.Context, []int) ([]int, error) { return nil, nil }}
	if _, err := b.Do(t.Context(), 1); err == nil {
		t.Error("a call without answers is no error")
	}
}

// One item makes each call wait in which it is. Its own caller waits for it; the others are
// answered as soon as that is known, and so are those who come then.
func TestAnItemThatWaitsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errSlow := errors.New("slow")
		call := func(_ context.Context, items []int) ([]int, error) {
			if slices.Contains(items, 13) {
				time.Sleep(time.Second)
				return nil, errSlow
			}
			answers := make([]int, len(items))
			for i, n := range items {
				answers[i] = 2 * n
			}
			return answers, nil
		}
		alone := 0
		var mu sync.Mutex
		b := &Batch[int, int]{
			Call: call,
			Slow: func(err error) bool { return errors.Is(err, errSlow) },
			Alone: func(_ context.Context, n int) (int, error) {
				mu.Lock()
				alone++
				mu.Unlock()
				if n == 13 {
					time.Sleep(time.Minute)
				}
				return 2 * n, nil
			},
		}
		var all sync.WaitGroup
		ask := func(n int, within time.Duration) {
			all.Go(func() {
				began := time.Now()
				answer, err := b.Do(t.Context(), n)
				if took := time.Since(began); err != nil || answer != 2*n || took > within {
					t.Errorf("Do(%d) = %d, %v after %v; want an answer within %v", n, answer, err, took, within)
				}
			})
		}
		for n := range 20 {
			within := 2 * time.Second
			if n == 13 {
				within = 2 * time.Minute
			}
			ask(n, within)
		}
		time.Sleep(10 * time.Second)
		for n := range 10 {
			ask(n, 0)
		}
		all.Wait()
		if alone == 0 || alone > 20 {
			t.Errorf("%d callers went on alone", alone)
		}
	})
}

// Who has given up when its turn comes to go on alone is answered all the same: it was cut.
func TestACallerWhoseTimeIsUpGoesOnAloneOnceCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errSlow := errors.New("slow")
		b := &Batch[int, int]{
			Call: func(_ context.Context, items []int) ([]int, error) {
				time.Sleep(time.Second)
				return nil, errSlow
			},
			Slow:  func(err error) bool { return errors.Is(err, errSlow) },
			Alone: func(ctx context.Context, n int) (int, error) { return 2 * n, ctx.Err() },
		}
		var all sync.WaitGroup
		for n := range 5 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
				defer cancel()
				answer, err := b.Do(ctx, n)
				if err == nil && answer != 2*n || err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Do(%d) = %d, %v", n, answer, err)
				}
			})
		}
		all.Wait()
	})
}

func TestCrowd(t *testing.T) {
	b := &Batch[int, int]{Call: func(_ context.Context, items []int) ([]int, error) {
		answers := make([]int, len(items))
		for i, n := range items {
			answers[i] = 2 * n
		}
		return answers, nil
	}}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for n := range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				if (n+i)%3 == 0 {
					go cancel()
				}
				answer, err := b.Do(ctx, n)
				cancel()
				if err == nil && answer != 2*n || err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("Do(%d) = %d, %v", n, answer, err)
				}
			}
		})
	}
	all.Wait()
}
