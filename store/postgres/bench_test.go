package postgres_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

var waiting = flag.Int("waiting", 100_000, "how many jobs wait for a limit, beside those of BenchmarkDrainBeside")

// bench is a store with n jobs, and a process.
func bench(b *testing.B, n int, with ...func(*store.NewJob)) (s store.Store, process store.ID) {
	s = open(b, testpg.URL(b))
	migrate(b, s)
	process = store.NewID()
	if err := s.Join(b.Context(), store.Process{ID: process}); err != nil {
		b.Fatal(err)
	}
	fill(b, s, n, with...)
	return s, process
}

// fill inserts n jobs.
func fill(b *testing.B, s store.Store, n int, with ...func(*store.NewJob)) {
	if err := s.PutLimits(b.Context(), []store.Limit{{Name: "crm", Max: 1}}); err != nil {
		b.Fatal(err)
	}
	for n > 0 {
		some := plain(min(n, 1000))
		for i := range some {
			for _, w := range with {
				w(&some[i])
			}
		}
		insert(b, s, some...)
		n -= len(some)
	}
}

// ofKeys gives jobs by turns one of n keys.
func ofKeys(n int, terms func(key string) *store.Terms) func(*store.NewJob) {
	i := 0
	return func(j *store.NewJob) {
		j.Terms = terms(fmt.Sprint("key-", i%n))
		i++
	}
}

// limited are the terms of a job under a limit.
func limited(key string) *store.Terms {
	return &store.Terms{Limits: []store.Use{{Limit: "crm", Key: key}}}
}

// turned are the terms of a job that takes turns.
func turned(key string) *store.Terms { return &store.Terms{Turn: &store.Turn{Key: key}} }

// unique are the terms of a unique job.
func unique(key string) *store.Terms {
	return &store.Terms{Unique: &store.Unique{Key: key, Until: store.UntilEnded, OnConflict: store.ConflictKeep}}
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
	drain(b, s, process)
}

// BenchmarkDrainKeys is BenchmarkDrain for jobs under a limit of 1, over 1,000 keys.
func BenchmarkDrainKeys(b *testing.B) {
	s, process := bench(b, b.N, ofKeys(1000, limited))
	drain(b, s, process)
}

// BenchmarkDrainTurns is BenchmarkDrain for jobs of 1,000 keys that take turns.
func BenchmarkDrainTurns(b *testing.B) {
	s, process := bench(b, b.N, ofKeys(1000, turned))
	drain(b, s, process)
}

// BenchmarkDrainBeside is BenchmarkDrain while jobs of another queue wait for one key of a limit.
func BenchmarkDrainBeside(b *testing.B) {
	s, process := bench(b, *waiting, ofKeys(1, limited), func(n *store.NewJob) { n.Queue = "other" })
	fill(b, s, b.N)
	drain(b, s, process)
}

// drain claims and finishes all that is due, and what follows.
func drain(b *testing.B, s store.Store, process store.ID) {
	b.ResetTimer()
	claims := make(chan []store.Claimed, 2)
	done := make(chan int, 8) // claims that were finished
	go func() {
		defer close(claims)
		for left, held := b.N, 0; left > 0; {
			claimed, err := s.Claim(b.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: 2000})
			if err != nil || len(claimed) == 0 && held == 0 {
				b.Errorf("Claim = %d jobs, %v", len(claimed), err)
				return
			}
			if len(claimed) == 0 { // the next are let through by those that end
				held -= <-done
				continue
			}
			left -= len(claimed)
			held++
			claims <- claimed
			for more := true; more; {
				select {
				case n := <-done:
					held -= n
				default:
					more = false
				}
			}
		}
	}()
	for claimed := range claims {
		for len(claimed) > 0 {
			some := claimed[:min(len(claimed), 1000)]
			claimed = claimed[len(some):]
			finish(b, s, process, some...)
		}
		select {
		case done <- 1:
		case <-b.Context().Done():
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
			Waited: time.Millisecond, Ran: time.Millisecond, Terms: c.Terms,
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

// BenchmarkInsertUnique is BenchmarkInsert for jobs with unique keys of their own.
func BenchmarkInsertUnique(b *testing.B) {
	s, _ := bench(b, 0)
	b.ResetTimer()
	fill(b, s, b.N, ofKeys(b.N, unique))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkInsertKeys is BenchmarkInsert for jobs under a limit of 1, over 1,000 keys.
func BenchmarkInsertKeys(b *testing.B) {
	s, _ := bench(b, 0)
	b.ResetTimer()
	fill(b, s, b.N, ofKeys(1000, limited))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkInsertTurns is BenchmarkInsert for jobs of 1,000 keys that take turns.
func BenchmarkInsertTurns(b *testing.B) {
	s, _ := bench(b, 0)
	b.ResetTimer()
	fill(b, s, b.N, ofKeys(1000, turned))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkLook looks while nothing is to be done.
func BenchmarkLook(b *testing.B) {
	s, process := bench(b, 0)
	for b.Loop() {
		if _, err := s.Look(b.Context(), process); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInsertOne inserts one job after the other.
func BenchmarkInsertOne(b *testing.B) {
	s, _ := bench(b, 0)
	for b.Loop() {
		insert(b, s, plain(1)...)
	}
}
