package sqlite

import (
	"context"
	"fmt"
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
func BenchmarkDrain(b *testing.B) { benchDrain(b, 5, nil) }

// BenchmarkDrainKeyed is BenchmarkDrain under a limit of one job for each of 1,000 keys, so that
// every finish lets another job through.
func BenchmarkDrainKeyed(b *testing.B) {
	benchDrain(b, 5, func(i int) *store.Terms { return &store.Terms{Limits: []store.Use{{Limit: "crm", Key: benchKey(i)}}} })
}

// BenchmarkDrainFair is BenchmarkDrain with 1,000 keys that take turns.
func BenchmarkDrainFair(b *testing.B) {
	benchDrain(b, 5+store.FairLane, func(i int) *store.Terms { return &store.Terms{Turn: &store.Turn{Key: benchKey(i)}} })
}

// BenchmarkDrainUnique is BenchmarkDrain with keys that are free when their job has ended.
func BenchmarkDrainUnique(b *testing.B) { benchDrain(b, 5, uniqueTerms) }

// BenchmarkDrainBeside is BenchmarkDrain while another queue's key of a limit has 1,000,000 jobs
// waiting.
func BenchmarkDrainBeside(b *testing.B) {
	s := openTest(b)
	must(b, s.PutLimits(context.Background(), []store.Limit{{Name: "crm", Max: 1}}))
	for range 1000 {
		jobs := keyedJobs(1000, func(int) *store.Terms { return &store.Terms{Limits: []store.Use{{Limit: "crm"}}} })
		for i := range jobs {
			jobs[i].Queue = "slow"
		}
		_, err := s.Insert(context.Background(), jobs)
		must(b, err)
	}
	b.ResetTimer()
	benchDrainOf(b, s, 5, nil)
}

// BenchmarkInsertUnique is BenchmarkInsert with unique keys.
func BenchmarkInsertUnique(b *testing.B) { benchInsert(b, uniqueTerms) }

// BenchmarkInsertKeyed is BenchmarkInsert under a limit of one job for each of 1,000 keys.
func BenchmarkInsertKeyed(b *testing.B) {
	benchInsert(b, func(i int) *store.Terms { return &store.Terms{Limits: []store.Use{{Limit: "crm", Key: benchKey(i)}}} })
}

// BenchmarkInsertFair is BenchmarkInsert with 1,000 keys that take turns.
func BenchmarkInsertFair(b *testing.B) {
	benchInsert(b, func(i int) *store.Terms { return &store.Terms{Turn: &store.Turn{Key: benchKey(i)}} })
}

// BenchmarkLook is what an idle process asks each second.
func BenchmarkLook(b *testing.B) {
	s := openTest(b)
	p := store.Process{ID: store.NewID()}
	must(b, s.Join(context.Background(), p))
	for b.Loop() {
		_, err := s.Look(context.Background(), p.ID)
		must(b, err)
	}
}

func benchInsert(b *testing.B, terms func(i int) *store.Terms) {
	s := openTest(b)
	ctx := context.Background()
	must(b, s.PutLimits(ctx, []store.Limit{{Name: "crm", Max: 1}}))
	for b.Loop() {
		b.StopTimer()
		jobs := keyedJobs(1000, terms)
		b.StartTimer()
		_, err := s.Insert(ctx, jobs)
		must(b, err)
	}
	perSecond(b, 1000*b.N)
}

func uniqueTerms(int) *store.Terms {
	return &store.Terms{Unique: &store.Unique{Key: store.NewID().String(), Until: store.UntilEnded, OnConflict: store.ConflictKeep}}
}

func benchKey(i int) string { return fmt.Sprintf("tenant-%d", i%1000) }

func keyedJobs(n int, terms func(i int) *store.Terms) []store.NewJob {
	jobs := someJobs(n)
	for i := range jobs {
		if terms != nil {
			jobs[i].Terms = terms(i)
		}
	}
	return jobs
}

func benchDrain(b *testing.B, lane int, terms func(i int) *store.Terms) {
	s := openTest(b)
	must(b, s.PutLimits(context.Background(), []store.Limit{{Name: "crm", Max: 1}}))
	benchDrainOf(b, s, lane, terms)
}

func benchDrainOf(b *testing.B, s *Store, lane int, terms func(i int) *store.Terms) {
	ctx := context.Background()
	p := store.Process{ID: store.NewID()}
	must(b, s.Join(ctx, p))
	const jobs = 100_000
	for b.Loop() {
		b.StopTimer()
		for range jobs / 1000 {
			_, err := s.Insert(ctx, keyedJobs(1000, terms))
			must(b, err)
		}
		b.StartTimer()
		drain(b, s, p.ID, lane, jobs)
	}
	perSecond(b, jobs*b.N)
}

func drain(b *testing.B, s *Store, p store.ID, lane, jobs int) {
	hand := make(chan []store.Claimed, 2)
	finished := make(chan struct{}, 1) // holds a token if there may be more to claim
	var finisher sync.WaitGroup
	finisher.Go(func() {
		for claimed := range hand {
			ended := make([]store.Ended, len(claimed))
			for i, c := range claimed {
				ended[i] = store.Ended{Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: store.OutcomeCompleted, Terms: c.Terms, Waited: time.Millisecond, Ran: time.Millisecond}
			}
			lost, err := s.Finish(context.Background(), p, ended)
			if err != nil || len(lost) > 0 {
				b.Errorf("Finish = %v, %v", lost, err)
			}
			select {
			case finished <- struct{}{}:
			default:
			}
		}
	})
	for got := 0; got < jobs; {
		claimed, err := s.Claim(context.Background(), store.ClaimRequest{Process: p, Queue: "mail", Priorities: []int{lane}, Limit: 2000})
		must(b, err)
		if got += len(claimed); len(claimed) == 0 {
			<-finished
		}
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
