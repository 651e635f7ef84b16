package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/inbox_new.sql
	newInboxSQL string
	//go:embed sql/inbox_refused.sql
	refusedInboxSQL string
)

// InboxRows is that of store.Inbox.
func (s *Store) InboxRows(ctx context.Context, refused bool, most int) (rows []store.InboxRow, err error) {
	query := newInboxSQL
	if refused {
		query = refusedInboxSQL
	}
	err = s.ask(ctx, "read the inbox", func(q *snapshots) error {
		return each(q, func(found *sql.Rows) error {
			var r store.InboxRow
			var problem sql.NullString
			err := found.Scan(&r.Number, &r.Task, &r.Input, &r.Options, timeInto{&r.At}, &problem)
			r.Error = problem.String
			rows = append(rows, r)
			return err
		}, query, max(most, 0))
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// MoveInbox is that of store.Inbox.
func (s *Store) MoveInbox(ctx context.Context, fates []store.InboxFate) error {
	if len(fates) == 0 {
		return nil
	}
	return s.write(ctx, "move the inbox", func(t *txn) error {
		for i := range fates {
			if err := t.moveInbox(&fates[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// moveInbox stores the job of a row and takes the row away, or keeps why it is none.
// Without a reason the row is looked at again.
func (t *txn) moveInbox(f *store.InboxFate) error {
	var there bool
	if _, err := one(t, []any{&there}, "SELECT 1 FROM offload_inbox WHERE id = ?1", f.Number); err != nil || !there {
		return err
	}
	if f.Drop {
		_, err := t.exec("DELETE FROM offload_inbox WHERE id = ?1", f.Number)
		return err
	}
	why := f.Error
	if f.Job != nil {
		_, err := t.insert([]store.NewJob{*f.Job})
		var conflict *store.ConflictError
		switch {
		case err == nil:
			_, err := t.exec("DELETE FROM offload_inbox WHERE id = ?1", f.Number)
			return err
		case errors.As(err, &conflict):
			why = conflict.Error()
		case errors.Is(err, store.ErrUpstream):
			why = err.Error()
		default: // those two are found before anything is written
			return err
		}
	}
	_, err := t.exec("UPDATE offload_inbox SET error = nullif(?2, '') WHERE id = ?1", f.Number, store.CleanText(why, store.MaxErrorText))
	return err
}
