package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

// BenchmarkFanOut inserts and works a job and 10,000 that run after it, and one that runs after them.
func BenchmarkFanOut(b *testing.B) {
	const jobs = 10_000
	benchFlow(b, jobs+2, func() []store.NewJob {
		first := newJob("mail")
		first.Terms = &store.Terms{Flow: first.ID}
		all := []store.NewJob{first}
		var last store.NewJob
		for range jobs {
			n := newJob("mail")
			n.Terms = first.Terms
			n.After = []store.Edge{{Upstream: first.ID, On: store.OnCompleted}}
			last.After = append(last.After, store.Edge{Upstream: n.ID, On: store.OnCompleted})
			all = append(all, n)
		}
		n := newJob("mail")
		n.Terms, n.After = first.Terms, last.After
		return append(all, n)
	})
}

// BenchmarkBatch inserts and works a batch of 10,000 jobs and one that runs after it.
func BenchmarkBatch(b *testing.B) {
	const jobs = 10_000
	benchFlow(b, jobs+1, func() []store.NewJob {
		batch := newJob(store.SystemQueue)
		batch.Task, batch.Terms = store.BatchTask, &store.Terms{Flow: batch.ID}
		all := []store.NewJob{batch}
		terms := &store.Terms{Flow: batch.ID, Batch: batch.ID}
		for range jobs {
			n := newJob("mail")
			n.Terms = terms
			all = append(all, n)
		}
		n := newJob("mail")
		n.Terms, n.After = batch.Terms, []store.Edge{{Upstream: batch.ID, On: store.OnCompleted}}
		return append(all, n)
	})
}

// BenchmarkNoFlow is BenchmarkBatch with plain jobs.
func BenchmarkNoFlow(b *testing.B) {
	benchFlow(b, 10_000, func() []store.NewJob { return someJobs(10_000) })
}

func benchFlow(b *testing.B, runs int, jobs func() []store.NewJob) {
	s := openTest(b)
	ctx := context.Background()
	p := store.Process{ID: store.NewID()}
	must(b, s.Join(ctx, p))
	var inserting, ending time.Duration
	for b.Loop() {
		b.StopTimer()
		all := jobs()
		b.StartTimer()
		start := time.Now()
		_, err := s.Insert(ctx, all)
		must(b, err)
		inserting += time.Since(start)
		for worked := 0; worked < runs; {
			claimed, err := s.Claim(ctx, store.ClaimRequest{Process: p.ID, Queue: "mail", Limit: 1000})
			must(b, err)
			start := time.Now()
			if len(claimed) == 0 {
				_, _, err := s.Settle(ctx, 1000)
				must(b, err)
			}
			ended := make([]store.Ended, len(claimed))
			for i, c := range claimed {
				ended[i] = store.Ended{Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: store.OutcomeCompleted, Terms: c.Terms}
			}
			_, err = s.Finish(ctx, p.ID, ended)
			must(b, err)
			ending += time.Since(start)
			worked += len(claimed)
		}
	}
	b.ReportMetric(inserting.Seconds()/float64(b.N), "s-insert/op")
	b.ReportMetric(ending.Seconds()/float64(b.N), "s-end/op")
	perSecond(b, runs*b.N)
}
