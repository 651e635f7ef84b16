package engine

import (
	"context"
	"sync"
	"testing"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

// BenchmarkDrain measures what the engine costs a job that does nothing, on the store in
// memory, from the claim to the finish.
func BenchmarkDrain(b *testing.B) {
	s := memory.New()
	for left := b.N; left > 0; left -= 1000 {
		jobs := make([]store.NewJob, min(left, 1000))
		for i := range jobs {
			jobs[i] = store.NewJob{ID: store.NewID(), Task: "nothing", Queue: "q", MaxAttempts: 1, Timeout: 3600e9}
		}
		if _, err := s.Insert(b.Context(), jobs); err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(b.Context())
	var mu sync.Mutex
	left := b.N
	e := New(Config{
		Store: s, Workers: func(string) int { return 100 }, Total: 500,
		Tasks: map[string]*Task{"nothing": {Run: func(context.Context, *store.Claimed) Verdict { return Verdict{} }}},
		Event: func(e Event) {
			if e.State != store.Completed {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if left--; left == 0 {
				cancel()
			}
		},
	})
	b.ResetTimer()
	if err := e.Run(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkEnqueue measures what the enqueuer costs a caller among 16.
func BenchmarkEnqueue(b *testing.B) {
	e := NewEnqueuer(memory.New(), nil)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			job := store.NewJob{ID: store.NewID(), Task: "nothing", Queue: "q", MaxAttempts: 1}
			if _, err := e.Insert(b.Context(), []store.NewJob{job}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
