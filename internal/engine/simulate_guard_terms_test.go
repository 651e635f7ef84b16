package engine

import (
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has stores that miss a guard of limits, unique keys, schedules or the inbox.

type (
	insertsUnkeyed struct{ storage }
	exceedsLimits  struct{ storage }
	forgetsHolds   struct{ storage }
	admitsNone     struct{ storage }
	claimsLate     struct{ storage }
)

// Insert stores a job though its key is another's.
func (s insertsUnkeyed) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	inserted, err := s.storage.Insert(ctx, jobs)
	for i := range inserted {
		if inserted[i].ID != jobs[i].ID {
			again := jobs[i]
			again.Terms = nil
			if _, err := s.storage.Insert(ctx, []store.NewJob{again}); err != nil {
				return nil, err
			}
			inserted[i] = store.Inserted{ID: again.ID}
		}
	}
	return inserted, err
}

func (s exceedsLimits) PutLimits(ctx context.Context, limits []store.Limit) error {
	return s.storage.PutLimits(ctx, oneMore(limits))
}

func oneMore(limits []store.Limit) (more []store.Limit) {
	for _, l := range limits {
		if !l.Strict {
			l.Max++
		}
		more = append(more, l)
	}
	return more
}

// Reap makes room for one more where a job should go on to hold a limit.
func (s forgetsHolds) Reap(ctx context.Context, lost []store.Beaten) (store.Reaped, error) {
	r, err := s.storage.Reap(ctx, lost)
	if err == nil && r.Released > 0 {
		err = s.PutLimits(ctx, oneMore(limits))
	}
	return r, err
}

func (admitsNone) Admit(context.Context, int) (moved int, more bool, err error) {
	return 0, false, nil
}

func (s claimsLate) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	claimed, err := s.storage.Claim(ctx, req)
	for i := range claimed {
		claimed[i].ExpiresAt = time.Time{}
	}
	return claimed, err
}

type ticksTwice struct {
	storage
	done map[string]bool
}

// Tick takes the first tick of each schedule again.
func (s ticksTwice) Tick(ctx context.Context, most int, tick func(time.Time, store.Schedule) (store.Ticked, error)) (int, error) {
	return s.storage.Tick(ctx, most, func(now time.Time, c store.Schedule) (store.Ticked, error) {
		t, err := tick(now, c)
		if !s.done[c.Name] {
			s.done[c.Name] = true
			t.Next = c.Next
		}
		return t, err
	})
}

type movesTwice struct {
	storage
	done map[string]bool
}

// MoveInbox leaves each row there the first time.
func (s movesTwice) MoveInbox(ctx context.Context, fates []store.InboxFate) error {
	if err := s.storage.MoveInbox(ctx, fates); err != nil {
		return err
	}
	for _, f := range fates {
		if row := string(f.Job.Input); !s.done[row] {
			s.done[row] = true
			s.WriteInbox(f.Job.Task, row, "")
		}
	}
	return nil
}
