package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload"
)

// fan is the handlers of one job, of many that are after it, and of one that is after these.
type fan struct {
	first, many, last *offload.Task[load]
	queues            struct{ first, many, last string }
	left              atomic.Int64   // of the many
	returned          chan time.Time // gets when the first returns, when the last of the many does, …
	started           chan time.Time // … and when the last starts
}

func newFan(b *bench) *fan {
	f := &fan{returned: make(chan time.Time, 1), started: make(chan time.Time, 1)}
	f.queues.first, f.queues.many, f.queues.last = b.queue("-fan-first"), b.queue("-fan"), b.queue("-fan-last")
	f.first = offload.NewTask("bench-fan-first", func(context.Context, load) error {
		tell(f.returned)
		return nil
	}, offload.Queue(f.queues.first))
	f.many = offload.NewTask("bench-fan", func(context.Context, load) error {
		if f.left.Add(-1) == 0 {
			tell(f.returned)
		}
		return nil
	}, offload.Queue(f.queues.many))
	f.last = offload.NewTask("bench-fan-last", func(context.Context, load) error {
		tell(f.started)
		return nil
	}, offload.Queue(f.queues.last))
	return f
}

func (f *fan) parts() []offload.Part { return []offload.Part{f.first, f.many, f.last} }

// tell says that it is now, unless nobody has listened to the last word.
func tell(to chan<- time.Time) {
	select {
	case to <- time.Now():
	default:
	}
}

// hear waits for a word.
func hear(ctx context.Context, from <-chan time.Time) (time.Time, error) {
	select {
	case at := <-from:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// fans measures how long those wait that are after one, and one that is after many.
func (a *around) fans(ctx context.Context, f *figures, n int) error {
	var outs, ins, both []float64
	for round := range rounds {
		a.progress("fan: round %d of %d", round+1, rounds)
		out, in, err := a.fanOnce(ctx, n)
		if err != nil {
			return fmt.Errorf("fan: %w", err)
		}
		outs, ins, both = append(outs, milliseconds(out)), append(ins, milliseconds(in)), append(both, milliseconds(out+in))
	}
	f.add("fan_out_ms", "ms", median(outs), 1)
	f.add("fan_in_ms", "ms", median(ins), 1)
	f.add("fan_ms", "ms", median(both), 1)
	return nil
}

func (a *around) fanOnce(ctx context.Context, n int) (out, in time.Duration, err error) {
	fan := a.fan
	first := fan.first.Call(loadOf(0, "first"))
	calls := []*offload.Call{first}
	for i := range n {
		calls = append(calls, fan.many.Call(loadOf(i, "many"), offload.After(first)))
	}
	calls = append(calls, fan.last.Call(loadOf(0, "last"), offload.After(calls[1:]...)))
	fan.left.Store(int64(n))
	if _, err := a.app.Enqueue(ctx, calls...); err != nil {
		return 0, 0, err
	}
	err = a.working(ctx, fan.queues.first, func(ctx context.Context) error {
		returned, err := hear(ctx, fan.returned)
		if err != nil {
			return err
		}
		err = a.none(ctx, fan.queues.many, offload.Blocked)
		out = time.Since(returned)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	err = during(ctx, a.app, func(ctx context.Context) error {
		returned, err := hear(ctx, fan.returned)
		if err != nil {
			return err
		}
		started, err := hear(ctx, fan.started)
		if err != nil {
			return err
		}
		in = started.Sub(returned)
		return a.none(ctx, fan.queues.last, offload.Running)
	}, fan.queues.many, fan.queues.last)
	return out, in, err
}
