package offload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/offloadhq/offload/store"
)

// Each calls f for every item of seq, and goes on where an earlier attempt of the job stopped. seq
// must yield the same items in the same order in each attempt; those that were done it passes over.
// At the last of them Each looks whether it is the same (by its JSON), and returns an error if not,
// since items would be left out.
//
// When f returns an error, Each returns it, and the next attempt begins with that item; and so it
// does after a panic, and when the process stops. After a crash those come again that f has done in
// the last second: where Each stands is written after an item as soon as that costs no more than a
// twentieth of the time, and each second at least. Between two items Each returns why ctx has ended,
// if it has.
//
// The loops of a handler are told apart by their order: each attempt must come to them in the same
// one. They run one after another, not one within another. Outside a handler Each calls f for all
// items.
func Each[T any](ctx context.Context, seq iter.Seq[T], f func(ctx context.Context, item T) error) (err error) {
	c, err := beginEach(ctx, seq == nil, f == nil)
	if err != nil {
		return err
	}
	defer func() { // after a panic, too
		if unwritten := c.end(ctx); unwritten != nil {
			err = errors.Join(err, unwritten)
		}
	}()
	done := 0
	for item := range seq {
		if done < c.done {
			if done++; done == c.done && c.last != markOf(item) {
				return c.errOther()
			}
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := f(ctx, item); err != nil {
			return err
		}
		done++
		if err := c.pass(ctx, done, func() string { return markOf(item) }); err != nil {
			return err
		}
	}
	if done < c.done {
		return c.errOther()
	}
	return nil
}

// A cursor is where an Each stands.
type cursor struct {
	at   *attempt // nil outside a handler
	name string   // of its memo
	done int      // items
	last string   // what the last of them is known by
	mark func() string

	dirty   bool // not written yet
	written time.Time
	pause   time.Duration // to the next time
}

// A position is how a cursor is kept.
type position struct {
	Done int    `json:"done"`
	Last string `json:"last,omitempty"`
}

func beginEach(ctx context.Context, noSeq, noFunction bool) (*cursor, error) {
	at, task := attemptOf(ctx), ""
	if at != nil {
		task = at.job.Task
	}
	switch {
	case at != nil && at.many:
		return nil, errMany(task, "Each")
	case noSeq:
		return nil, &InputError{Task: task, Field: "Each seq", Got: "nil", Want: "an iterator, such as slices.Values of a slice"}
	case noFunction:
		return nil, &InputError{Task: task, Field: "Each f", Got: "nil", Want: "a function"}
	case at == nil:
		return &cursor{}, nil
	}
	at.mu.Lock()
	if at.looping {
		at.mu.Unlock()
		return nil, &InputError{Task: task, Field: "Each", Got: "called while another Each of this attempt is under way", Want: "one after another"}
	}
	at.looping = true
	at.loops++
	c := &cursor{at: at, name: fmt.Sprintf("~each %d", at.loops)}
	at.mu.Unlock()
	data, err := at.readMemo(ctx, c.name)
	var p position
	if err == nil && data != nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		c.leave()
		return nil, err
	}
	c.done, c.last = p.Done, p.Last
	return c, nil
}

// pass takes note that one more item is done, and writes it if that is worth it. An outage is no
// reason to stop.
func (c *cursor) pass(ctx context.Context, done int, mark func() string) error {
	if c.at == nil {
		return nil
	}
	c.done, c.mark, c.dirty = done, mark, true
	if time.Since(c.written) < c.pause {
		return nil
	}
	began := time.Now()
	err := c.write(ctx, c.at.putMemo)
	c.written = time.Now()
	c.pause = min(eachShare*c.written.Sub(began), eachMost)
	if store.Temporary(err) {
		c.pause, c.dirty = eachMost, true
		return nil
	}
	return err
}

// How often a cursor is written: its writes take one part of so many of the time.
const (
	eachShare = 20
	eachMost  = time.Second
)

// write writes where the cursor stands.
func (c *cursor) write(ctx context.Context, put func(ctx context.Context, name string, data []byte) error) error {
	c.last, c.dirty = c.mark(), false
	data, err := json.Marshal(position{c.done, c.last})
	if err != nil {
		return err
	}
	if err := put(ctx, c.name, data); err != nil {
		return fmt.Errorf("offload: Each: %w", err)
	}
	return nil
}

// end writes what is not written yet.
func (c *cursor) end(ctx context.Context) error {
	if c.at == nil {
		return nil
	}
	defer c.leave()
	if !c.dirty {
		return nil
	}
	return c.write(ctx, func(ctx context.Context, name string, data []byte) error {
		return insist(ctx, func(ctx context.Context) error { return c.at.putMemo(ctx, name, data) })
	})
}

func (c *cursor) leave() {
	c.at.mu.Lock()
	defer c.at.mu.Unlock()
	c.at.looping = false
}

func (c *cursor) errOther() error {
	return &InputError{
		Task: c.at.job.Task, Field: "Each seq", Got: fmt.Sprintf("other items than in an earlier attempt, which has done %d", c.done),
		Want: "the same items in the same order",
	}
}

// markOf is what an item is known by: nothing, if it has no JSON.
func markOf(item any) string {
	data, err := json.Marshal(item)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
