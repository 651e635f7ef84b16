package memory

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// WriteInbox writes a row into the inbox, as another program would: for tests.
func (s *Store) WriteInbox(task, input, options string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inboxed++
	r := store.InboxRow{Number: s.inboxed, Task: task, Input: []byte(input), At: s.now()}
	if options != "" {
		r.Options = []byte(options)
	}
	s.inbox = append(s.inbox, r)
	s.wake(anything)
}

// InboxRows is that of store.Inbox.
func (s *Store) InboxRows(ctx context.Context, refused bool, most int) (rows []store.InboxRow, err error) {
	err = s.do(ctx, func(time.Time) error {
		for _, r := range s.inbox {
			if (r.Error != "") == refused {
				r.Input, r.Options = bytes.Clone(r.Input), bytes.Clone(r.Options)
				rows = append(rows, r)
			}
		}
		if refused {
			slices.Reverse(rows)
		}
		rows = rows[:max(0, min(most, len(rows)))]
		return nil
	})
	return rows, err
}

// MoveInbox is that of store.Inbox.
func (s *Store) MoveInbox(ctx context.Context, fates []store.InboxFate) error {
	return s.await(ctx, nil, func(now time.Time) error {
		for _, f := range fates {
			if f.Job != nil {
				if err := s.reserved(nil, uniqueKeys([]store.NewJob{*f.Job})...); err != nil {
					return err
				}
			}
		}
		for _, f := range fates {
			at := slices.IndexFunc(s.inbox, func(r store.InboxRow) bool { return r.Number == f.Number })
			if at < 0 {
				continue
			}
			why := f.Error
			if f.Job != nil {
				_, err := s.insertAll([]store.NewJob{*f.Job}, now)
				if err == nil {
					s.inbox = slices.Delete(s.inbox, at, at+1)
					continue
				}
				why = err.Error()
				if conflict := (*store.ConflictError)(nil); errors.As(err, &conflict) {
					why = conflict.Error()
				}
			}
			s.inbox[at].Error = store.CleanText(why, store.MaxErrorText)
		}
		return nil
	})
}

// waitsInbox reports whether rows wait to be looked at.
func (s *Store) waitsInbox() bool {
	return slices.ContainsFunc(s.inbox, func(r store.InboxRow) bool { return r.Error == "" })
}
