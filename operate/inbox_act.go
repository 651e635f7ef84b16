package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

// RetryInbox lets rows of the inbox that were refused be looked at again, within a second: after
// the task that they name was made known, or they were mended. A number of no such row is an
// ErrNotFound; the others are done.
func (o *Operator) RetryInbox(ctx context.Context, numbers ...int64) error {
	return o.someInbox(ctx, retryInbox, numbers)
}

// DropInbox removes rows of the inbox that were refused. A number of no such row is an
// ErrNotFound; the others are done.
func (o *Operator) DropInbox(ctx context.Context, numbers ...int64) error {
	return o.someInbox(ctx, dropInbox, numbers)
}

// RetryInboxAll is RetryInbox for all rows that were refused until now, and returns how many.
func (o *Operator) RetryInboxAll(ctx context.Context) (int, error) {
	return o.allInbox(ctx, retryInbox)
}

// DropInboxAll is DropInbox for all rows that were refused until now, and returns how many.
func (o *Operator) DropInboxAll(ctx context.Context) (int, error) {
	return o.allInbox(ctx, dropInbox)
}

// An inboxAct is what is done to rows that were refused.
type inboxAct struct {
	verb string
	fate store.InboxFate
}

var (
	retryInbox = inboxAct{verb: "retry"}
	dropInbox  = inboxAct{verb: "drop", fate: store.InboxFate{Drop: true}}
)

func (o *Operator) someInbox(ctx context.Context, act inboxAct, numbers []int64) error {
	s, err := o.store()
	if err != nil || len(numbers) == 0 {
		return err
	}
	left := slices.Compact(slices.Sorted(slices.Values(numbers)))
	err = eachRefused(ctx, s, func(rows []int64) (bool, error) {
		var some []int64
		left = slices.DeleteFunc(left, func(n int64) bool {
			if !slices.Contains(rows, n) {
				return false
			}
			some = append(some, n)
			return true
		})
		return len(left) > 0, o.actInbox(ctx, s, act, some)
	})
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("offload: inbox row %s: %w", listed(left), offload.ErrNotFound)
	}
	return err
}

func (o *Operator) allInbox(ctx context.Context, act inboxAct) (done int, err error) {
	s, err := o.store()
	if err != nil {
		return 0, err
	}
	err = eachRefused(ctx, s, func(rows []int64) (bool, error) {
		err := o.actInbox(ctx, s, act, rows)
		if err == nil {
			done += len(rows)
		}
		return true, err
	})
	return done, err
}

// eachRefused calls do with the numbers of the rows that were refused, newest first, each once, in
// portions, until it wants no more. Rows written after the first portion are left out, or somebody
// who goes on writing would keep it from coming to an end.
func eachRefused(ctx context.Context, s store.Store, do func(rows []int64) (more bool, err error)) error {
	seen := map[int64]bool{}
	newest, most := int64(0), maxInbox
	for {
		found, err := s.InboxRows(ctx, true, most)
		if err != nil {
			return fmt.Errorf("offload: read the inbox: %w", err)
		}
		if len(found) == 0 {
			return nil
		}
		if newest == 0 {
			newest = found[0].Number
		}
		var rows []int64
		for _, r := range found {
			if !seen[r.Number] && r.Number <= newest {
				seen[r.Number] = true
				rows = append(rows, r.Number)
			}
		}
		if len(rows) > 0 {
			if more, err := do(rows); err != nil || !more {
				return err
			}
		}
		if len(found) < most {
			return nil
		}
		if len(rows) == 0 { // those seen are still there, before the others
			most *= 2
		}
	}
}

// actInbox does it to rows, and keeps who did it.
func (o *Operator) actInbox(ctx context.Context, s store.Store, act inboxAct, rows []int64) error {
	if len(rows) == 0 {
		return nil
	}
	fates := make([]store.InboxFate, len(rows))
	for i, n := range rows {
		fates[i] = act.fate
		fates[i].Number = n
	}
	if err := s.MoveInbox(ctx, fates); err != nil {
		return fmt.Errorf("offload: %s rows of the inbox: %w", act.verb, err)
	}
	return o.record(ctx, s, store.Record{What: act.verb + " inbox " + listed(rows)})
}

// listed names rows, at most 10.
func listed(rows []int64) string {
	const most = 10
	var names []string
	for _, n := range rows[:min(len(rows), most)] {
		names = append(names, fmt.Sprint(n))
	}
	text := strings.Join(names, ", ")
	if more := len(rows) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
