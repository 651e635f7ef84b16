// Package batch shares round trips between callers.
//
// Many goroutines each have one item to hand over. The first to come leads: it takes what
// has queued up, its own item included, makes one call for all, gives each caller its answer,
// and hands the lead to the next who waits:
//
//	caller ─┐
//	caller ─┼─▶ queue ──cut by the leader──▶ one call ──▶ answers
//	caller ─┘
//
// There is no goroutine and no timer: while one call is under way the next batch gathers by
// itself, so a lone caller waits for nobody and a crowd shares. One bad item never hurts the
// others: a batch that is refused is split until the bad item stands alone, and one that an
// item holds up is left to its callers, each for itself.
package batch

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// A Batch gathers items of type T and answers each with an R. Its fields are set before the
// first Do.
type Batch[T, R any] struct {
	// Call hands items over and returns an answer for each, in their order. Its context has
	// the leader's values and never ends, and so with Alone.
	Call func(ctx context.Context, items []T) ([]R, error)

	// Fits reports whether an item can join those already cut; nil is always.
	Fits func(cut []T, item T) bool

	// Whole reports whether an error is about the call rather than about an item, so that
	// splitting would not help; nil is never.
	Whole func(error) bool

	// Slow reports whether an error says that the call took too long, since it had to wait for
	// something that is of one item. Then each caller hands over its own by Alone, all at the
	// same time, while the next batch is under way. Slow may be nil, which is never.
	Slow  func(error) bool
	Alone func(ctx context.Context, item T) (R, error)

	mu    sync.Mutex // held for moments
	queue []*caller[T, R]
	led   bool
}

// A caller waits for its turn to lead, or for its answer.
type caller[T, R any] struct {
	item   T
	turn   chan turn // one is sent, once
	cut    bool      // it is being handed over; guarded by Batch.mu
	alone  bool      // it shall be handed over by itself
	answer R
	err    error
}

type turn int

const (
	lead turn = iota
	answered
	alone
)

// Do hands item over together with those of other callers and returns its answer. If ctx ends
// before the item is cut, Do returns the context's error and the item is not handed over;
// after that it returns what the call returns.
func (b *Batch[T, R]) Do(ctx context.Context, item T) (R, error) {
	var none R
	if err := ctx.Err(); err != nil {
		return none, err
	}
	c := &caller[T, R]{item: item, turn: make(chan turn, 1)}
	t := lead
	if !b.enter(c) {
		select {
		case t = <-c.turn:
		case <-ctx.Done():
			var left bool
			if t, left = b.leave(c); left {
				return none, ctx.Err()
			}
		}
	}
	if t == lead {
		b.lead(ctx)
	}
	if c.alone {
		return b.Alone(context.WithoutCancel(ctx), item)
	}
	return c.answer, c.err
}

// enter queues c and reports whether it leads.
func (b *Batch[T, R]) enter(c *caller[T, R]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = append(b.queue, c)
	if b.led {
		return false
	}
	b.led = true
	return true
}

// leave takes c out of the queue; if it is too late for that it waits for c's turn.
func (b *Batch[T, R]) leave(c *caller[T, R]) (t turn, left bool) {
	b.mu.Lock()
	select {
	case t := <-c.turn:
		b.mu.Unlock()
		return t, false
	default:
	}
	if c.cut {
		b.mu.Unlock()
		return <-c.turn, false
	}
	defer b.mu.Unlock()
	for i, other := range b.queue {
		if other == c {
			b.queue = append(b.queue[:i:i], b.queue[i+1:]...)
			break
		}
	}
	return answered, true
}

// lead hands one batch over, which begins with the leader, then the lead.
func (b *Batch[T, R]) lead(ctx context.Context) {
	// Those answered last are about to come back with their next item: one yield nearly
	// doubles the batch.
	runtime.Gosched()
	callers := b.take()
	defer b.handOn(callers)
	b.call(context.WithoutCancel(ctx), callers)
}

// take cuts a batch. The leader is always the first in the queue.
func (b *Batch[T, R]) take() []*caller[T, R] {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 1
	if b.Fits == nil {
		n = len(b.queue)
	} else if len(b.queue) > 1 {
		items := make([]T, 1, len(b.queue))
		items[0] = b.queue[0].item
		for n < len(b.queue) && b.Fits(items, b.queue[n].item) {
			items = append(items, b.queue[n].item)
			n++
		}
	}
	callers := b.queue[:n:n]
	b.queue = b.queue[n:]
	for _, c := range callers {
		c.cut, c.err = true, errUnanswered
	}
	return callers
}

// errUnanswered is what remains if Call panics: the leader's panic goes on, the others must
// not wait for ever.
var errUnanswered = errors.New("batch: the call panicked")

// handOn answers all but the leader and gives the lead to the first in the queue.
func (b *Batch[T, R]) handOn(callers []*caller[T, R]) {
	for _, c := range callers[1:] {
		if c.alone {
			c.turn <- alone
		} else {
			c.turn <- answered
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		b.led = false
		b.queue = nil
		return
	}
	b.queue[0].turn <- lead
}

func (b *Batch[T, R]) call(ctx context.Context, callers []*caller[T, R]) {
	Split(callers, func(some []*caller[T, R]) error {
		items := make([]T, len(some))
		for i, c := range some {
			items[i] = c.item
		}
		answers, err := b.Call(ctx, items)
		if err == nil && len(answers) != len(items) {
			err = errors.New("batch: the call did not answer each item")
		}
		if err != nil && b.Slow != nil && b.Slow(err) {
			for _, c := range some {
				c.alone = true
			}
			return nil
		}
		if err != nil && (b.Whole == nil || !b.Whole(err)) {
			return err
		}
		for i, c := range some {
			if c.err = err; err == nil {
				c.answer = answers[i]
			}
		}
		return nil
	}, func(c *caller[T, R], err error) { c.err = err })
}

// Split calls do with items, and when it is refused with the halves of them, and so on, until
// what is refused stands alone and goes to alone with its error.
func Split[T any](items []T, do func([]T) error, alone func(T, error)) {
	if len(items) == 0 {
		return
	}
	err := do(items)
	if err == nil {
		return
	}
	if len(items) == 1 {
		alone(items[0], err)
		return
	}
	half := len(items) / 2
	Split(items[:half], do, alone)
	Split(items[half:], do, alone)
}
