package telemetry

import (
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

// Forget makes the next Collect read.
func Forget(c *Collector) { c.read = time.Time{} }

// NeedOf returns what a queue needs within 10 minutes.
func NeedOf(backlog, ran int, run time.Duration, arrive, working, slots int, paused bool) Need {
	now := time.Date(2026, 7, 1, 12, 0, 30, 0, time.UTC)
	var figures []store.Figure
	if ran > 0 {
		f := store.Figure{Start: now.Truncate(time.Minute), Queue: "q", Outcome: string(store.OutcomeCompleted), Count: int64(ran)}
		for range ran {
			f.Run.Count(run)
		}
		figures = append(figures, f)
	}
	for minute := range 10 {
		figures = append(figures, store.Figure{
			Start: now.Truncate(time.Minute).Add(-time.Duration(minute+1) * time.Minute), Queue: "q", Outcome: "enqueued", Count: int64(arrive),
		})
	}
	r := &Reading{Time: now, Queues: []Queue{{
		Name: "q", Paused: paused, Jobs: map[offload.State]int{offload.Available: backlog}, Workers: working * slots, Need: Need{Working: working},
	}}}
	c := NewCollector(nil, 10*time.Minute)
	c.need(r, figures)
	return r.Queues[0].Need
}
