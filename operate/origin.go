package operate

import (
	"context"
	"fmt"
	"slices"

	"github.com/offloadhq/offload/store"
)

// discardPage is how many jobs DiscardWaiting cancels in a transaction.
const discardPage = 1000

// Adopt lets the jobs of a database run that is a copy: one restored from a backup, or copied.
// Until then it is paused, in every process. It reports whether it was a copy.
func (o *Operator) Adopt(ctx context.Context) (adopted bool, err error) {
	s, err := o.store()
	if err != nil {
		return false, err
	}
	origin, err := s.Origin(ctx)
	if err != nil || !origin.Away {
		return false, err
	}
	if err := s.Adopt(ctx); err != nil {
		return false, fmt.Errorf("offload: adopt the database: %w", err)
	}
	return true, o.record(ctx, s, store.Record{What: "adopt"})
}

// DiscardWaiting cancels every job that has not ended, and refuses what lies in the inbox, so that
// a copy for a test does nothing of what the original will do. Jobs that ran when the copy was
// made are cancelled once it is adopted. It refuses a database that is no copy, and returns how many
// jobs it cancelled.
func (o *Operator) DiscardWaiting(ctx context.Context) (cancelled int, err error) {
	s, err := o.store()
	if err != nil {
		return 0, err
	}
	origin, err := s.Origin(ctx)
	if err != nil {
		return 0, err
	}
	if !origin.Away {
		return 0, fmt.Errorf("%w: this database is no copy: what waits in it is cancelled by filter, with CancelAll", store.ErrRefused)
	}
	waiting := slices.DeleteFunc(slices.Clone(store.States), store.State.Ended)
	for _, queues := range [][]string{nil, {store.SystemQueue}} {
		n, err := o.discard(ctx, s, store.Filter{States: waiting, Queues: queues, Max: discardPage, All: true})
		cancelled += n
		if err != nil {
			return cancelled, err
		}
	}
	return cancelled, o.discardInbox(ctx, s)
}

// discard cancels the jobs of a filter, newest first: what waits for others before these.
func (o *Operator) discard(ctx context.Context, s store.Store, f store.Filter) (cancelled int, err error) {
	for {
		page, err := s.Find(ctx, f)
		if err != nil {
			return cancelled, fmt.Errorf("offload: find what waits: %w", err)
		}
		if len(page) == 0 {
			return cancelled, nil
		}
		act := store.Act{Verb: store.Cancel, Who: o.who}
		for i := range page {
			act.IDs = append(act.IDs, page[i].ID)
		}
		acted, err := s.Act(ctx, act)
		if err != nil {
			return cancelled, fmt.Errorf("offload: cancel what waits: %w", err)
		}
		for _, a := range acted {
			if a.Effect == store.Done {
				cancelled++
			}
		}
		f.Before = page[len(page)-1].ID
	}
}

func (o *Operator) discardInbox(ctx context.Context, s store.Store) error {
	for {
		rows, err := s.InboxRows(ctx, false, discardPage)
		if err != nil {
			return fmt.Errorf("offload: read the inbox: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		fates := make([]store.InboxFate, len(rows))
		for i, r := range rows {
			fates[i] = store.InboxFate{Number: r.Number, Error: "discarded when the copy of the database was adopted"}
		}
		if err := s.MoveInbox(ctx, fates); err != nil {
			return fmt.Errorf("offload: empty the inbox: %w", err)
		}
	}
}
