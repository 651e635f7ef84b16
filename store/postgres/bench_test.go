package postgres_test

import (
	"testing"
	"time"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// bench is a store with n jobs, and a process.
func bench(b *testing.B, n int) (s store.Store, process store.ID) {
	s = open(b, testpg.URL(b))
	migrate(b, s)
	process = store.NewID()
	if err := s.Join(b.Context(), store.Process{ID: process}); err != nil {
		b.Fatal(err)
	}
	for n > 0 {
		some := min(n, 1000)
		insert(b, s, plain(some)...)
		n -= some
	}
	return s, process
}

// plain are jobs with 100 bytes of input.
func plain(n int) []store.NewJob {
	all := make([]store.NewJob, n)
	for i := range all {
		all[i] = store.NewJob{
			ID: store.NewID(), Task: "send", Queue: "mail", Priority: 5, MaxAttempts: 25, Timeout: time.Hour,
			Input: []byte(`{"to":"ada@example.com","subject":"Your order has been sent","text":"It should be there soon, Ada."}`),
		}
	}
	return all
}

func insert(t testing.TB, s store.Store, jobs ...store.NewJob) {
	t.Helper()
	if _, err := s.Insert(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkDrain claims and finishes by turns, without handlers. Its figure is a job.
func BenchmarkDrain(b *testing.B) {
	s, process := bench(b, b.N)
	b.ResetTimer()
	claims := make(chan []store.Claimed, 2)
	go func() {
		defer close(claims)
		for left := b.N; left > 0; {
			claimed, err := s.Claim(b.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: 2000})
			if err != nil || len(claimed) == 0 {
				b.Errorf("Claim = %d jobs, %v", len(claimed), err)
				return
			}
			left -= len(claimed)
			claims <- claimed
		}
	}()
	for claimed := range claims {
		for len(claimed) > 0 {
			some := claimed[:min(len(claimed), 1000)]
			claimed = claimed[len(some):]
			finish(b, s, process, some...)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

func finish(t testing.TB, s store.Store, process store.ID, claimed ...store.Claimed) {
	t.Helper()
	ended := make([]store.Ended, len(claimed))
	for i, c := range claimed {
		ended[i] = store.Ended{
			Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: store.OutcomeCompleted,
			Waited: time.Millisecond, Ran: time.Millisecond,
		}
	}
	lost, err := s.Finish(t.Context(), process, ended)
	if err != nil || len(lost) > 0 {
		t.Fatalf("Finish lost %d, %v", len(lost), err)
	}
}

// BenchmarkInsert inserts 1,000 jobs a call. Its figure is a job.
func BenchmarkInsert(b *testing.B) {
	s, _ := bench(b, 0)
	b.ResetTimer()
	for left := b.N; left > 0; left -= 1000 {
		insert(b, s, plain(min(left, 1000))...)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkInsertOne inserts one job after the other.
func BenchmarkInsertOne(b *testing.B) {
	s, _ := bench(b, 0)
	for b.Loop() {
		insert(b, s, plain(1)...)
	}
}
