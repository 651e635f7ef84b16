package sqlite

import (
	"context"
	"database/sql"
	_ "embed"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/heal_holds.sql
	healHoldsSQL string
	//go:embed sql/heal_uniques.sql
	healUniquesSQL string
	//go:embed sql/heal_turns.sql
	healTurnsSQL string
)

// healStretch is how many rows of a table one call of Prune looks at.
const healStretch = 5000

// heal takes away what jobs have left behind that are in no place any more where they would need
// it: a program that knows version 1 ends jobs and knows nothing of their limits and keys.
func (s *Store) heal(ctx context.Context) error {
	err := s.healed(ctx, "healed holds", healHoldsSQL, func(t *txn, left pairs) error { return t.leaveGates(left) })
	if err != nil {
		return err
	}
	err = s.healed(ctx, "healed keys", healUniquesSQL, func(t *txn, left pairs) error { return t.freeKeys(left) })
	if err != nil {
		return err
	}
	return s.healFlows(ctx)
}

// healed walks on through a table of texts and ids, from a mark, and calls f for what was left.
func (s *Store) healed(ctx context.Context, mark, query string, f func(*txn, pairs) error) error {
	var left pairs
	var from, to []byte // an id, and the text before it
	err := s.ask(ctx, "heal", func(q *snapshots) error {
		if _, err := one(q, []any{&from}, "SELECT value FROM offload_meta WHERE name = ?1", mark); err != nil {
			return err
		}
		text, id, n := "", []byte{}, 0
		if len(from) > 0 {
			text, id = string(from[16:]), from[:16]
		}
		return each(q, func(rows *sql.Rows) error {
			var text string
			var id store.ID
			var orphan bool
			err := rows.Scan(&text, idInto{&id}, &orphan)
			if orphan {
				left.add(text, id)
			}
			if n++; n == healStretch {
				to = append(id[:], text...)
			}
			return err
		}, query, text, id, healStretch)
	})
	if err != nil || len(left.texts) == 0 && len(from) == 0 && len(to) == 0 {
		return err
	}
	return s.write(ctx, "heal", func(t *txn) error {
		var still pairs // it may have been retried since
		for i, text := range left.texts {
			r, err := t.find(store.ID(left.ids[i*16:]))
			if err != nil {
				return err
			}
			if r.at == nowhere || r.at == inDone {
				still.add(text, r.id)
			}
		}
		if err := f(t, still); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO offload_meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value", mark, orNull(to))
		return err
	})
}
