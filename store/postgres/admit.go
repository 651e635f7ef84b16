package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// How many jobs, and gates, one transaction looks at.
const (
	admitAtATime = 1000
	gatesAtATime = 100
)

// Admit is that of store.Gates: jobs that claims came upon undecided first, then gates that are
// marked.
func (s *Store) Admit(ctx context.Context, most int) (moved int, more bool, err error) {
	for most > 0 {
		some := min(most, admitAtATime)
		looked, n, err := s.decideNext(ctx, some)
		if err != nil {
			return moved, true, err
		}
		moved, most = moved+n, most-looked
		if looked < some {
			break
		}
	}
	for most > 0 {
		marks, looked, n, err := s.admitMarked(ctx, min(most, admitAtATime))
		if err != nil {
			return moved, true, err
		}
		moved, most = moved+n, most-looked
		if marks < gatesAtATime && looked < admitAtATime {
			return moved, most <= 0, nil
		}
	}
	return moved, true, nil
}

// admitMarked lets jobs through at some gates that are marked. It returns how many marks it has
// taken, and how many jobs it has looked at and let through.
func (s *Store) admitMarked(ctx context.Context, most int) (marks, looked, moved int, err error) {
	var wakes []store.Wake
	err = s.onEngine(ctx, "let jobs through limits", func(ctx context.Context, conn *pgx.Conn) error {
		marks, looked, moved, wakes = 0, 0, 0, nil
		return s.transactEngine(ctx, conn, func(w *work) error {
			g := newGates(s)
			ids, err := w.marked(ctx)
			if err != nil || len(ids) == 0 {
				return err
			}
			marks = len(ids)
			ids = distinct(ids)
			if err := w.send(ctx, append(g.lock(ids), g.look(ids, most))...); err != nil {
				return err
			}
			if err := g.complete(ctx, w, most); err != nil {
				return err
			}
			g.settle(most)
			looked, wakes = len(g.moved), g.wakes
			for _, c := range g.moved {
				if c.fate == through {
					moved++
				}
			}
			return w.commit(ctx, g.steps(g.moved)...)
		})
	})
	if err == nil {
		s.wake(ctx, wakes)
	}
	return marks, looked, moved, err
}

// marked takes marks, and returns their gates.
func (w *work) marked(ctx context.Context) (ids []string, err error) {
	err = w.send(ctx, query{sql: w.s.sql.gatesMarked, args: []any{gatesAtATime}, row: func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	}}.step())
	return ids, err
}

// distinct are texts in order, each once.
func distinct(list []string) []string {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// decideNext decides some jobs that claims came upon and that nobody has decided since.
func (s *Store) decideNext(ctx context.Context, most int) (looked, moved int, err error) {
	terms := map[store.ID]*store.Terms{}
	err = s.onEngine(ctx, "look for jobs to decide", func(ctx context.Context, conn *pgx.Conn) error {
		clear(terms)
		return s.engineTrip(ctx, conn, query{sql: s.sql.undecided, args: []any{most}, row: readTerms(terms)}.step())
	})
	if err != nil || len(terms) == 0 {
		return 0, 0, err
	}
	moved, err = s.decide(ctx, terms)
	return len(terms), moved, err
}

// readTerms reads ids, tasks and terms.
func readTerms(into map[store.ID]*store.Terms) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var id, task string
		var text []byte
		if err := scan(&id, &task, &text); err != nil {
			return err
		}
		parsed, err := store.ParseID(id)
		if err != nil {
			return err
		}
		into[parsed], err = decodeTerms(task, text)
		return err
	}
}

// decide decides jobs that claims came upon. Their terms say which gates are locked. It returns
// how many were let through, or cancelled.
func (s *Store) decide(ctx context.Context, terms map[store.ID]*store.Terms) (moved int, err error) {
	var wakes []store.Wake
	err = s.onEngine(ctx, "decide limits and turns", func(ctx context.Context, conn *pgx.Conn) error {
		moved, wakes = 0, nil
		return s.transactEngine(ctx, conn, func(w *work) error {
			g := newGates(s)
			candidates, err := w.candidates(ctx, g, terms, new(string))
			if err != nil {
				return err
			}
			if err := w.turns(ctx, candidates); err != nil {
				return err
			}
			g.settle(admitAtATime)
			for _, c := range candidates {
				if err := g.decide(ctx, w, c, candidates); err != nil {
					return err
				}
			}
			g.settle(admitAtATime)
			for _, c := range candidates {
				if c.fate != waits {
					moved++
				}
			}
			wakes = g.wakes
			return w.commit(ctx, g.steps(append(candidates, g.moved...))...)
		})
	})
	if err == nil {
		s.wake(ctx, wakes)
	}
	return moved, err
}

