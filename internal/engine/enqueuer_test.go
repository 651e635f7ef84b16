package engine

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

func newJob() store.NewJob {
	return store.NewJob{ID: store.NewID(), Task: "t", Queue: "q", MaxAttempts: 1}
}

func TestEnqueueOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		s.away["Insert"] = true
		e := NewEnqueuer(s, nil)
		time.AfterFunc(5*time.Second, func() { s.set(func() { s.away["Insert"] = false }) })
		job := newJob()
		inserted, err := e.Insert(t.Context(), []store.NewJob{job})
		if err != nil || len(inserted) != 1 || inserted[0].ID != job.ID {
			t.Errorf("Insert = %v, %v", inserted, err)
		}
	})
}

func TestEnqueueGivesUpAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		s.away["Insert"] = true
		e := NewEnqueuer(s, nil)
		began := time.Now()
		_, err := e.Insert(t.Context(), []store.NewJob{newJob()})
		if took := time.Since(began); !errors.Is(err, store.ErrUnavailable) || took > 10*time.Second || took < 5*time.Second {
			t.Errorf("Insert = %v after %v", err, took)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began = time.Now()
		_, err = e.Insert(ctx, []store.NewJob{newJob()})
		if took := time.Since(began); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || took != 2*time.Second {
			t.Errorf("Insert = %v after %v", err, took)
		}

		s.set(func() { s.hang["Insert"] = true })
		began = time.Now()
		_, err = e.Insert(t.Context(), []store.NewJob{newJob()})
		if took := time.Since(began); !errors.Is(err, store.ErrUnavailable) || took > 11*time.Second {
			t.Errorf("Insert = %v after %v", err, took)
		}
	})
}

func TestALostAnswerMakesNoSecondJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		s.lose["Insert"] = 2
		e := NewEnqueuer(s, nil)
		job := newJob()
		if _, err := e.Insert(t.Context(), []store.NewJob{job}); err != nil {
			t.Fatal(err)
		}
		jobs, err := s.Store.Find(t.Context(), store.Filter{})
		if err != nil || len(jobs) != 1 || jobs[0].ID != job.ID {
			t.Errorf("jobs are %v, %v", jobs, err)
		}
	})
}

// A caller whose first try was not answered, and whose time ends while the second waits for
// others, must not hear that nothing was stored.
func TestDoubtStaysWhenTimeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		s.lose["Insert"] = 1
		e := NewEnqueuer(s, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var other sync.WaitGroup
		time.AfterFunc(10*time.Millisecond, func() { // after the first try, before the second
			s.set(func() {
				s.meets = func(context.Context, string) (before, after error) {
					time.Sleep(5 * time.Second)
					return nil, nil
				}
			})
			other.Go(func() {
				if _, err := e.Insert(t.Context(), []store.NewJob{newJob()}); err != nil {
					t.Error(err)
				}
			})
		})
		_, err := e.Insert(ctx, []store.NewJob{newJob()})
		if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Insert = %v; want ErrUnavailable, since the job is stored", err)
		}
		other.Wait()
		if jobs, err := s.Store.Find(t.Context(), store.Filter{}); err != nil || len(jobs) != 2 {
			t.Errorf("%d jobs, %v; want both", len(jobs), err)
		}
	})
}

func TestOneBadJobHurtsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		s.taken = func(jobs []store.NewJob) error {
			for _, j := range jobs {
				if bytes.Equal(j.Input, []byte("bad")) {
					return errBad
				}
			}
			return nil
		}
		e := NewEnqueuer(s, nil)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				jobs := []store.NewJob{newJob(), newJob()}
				if i == 20 {
					jobs[1].Input = []byte("bad")
				}
				_, err := e.Insert(t.Context(), jobs)
				if (err != nil) != (i == 20) {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		all.Wait()
		jobs, err := s.Store.Find(t.Context(), store.Filter{Max: 200})
		if err != nil || len(jobs) != 98 {
			t.Errorf("%d jobs, %v; want those of 49 callers", len(jobs), err)
		}
	})
}

func TestCommitsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		s.meets = func(context.Context, string) (before, after error) {
			time.Sleep(time.Millisecond) // the first call's; meanwhile the others gather
			return nil, nil
		}
		wakes := map[store.Wake]int{}
		var mu sync.Mutex
		e := NewEnqueuer(s, func(w store.Wake) {
			mu.Lock()
			defer mu.Unlock()
			wakes[w]++
		})
		var all sync.WaitGroup
		began := time.Now()
		for i := range 100 {
			all.Go(func() {
				job := newJob()
				job.Priority = i % 2
				inserted, err := e.Insert(t.Context(), []store.NewJob{job})
				if err != nil || len(inserted) != 1 || inserted[0].ID != job.ID {
					t.Errorf("Insert = %v, %v; want the answer for %v", inserted, err, job.ID)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 3*time.Millisecond {
			t.Errorf("100 jobs took %v, at a millisecond a call", took)
		}
		if len(wakes) != 2 {
			t.Errorf("wakes are %v", wakes)
		}
	})
}

func TestBigCallsGoAlone(t *testing.T) {
	s := misbehave()
	e := NewEnqueuer(s, nil)
	jobs := make([]store.NewJob, 3000)
	for i := range jobs {
		jobs[i] = newJob()
	}
	inserted, err := e.Insert(t.Context(), jobs)
	if err != nil || len(inserted) != 3000 {
		t.Errorf("Insert = %d, %v", len(inserted), err)
	}
	large := newJob()
	large.Input = make([]byte, 2<<20)
	if _, err := e.Insert(t.Context(), []store.NewJob{large}); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Insert(ended, jobs); !errors.Is(err, context.Canceled) {
		t.Errorf("Insert with an ended context = %v", err)
	}
	if inserted, err := e.Insert(t.Context(), nil); inserted != nil || err != nil {
		t.Errorf("Insert of nothing = %v, %v", inserted, err)
	}
	if s.count("Insert") != 2 {
		t.Errorf("%d calls", s.count("Insert"))
	}
}
