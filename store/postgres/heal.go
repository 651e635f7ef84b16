package postgres

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// A healer walks through gates, what is held of them, unique keys, and edges, a piece at each Prune, and
// goes on where it has stopped. It takes away what says nothing any more, and mends what should
// not be: what a program of an older release left behind, who ends jobs and knows nothing of
// what they hold.
type healer struct {
	mu     sync.Mutex // one walk at a time in this process
	gate   string
	hold   string // gate
	holder [16]byte
	key    string
	edge   edgeKey
}

// healPiece is how many rows of each one walk looks at.
const healPiece = 2000

func (s *Store) heal(ctx context.Context) error {
	h := &s.healer
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := s.healHolds(ctx); err != nil {
		return err
	}
	if err := s.healKeys(ctx); err != nil {
		return err
	}
	if err := s.healEdges(ctx); err != nil {
		return err
	}
	return s.healGates(ctx)
}

// healHolds takes back what is held by jobs that have ended. Gates are locked before it is
// looked at again, so that nobody counts on it meanwhile.
func (s *Store) healHolds(ctx context.Context) error {
	h := &s.healer
	gone := holdings{}
	last, holder, rows := "", [16]byte{}, 0
	err := s.ask(ctx, "look for limits of ended jobs", s.sql.healHolds, []any{h.hold, h.holder, healPiece}, eachRow(func(scan func(...any) error) error {
		var id string
		var over bool
		if err := scan(&last, &id, &over); err != nil {
			return err
		}
		job, err := store.ParseID(id)
		if holder, rows = job, rows+1; over {
			gone.gates, gone.ids = append(gone.gates, last), append(gone.ids, job)
		}
		return err
	}))
	if err != nil {
		return err
	}
	if h.hold, h.holder = last, holder; rows < healPiece {
		h.hold, h.holder = "", [16]byte{}
	}
	if len(gone.ids) == 0 {
		return nil
	}
	return s.onPool(ctx, "take back limits of ended jobs", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			return w.commit(ctx,
				step{sql: s.sql.gatesLock, args: []any{distinct(gone.gates)}},
				step{sql: s.sql.leaveOver, args: []any{gone.gates, gone.ids}},
			)
		})
	})
}

// healKeys frees unique keys of jobs that have ended.
func (s *Store) healKeys(ctx context.Context) error {
	h := &s.healer
	var free []string
	last, rows := "", 0
	err := s.ask(ctx, "look for unique keys of ended jobs", s.sql.healUniques, []any{h.key, healPiece}, eachRow(func(scan func(...any) error) error {
		var over bool
		err := scan(&last, &over)
		if rows++; over {
			free = append(free, last)
		}
		return err
	}))
	if err != nil {
		return err
	}
	if h.key = last; rows < healPiece {
		h.key = ""
	}
	if len(free) == 0 {
		return nil
	}
	return s.onPool(ctx, "free unique keys of ended jobs", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			return w.commit(ctx,
				step{sql: s.sql.uniqueLock, args: []any{free}},
				step{sql: s.sql.uniqueOver, args: []any{free}},
			)
		})
	})
}

// healGates removes gates that say nothing, and has those looked at where jobs wait.
func (s *Store) healGates(ctx context.Context) error {
	h := &s.healer
	var idle, lines []string
	last, rows := "", 0
	err := s.ask(ctx, "look for idle limits", s.sql.pruneGates, []any{h.gate, healPiece}, eachRow(func(scan func(...any) error) error {
		var nothing, line bool
		err := scan(&last, &nothing, &line)
		switch rows++; {
		case nothing:
			idle = append(idle, last)
		case line:
			lines = append(lines, last)
		}
		return err
	}))
	if err != nil {
		return err
	}
	if h.gate = last; rows < healPiece {
		h.gate = ""
	}
	return s.onPool(ctx, "remove idle limits", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			var steps []step
			if len(idle) > 0 {
				g := newGates(s)
				if err := w.send(ctx, step{sql: s.sql.gatesTry, args: []any{idle}, rows: g.readLocked}); err != nil {
					return err
				}
				locked := []string{}
				for id := range g.all {
					locked = append(locked, id)
				}
				steps = append(steps, step{sql: s.sql.buryGates, args: []any{locked}})
			}
			if len(lines) > 0 {
				steps = append(steps, query{sql: s.sql.gatesMark, args: []any{lines, noTimes(len(lines))}}.step())
			}
			if len(steps) == 0 {
				return nil
			}
			return w.commit(ctx, steps...)
		})
	})
}
