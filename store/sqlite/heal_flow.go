package sqlite

import (
	"context"
	"database/sql"
	_ "embed"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/heal_edges.sql
	healEdgesSQL string
	//go:embed sql/heal_members.sql
	healMembersSQL string
)

// A link is an edge or a membership.
type link struct {
	from  store.ID // the job that waits, or the batch
	state int      // how the edge stands, or the member
	to    store.ID // the upstream, or the member
}

// What is to be done about a link.
const (
	linkRight = iota
	linkGone  // nobody is at its beginning
	linkWrong // what is at its end has moved, and has not said so
)

// healFlows brings in line what programs have left that know nothing of flows: they end and remove
// jobs, and tell nobody.
func (s *Store) healFlows(ctx context.Context) error {
	err := s.healLinks(ctx, "healed edges", healEdgesSQL, "DELETE FROM offload_edge WHERE down = ?1", func(t *txn, l link) error {
		t.mark(l.to)
		return nil
	})
	if err != nil {
		return err
	}
	return s.healLinks(ctx, "healed members", healMembersSQL, "DELETE FROM offload_member WHERE batch = ?1", func(t *txn, l link) error {
		r, err := t.find(l.to)
		if err != nil {
			return err
		}
		switch r.at {
		case inDone:
			return t.noteMember(l.from, l.to, r.state)
		case nowhere:
			if l.state != 0 { // it has ended, and had its time
				return nil
			}
			return t.noteMember(l.from, l.to, stateDeleted)
		}
		return t.noteMember(l.from, l.to, 0)
	})
}

// healLinks walks on through a table of links, from a mark; what was found is looked at again when
// it is put right.
func (s *Store) healLinks(ctx context.Context, mark, query, remove string, right func(*txn, link) error) error {
	var gone, wrong []link
	var from, to []byte // a link: two ids and a byte
	err := s.ask(ctx, "heal", func(q *snapshots) error {
		if _, err := one(q, []any{&from}, "SELECT value FROM offload_meta WHERE name = ?1", mark); err != nil {
			return err
		}
		after, n := link{state: -1}, 0
		if len(from) == 33 {
			after = link{store.ID(from), int(from[16]), store.ID(from[17:])}
		}
		return each(q, func(rows *sql.Rows) error {
			var l link
			var todo int
			err := rows.Scan(idInto{&l.from}, &l.state, idInto{&l.to}, &todo)
			switch todo {
			case linkGone:
				gone = append(gone, l)
			case linkWrong:
				wrong = append(wrong, l)
			}
			if n++; n == healStretch {
				to = append(append(l.from[:], byte(l.state)), l.to[:]...)
			}
			return err
		}, query, after.from[:], after.state, after.to[:], healStretch)
	})
	if err != nil || len(gone) == 0 && len(wrong) == 0 && len(from) == 0 && len(to) == 0 {
		return err
	}
	return s.write(ctx, "heal", func(t *txn) error {
		for _, l := range gone {
			if _, err := t.exec(remove, l.from[:]); err != nil {
				return err
			}
		}
		for _, l := range wrong {
			if err := right(t, l); err != nil {
				return err
			}
		}
		_, err := t.exec("INSERT INTO offload_meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value", mark, orNull(to))
		return err
	})
}
