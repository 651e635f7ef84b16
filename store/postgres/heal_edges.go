package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// An edgeKey is the key of an edge.
type edgeKey struct {
	up    [16]byte
	kind  int
	down  [16]byte
	place int
}

// healEdges has jobs looked at whose end those who wait do not know, and forgets what jobs wait for
// that are gone.
func (s *Store) healEdges(ctx context.Context) error {
	h := &s.healer
	var marks, gone [][16]byte
	last, rows := edgeKey{}, 0
	err := s.ask(ctx, "look for ends that nobody knows", s.sql.healEdges,
		[]any{h.edge.up, h.edge.kind, h.edge.down, h.edge.place, healPiece}, eachRow(func(scan func(...any) error) error {
			var over, orphan bool
			if err := scan(&last.up, &last.kind, &last.down, &last.place, &over, &orphan); err != nil {
				return err
			}
			switch rows++; {
			case orphan:
				gone = append(gone, last.down)
			case over:
				marks = append(marks, last.up)
			}
			return nil
		}))
	if err != nil {
		return err
	}
	if h.edge = last; rows < healPiece {
		h.edge = edgeKey{}
	}
	if len(marks)+len(gone) == 0 {
		return nil
	}
	err = s.onPool(ctx, "mark ends that nobody knows", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			return w.commit(ctx,
				step{sql: s.sql.marksPut, args: []any{marks}},
				step{sql: s.sql.edgesDrop, args: []any{gone}},
			)
		})
	})
	s.settleSoon(ctx, err == nil && len(marks) > 0)
	return err
}
