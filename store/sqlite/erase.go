package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/offloadhq/offload/store"
)

// eraseSQL blanks what stands beside a job that has ended, and titles that are made of it; the bytes stay in the file
// until Forget.
var eraseSQL = []string{
	"DELETE FROM offload_result WHERE id = ?1",
	"DELETE FROM offload_log WHERE id = ?1",
	"DELETE FROM offload_logged WHERE id = ?1",
	"DELETE FROM offload_memo WHERE id = ?1",
	"DELETE FROM offload_progress WHERE id = ?1",
	"UPDATE offload_failure SET error = '" + store.ErasedText + "', stack = '' WHERE id = ?1",
	"UPDATE offload_error SET title = '' WHERE NOT sealed AND id IN (SELECT cause FROM offload_failure WHERE id = ?1)",
}

// usesErased are the side tables that know nothing of a job any more that was erased. One that was cut off
// does not go on, either, when its upstream is retried.
const usesErased = usesResult | usesLog | usesMemo | usesProgress | usesCut

// erase blanks what an ended job says.
func (t *txn) erase(r *row) (store.Effect, error) {
	if r.at != inDone {
		return store.Refused, nil
	}
	erased, err := t.erased(r)
	if err != nil || erased {
		return store.Nothing, err
	}
	for _, query := range eraseSQL {
		if _, err := t.exec(query, r.id[:]); err != nil {
			return "", err
		}
	}
	if _, err := t.exec("UPDATE offload_done SET uses = uses & ~?2 WHERE id = ?1", r.id[:], usesErased); err != nil {
		return "", err
	}
	_, err = t.exec("UPDATE offload_job SET input = ?2 WHERE id = ?1", r.id[:], store.ErasedInput())
	return store.Done, err
}

// erased reports whether a job has ended and was erased.
func (t *txn) erased(r *row) (erased bool, err error) {
	if r.at == inDone {
		_, err = one(t, []any{&erased}, "SELECT input = ?2 FROM offload_job WHERE id = ?1 AND input IS NOT NULL", r.id[:], store.ErasedInput())
	}
	return erased, err
}

// forgetTries is how often Forget looks for a moment in which nobody writes, here or elsewhere.
const forgetTries = 2000

// Forget is that of store.Texts. Overwriting what a statement deletes (secure_delete) would not do: where
// pages were split or merged, and where rows were deleted before, copies stay behind in pages that are in
// use. So the file is written anew. Its log is cut, since it keeps pages as they were.
func (s *Store) Forget(ctx context.Context) error {
	if err := s.write(ctx, "forget what was erased", func(*txn) error { return nil }); err != nil {
		return err
	}
	for try := 0; ; try++ {
		ran := false
		err := s.writer.glance(func(db database) error {
			ran = true
			return db.(*session).renew()
		})
		switch {
		case ran && err == nil:
			return nil
		case ran && !busy(err):
			return fmt.Errorf("forget what was erased: %w", err)
		case ctx.Err() != nil:
			return store.Unavailable("forget what was erased", ctx.Err())
		case try == forgetTries:
			return store.Unavailable("forget what was erased", errInTheWay)
		}
		pause(try)
	}
}

var errInTheWay = errors.New("another connection writes, or reads in a transaction that does not end")

// renew writes the file anew, without what is in it of deleted rows, and cuts the log.
func (c *session) renew() error {
	none := func(*sql.Rows) error { return nil }
	if err := each(c, none, "VACUUM"); err != nil {
		return err
	}
	var blocked int
	err := each(c, func(rows *sql.Rows) error {
		var frames, folded int
		return rows.Scan(&blocked, &frames, &folded)
	}, "PRAGMA wal_checkpoint(TRUNCATE)")
	if err == nil && blocked != 0 {
		err = store.Unavailable("cut the log of the database", errInTheWay)
	}
	return err
}

// rewriteSQL replaces a text of each kind: ?1 id   ?2 old   ?3 new   ?4 name or number.
var rewriteSQL = map[store.TextKind]string{
	store.TextInput:  "UPDATE offload_job SET input = ?3 WHERE id = ?1 AND input = ?2",
	store.TextResult: "UPDATE offload_result SET result = ?3 WHERE id = ?1 AND result = ?2",
	store.TextMemo:   "UPDATE offload_memo SET data = ?3 WHERE id = ?1 AND data = ?2 AND name = ?4",
	store.TextLine:   "UPDATE offload_log SET text = ?3 WHERE id = ?1 AND text = ?2 AND seq = ?4",
	store.TextAttrs:  "UPDATE offload_log SET attrs = ?3 WHERE id = ?1 AND attrs = ?2 AND seq = ?4",
}

// Rewrite is that of store.Texts.
func (s *Store) Rewrite(ctx context.Context, texts []store.Text) (n int, err error) {
	if len(texts) == 0 {
		return 0, nil
	}
	err = s.write(ctx, "rewrite texts", func(t *txn) error {
		n = 0
		for _, text := range texts {
			args := []any{text.ID[:], text.Old, text.New}
			switch text.Kind {
			case store.TextMemo:
				args = append(args, text.Name)
			case store.TextLine, store.TextAttrs:
				args = []any{text.ID[:], string(text.Old), string(text.New), text.Seq}
			}
			changed, err := t.exec(rewriteSQL[text.Kind], args...)
			if err != nil {
				return err
			}
			n += int(changed)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
