package sqlite

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

// BenchmarkInsert stores 1,000 jobs a call.
func BenchmarkInsert(b *testing.B) {
	s := openTest(b)
	ctx := context.Background()
	for b.Loop() {
		b.StopTimer()
		jobs := someJobs(1000)
		b.StartTimer()
		_, err := s.Insert(ctx, jobs)
		must(b, err)
	}
	perSecond(b, 1000*b.N)
}

// BenchmarkInsertOne stores one job a call, from 16 goroutines.
func BenchmarkInsertOne(b *testing.B) {
	s := openTest(b)
	ctx := context.Background()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, err := s.Insert(ctx, someJobs(1))
			must(b, err)
		}
	})
	perSecond(b, b.N)
}

// BenchmarkInsertAlone stores one job a call, from one goroutine.
func BenchmarkInsertAlone(b *testing.B) {
	s := openTest(b)
	for b.Loop() {
		_, err := s.Insert(context.Background(), someJobs(1))
		must(b, err)
	}
	perSecond(b, b.N)
}

// BenchmarkDrain claims 2,000 jobs at a time and finishes 1,000 at a time, at once, as an
// engine does.
func BenchmarkDrain(b *testing.B) {
	s := openTest(b)
	ctx := context.Background()
	p := store.Process{ID: store.NewID()}
	must(b, s.Join(ctx, p))
	const jobs = 100_000
	for b.Loop() {
		b.StopTimer()
		for range jobs / 1000 {
			_, err := s.Insert(ctx, someJobs(1000))
			must(b, err)
		}
		b.StartTimer()
		drain(b, s, p.ID, jobs)
	}
	perSecond(b, jobs*b.N)
}

func drain(b *testing.B, s *Store, p store.ID, jobs int) {
	hand := make(chan []store.Claimed, 2)
	var finisher sync.WaitGroup
	finisher.Go(func() {
		for claimed := range hand {
			ended := make([]store.Ended, len(claimed))
			for i, c := range claimed {
				ended[i] = store.Ended{Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: store.OutcomeCompleted, Waited: time.Millisecond, Ran: time.Millisecond}
			}
			lost, err := s.Finish(context.Background(), p, ended)
			if err != nil || len(lost) > 0 {
				b.Errorf("Finish = %v, %v", lost, err)
			}
		}
	})
	for got := 0; got < jobs; {
		claimed, err := s.Claim(context.Background(), store.ClaimRequest{Process: p, Queue: "mail", Priorities: []int{5}, Limit: 2000})
		must(b, err)
		got += len(claimed)
		for len(claimed) > 0 {
			n := min(1000, len(claimed))
			hand <- claimed[:n]
			claimed = claimed[n:]
		}
	}
	close(hand)
	finisher.Wait()
}

func someJobs(n int) []store.NewJob {
	jobs := make([]store.NewJob, n)
	for i := range jobs {
		jobs[i] = newJob("mail")
	}
	return jobs
}

func perSecond(b *testing.B, jobs int) {
	b.ReportMetric(float64(jobs)/b.Elapsed().Seconds(), "jobs/s")
}
