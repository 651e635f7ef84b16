package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload"
)

// Tenants of a queue whose workers are busy: a huge one, and small ones that come later.
const (
	tenantWorkers = 10
	tenantTakes   = 50 * time.Millisecond
	smallJobs     = 10
	smallShare    = 2 * smallJobs // with as many of the huge one, since two take turns
	mostSmall     = 10
)

// tenants is the handler of their jobs.
type tenants struct {
	task   *offload.Task[load]
	queue  string
	starts atomic.Int64 // of all
	small  atomic.Int64 // of the newest small one
	last   chan int64   // gets the starts at that of its last job
}

func newTenants(queue string) *tenants {
	t := &tenants{queue: queue, last: make(chan int64, 1)}
	t.task = offload.NewTask("bench-tenant", t.run, offload.Queue(queue), offload.Fair{By: "to"})
	return t
}

func (t *tenants) run(ctx context.Context, in load) error {
	starts := t.starts.Add(1)
	if in.Number > 0 && t.small.Add(1) == smallJobs {
		t.last <- starts
	}
	return pause(ctx, tenantTakes)
}

// smallTenants measures how many jobs are started before those of a small tenant are, in
// multiples of what is its share. Jobs that the process has in hand already count too.
func (a *admission) smallTenants(ctx context.Context, f *figures, huge int) error {
	t := a.tenants
	for done := 0; done < huge; {
		inputs := make([]load, min(huge-done, 1000))
		for i := range inputs {
			inputs[i] = loadOf(0, "huge")
		}
		if _, err := t.task.EnqueueMany(ctx, a.app, inputs); err != nil {
			return err
		}
		done += len(inputs)
	}
	worst := 0.0
	small := min(max(huge/100, 1), mostSmall)
	err := a.working(ctx, t.queue, func(ctx context.Context) error {
		if err := pause(ctx, time.Second); err != nil { // until it is in full swing
			return err
		}
		for i := range small {
			shares, err := a.smallTenant(ctx, i)
			if err != nil {
				return err
			}
			worst = max(worst, shares)
			a.progress("small_wait: %d of %d", i+1, small)
		}
		return nil
	})
	f.add("small_wait", "shares", worst, 2)
	if err != nil {
		return err
	}
	return a.remove(ctx, t.queue)
}

func (a *admission) smallTenant(ctx context.Context, i int) (shares float64, err error) {
	t := a.tenants
	t.small.Store(0)
	before := t.starts.Load()
	if _, err := t.task.EnqueueMany(ctx, a.app, loads(1, 1+smallJobs, "small-"+string(rune('a'+i)))); err != nil {
		return 0, err
	}
	select {
	case last := <-t.last:
		return float64(last-before) / smallShare, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
