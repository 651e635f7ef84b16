package main

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// A Both is the options of a process that enqueues and works, as most programs on a file do.
// It gives up enqueuing at a time, and works on until it is stopped.
type Both struct {
	Worker
	Enqueuer
	Until time.Time
}

// Spec is that of such a process. A trial that uses it names bothRole among its Roles.
func (b Both) Spec() Spec { return Spec{Role: "both", Options: b} }

var bothRole = map[string]Role{"both": both}

func both(ctx context.Context, c *Child) error {
	var b Both
	if err := c.Options(&b); err != nil {
		return err
	}
	enqueuing, stop := context.WithDeadline(ctx, b.Until)
	defer stop()
	// Each reads its own options of these.
	working, end := context.WithCancel(ctx)
	defer end()
	var enqueued error
	var all sync.WaitGroup
	all.Go(func() {
		enqueued = enqueue(enqueuing, c)
		if enqueued != nil && enqueuing.Err() == nil {
			end() // the process shall end and be seen
		}
	})
	err := work(working, c)
	stop()
	all.Wait()
	if enqueuing.Err() != nil && errors.Is(enqueued, cmp.Or(context.Cause(enqueuing), context.Canceled)) {
		enqueued = nil // it was stopped before it had begun
	}
	return errors.Join(err, enqueued)
}