// candidates locks the gates of jobs in blocked, and then these jobs, and looks at both: those
// that are to be decided, with at "", or that are parked, with at nil.
func (w *work) candidates(ctx context.Context, g *gates, terms map[store.ID]*store.Terms, at *string) ([]*candidate, error) {
	ids := gatesOf(slices.Collect(maps.Values(terms))...)
	found := map[store.ID]*candidate{}
	var all []*candidate
	steps := append(g.lock(ids),
		query{sql: w.s.sql.candidates, args: []any{idsOf(slices.Collect(maps.Keys(terms))), at}, row: func(scan func(...any) error) error {
			c, err := readCandidate(scan)
			if err == nil {
				found[c.id], all = c, append(all, c)
			}
			return err
		}}.step(),
		g.held(terms, found),
		g.look(ids, admitAtATime),
	)
	if err := w.send(ctx, steps...); err != nil {
		return nil, err
	}
	for _, c := range all {
		if len(g.set.Lacks(usesOfTerms(c.terms))) > 0 {
			return nil, errAgain // a gate was removed before it was locked, or the job was edited
		}
		c.listed = true
	}
	if err := g.complete(ctx, w, admitAtATime); err != nil {
		return nil, err
	}
	slices.SortFunc(all, (*candidate).compare)
	return all, nil
}

// readCandidate reads a row of candidates.sql.
func readCandidate(scan func(...any) error) (*candidate, error) {
	var (
		c     candidate
		id    string
		dueAt *time.Time
		terms []byte
	)
	err := scan(&id, &c.priority, &c.order, &dueAt, &c.uses, &c.queue, &c.task, &terms, &c.suspect)
	if err != nil {
		return nil, err
	}
	if c.id, err = store.ParseID(id); err != nil {
		return nil, err
	}
	if c.runAt = c.order; dueAt != nil {
		c.runAt = *dueAt
	}
	c.fresh = c.uses&usesFresh != 0
	c.terms, err = decodeTerms(c.task, terms)
	return &c, err
}

// decide lets a candidate through, or into a line, or does what the limit says that has no room
// for it. among are all candidates that are decided with it.
func (g *gates) decide(ctx context.Context, w *work, c *candidate, among []*candidate) error {
	at := g.bars(c, "")
	if at != "" && c.fresh {
		switch full := g.all[at].Limit.WhenFull; full {
		case store.FullDrop:
			c.fate = dropped
			return nil
		case store.FullNewest, store.FullCancel:
			if err := g.empty(ctx, w, at, full == store.FullCancel, among); err != nil {
				return err
			}
			at = g.bars(c, "")
		}
	}
	if at == "" {
		g.let(c)
	} else {
		g.wait(c, at)
	}
	return nil
}

// empty cancels those that wait for a gate, and those that hold it, if they shall go too.
func (g *gates) empty(ctx context.Context, w *work, id string, holders bool, among []*candidate) error {
	mine := map[store.ID]bool{} // decided in this transaction; blocked does not say it yet
	for _, c := range append(among[:len(among):len(among)], g.moved...) {
		if mine[c.id] = true; c.fate == waits && c.at == id || holders && c.fate == through && g.passes(c, id) {
			c.fate = dropped
		}
	}
	tx := connTx{w.conn}
	cancel, err := w.emptied(ctx, tx, id, holders)
	if err != nil {
		return err
	}
	cancel = slices.DeleteFunc(cancel, func(id store.ID) bool { return mine[id] })
	if len(cancel) > 0 {
		a := &actor{s: g.s, tx: tx, act: store.Act{Verb: store.Cancel, IDs: cancel}, users: true, left: &leaving{}}
		if _, err := a.do(ctx); err != nil {
			return err
		}
	}
	if err := w.send(ctx, g.look(slices.Sorted(maps.Keys(g.all)), admitAtATime)); err != nil {
		return err
	}
	for _, c := range append(among[:len(among):len(among)], g.moved...) { // what is not stored yet
		switch c.fate {
		case through:
			for _, u := range usesOfTerms(c.terms) {
				if l := g.all[gate.IDOf(u)]; !c.holds[l.id] {
					l.Take(u)
				}
			}
		case waits:
			g.wait(c, c.at)
		}
	}
	return nil
}

// passes reports whether a candidate goes through a gate.
func (g *gates) passes(c *candidate, id string) bool {
	return slices.ContainsFunc(usesOfTerms(c.terms), func(u store.Use) bool { return gate.IDOf(u) == id })
}

// emptied are the jobs that wait for a gate, or hold it.
func (w *work) emptied(ctx context.Context, tx querier, id string, holders bool) (ids []store.ID, err error) {
	err = query{sql: w.s.sql.emptied, args: []any{id, holders, admitAtATime}, row: func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		parsed, err := store.ParseID(text)
		ids = append(ids, parsed)
		return err
	}}.on(ctx, tx)
	return ids, err
}
