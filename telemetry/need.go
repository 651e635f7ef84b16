package telemetry

import (
	"context"
	"math"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

// A Need says how many processes a queue needs so that what waits now, and what comes meanwhile, is
// done within a time:
//
//	Processes = ⌈ (Backlog / within + Arriving) × Running / Slots ⌉
//
// Arriving and Running are those of the last five minutes. A queue with a backlog needs at least one
// process. One that is paused needs none: more processes would not help it; nor do they help jobs
// that wait for a limit, which are not in the backlog.
//
// While nothing was run lately, Running is not known: then it is as many as there are, and one at
// least if there is a backlog. It is assumed that a process runs jobs as fast when there are more processes:
// that is not so where they all wait for one database or service; a limit says that better.
type Need struct {
	Backlog   int           // jobs that are due and not started; it stops at CountsStop
	Arriving  float64       // jobs enqueued in a second
	Running   time.Duration // how long an attempt takes; 0 is not known
	Slots     int           // jobs that one process runs of it at once, as last seen; 100, the default of Workers, until one was
	Working   int           // processes that work it now
	Processes int           // that it needs
}

// defaultSlots is the default of offload.Workers.
const defaultSlots = 100

// Needed returns what each queue needs so as to be done within a time, 10 minutes if that is 0. It is for
// whatever starts processes; who asks again and again makes a Collector, which knows the slots of a
// queue also while nobody works it.
func Needed(ctx context.Context, app *offload.App, within time.Duration) (map[string]Need, error) {
	r, err := NewCollector(app, within).Collect(ctx)
	if err != nil {
		return nil, err
	}
	needs := make(map[string]Need, len(r.Queues))
	for i := range r.Queues {
		needs[r.Queues[i].Name] = r.Queues[i].Need
	}
	return needs, nil
}

// need fills in what queues need.
func (c *Collector) need(r *Reading, lately []store.Figure) {
	end := r.Time.Truncate(time.Minute).Add(-time.Minute) // those of the minute before may not be counted yet
	begin := end.Add(-rateOver)
	arrived, run := map[string]int64{}, map[string]*store.Histogram{}
	for i := range lately {
		f := &lately[i]
		if f.Outcome == enqueued && !f.Start.Before(begin) && f.Start.Before(end) {
			arrived[f.Queue] += f.Count
		}
		if f.Start.Before(begin) {
			continue
		}
		if run[f.Queue] == nil {
			run[f.Queue] = &store.Histogram{}
		}
		run[f.Queue].Add(&f.Run)
	}
	for i := range r.Queues {
		q := &r.Queues[i]
		n := &q.Need
		n.Backlog, n.Arriving = q.Jobs[offload.Available], float64(arrived[q.Name])/rateOver.Seconds()
		if h := run[q.Name]; h != nil {
			n.Running = mean(h)
		}
		if n.Working > 0 && q.Workers >= n.Working {
			c.slots[q.Name] = q.Workers / n.Working
		}
		if n.Slots = c.slots[q.Name]; n.Slots == 0 {
			n.Slots = defaultSlots
		}
		n.Processes = n.processes(c.within)
		if q.Paused {
			n.Processes = 0
		}
	}
}

// enqueued is the outcome that counts jobs and not attempts.
const enqueued = "enqueued"

// processes is the formula.
func (n *Need) processes(within time.Duration) int {
	least := 0
	if n.Backlog > 0 {
		least = 1
	}
	if n.Running == 0 {
		return max(least, n.Working)
	}
	load := float64(n.Backlog)/within.Seconds() + n.Arriving
	return max(least, int(math.Ceil(load*n.Running.Seconds()/float64(n.Slots))))
}

// mean returns the mean of what a histogram has counted, each at the middle of its bucket.
func mean(h *store.Histogram) time.Duration {
	total := h.Total()
	if total == 0 {
		return 0
	}
	return time.Duration(Sum(h) / float64(total) * float64(time.Second))
}

// Sum returns about what the durations that a histogram has counted add up to, in seconds: each is taken
// as the middle of its bucket, which is at most 19 % off.
func Sum(h *store.Histogram) (seconds float64) {
	for i, n := range h {
		seconds += float64(n) * Bound(i).Seconds() * (1 + 1/math.Sqrt2) / 2
	}
	return seconds
}

// Bound returns the upper end of a bucket of a histogram: 100 µs for the first, each next one √2 times
// as much.
func Bound(bucket int) time.Duration {
	return time.Duration(math.Round(float64(100*time.Microsecond) * math.Pow(2, float64(bucket)/2)))
}
