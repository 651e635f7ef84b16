package engine

import (
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// When the answer to a claim is lost, the claim may have been committed all the same, even
// later than its caller gave up: then this process holds leases that it does not know of. Such
// strays are looked for and given back.

// strayTimes are when to look for the strays of a claim that has failed: at once, and when the
// database must have given up too.
func strayTimes(failed time.Time) []time.Time {
	return []time.Time{failed, failed.Add(callTimeout + 5*time.Second)}
}

// findStrays gives back the leases of this process that nobody here knows of. It is called by
// the goroutine that claims, so none is added meanwhile.
func (c *claimer) findStrays(now time.Time) {
	if len(c.strays) == 0 || now.Before(c.strays[0]) || c.process.IsZero() {
		return
	}
	known := c.s.hand.fences() // before the store is asked; what has ended by then is gone there
	c.s.finisher.fences(known)
	for _, queues := range [][]string{nil, {store.SystemQueue}} {
		if !c.releaseUnknown(queues, known) {
			return
		}
	}
	c.strays = c.strays[1:]
}

// releaseUnknown goes through the leases of this process. It reports whether it got to the end.
func (c *claimer) releaseUnknown(queues []string, known map[store.Fence]bool) bool {
	filter := store.Filter{Process: c.process, States: []store.State{store.Running}, Queues: queues, Max: 1000}
	for {
		jobs, err := c.find(filter)
		if err != nil {
			c.s.trouble.report("look for stray leases", err)
			return false
		}
		var strays []*attempt
		for i := range jobs {
			fence := store.Fence{ID: jobs[i].ID, Attempt: jobs[i].Attempt}
			if !known[fence] {
				a := &attempt{process: c.process}
				a.job.Fence, a.job.Task, a.job.Queue = fence, jobs[i].Task, jobs[i].Queue
				strays = append(strays, a)
			}
		}
		if len(strays) > 0 {
			c.s.Log.Info("offload: claims whose answers were lost are given back", "jobs", len(strays))
			c.s.finisher.giveBack(strays, endRelease)
		}
		if len(jobs) < filter.Max {
			c.s.trouble.clear("look for stray leases")
			return true
		}
		filter.Before = jobs[len(jobs)-1].ID
	}
}

func (c *claimer) find(filter store.Filter) (jobs []store.Job, err error) {
	err = c.s.within(c.s.calls, func(ctx context.Context) (err error) {
		jobs, err = c.s.Store.Find(ctx, filter)
		return err
	})
	return jobs, err
}
