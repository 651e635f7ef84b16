package postgres

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// spanOf are the ids between which those of a limit's gates lie.
func spanOf(limit string) (from, to string) {
	return gate.ID(limit, ""), limit + "\x20" // the next character
}

// PutLimits is that of store.Gates.
func (s *Store) PutLimits(ctx context.Context, limits []store.Limit) error {
	return s.putLimits(ctx, s.pool, limits)
}

// PutLimits is that of store.TxWriter: beside the transaction, on a connection of the engine's, since
// the transaction may have the last one of the pool.
func (t *txWriter) PutLimits(ctx context.Context, limits []store.Limit) error {
	return t.s.putLimits(ctx, t.s.engine, limits)
}

func (s *Store) putLimits(ctx context.Context, pool *pgxpool.Pool, limits []store.Limit) error {
	if len(limits) == 0 {
		return nil
	}
	sorted := slices.Clone(limits)
	slices.SortStableFunc(sorted, func(a, b store.Limit) int { return cmp.Compare(a.Name, b.Name) })
	return s.withinOf(ctx, pool, "make limits known", func(ctx context.Context, tx ownTx) error {
		for _, l := range sorted {
			changed := false
			err := query{
				sql: s.sql.limitPut, args: []any{l.Name, int64(l.Max), int64(l.Per), int64(l.Burst), string(l.WhenFull), l.Strict},
				row: func(scan func(...any) error) error { return scan(&changed) },
			}.on(ctx, tx)
			if err != nil {
				return err
			}
			if !changed {
				continue
			}
			if err := s.limitChanged(ctx, tx, l.Name); err != nil {
				return err
			}
			from, to := spanOf(l.Name)
			if l.Per > 0 {
				if err := tx.exec(ctx, s.sql.limitCount, from, to); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// limitChanged has the keys of a limit looked at.
func (s *Store) limitChanged(ctx context.Context, tx querier, name string) error {
	from, to := spanOf(name)
	return query{sql: s.sql.limitMark, args: []any{from, to}}.on(ctx, tx)
}

// controlLimit does what c says of a limit, and returns it in words.
func (s *Store) controlLimit(ctx context.Context, tx ownTx, c store.Control) (what string, err error) {
	switch {
	case c.SetLimit != "":
		return fmt.Sprintf("set limit %s to %d", c.SetLimit, c.Max), s.setLimit(ctx, tx, c.SetLimit, int64(c.Max))
	case c.ResetLimit != "":
		return "reset limit " + c.ResetLimit, s.setLimit(ctx, tx, c.ResetLimit, nil)
	}
	use, what := c.PauseLimit, fmt.Sprintf("pause limit %s %s for %v", c.PauseLimit.Limit, c.PauseLimit.Key, c.PauseFor)
	if use.Limit == "" {
		use, what = c.SkipLimit, fmt.Sprintf("skip limit %s %s", c.SkipLimit.Limit, c.SkipLimit.Key)
	}
	known := false
	err = each(ctx, tx, s.sql.limits, []any{textList([]string{use.Limit})}, func(func(...any) error) error {
		known = true
		return nil
	})
	switch {
	case err != nil:
		return what, err
	case !known:
		return what, fmt.Errorf("limit %q: %w", use.Limit, store.ErrNotFound)
	case c.PauseLimit.Limit == "":
		return what, tx.exec(ctx, s.sql.limitSkip, gate.IDOf(use))
	}
	return what, s.pauseLimit(ctx, tx.tx.Conn(), gate.IDOf(use), c.PauseFor)
}

// setLimit changes how many a limit lets in; nil is as it was declared.
func (s *Store) setLimit(ctx context.Context, tx ownTx, name string, most any) error {
	known := false
	err := each(ctx, tx, s.sql.limitSet, []any{name, most}, func(func(...any) error) error {
		known = true
		return nil
	})
	if err == nil && !known {
		err = fmt.Errorf("limit %q: %w", name, store.ErrNotFound)
	}
	if err != nil {
		return err
	}
	return s.limitChanged(ctx, tx, name)
}

// pauseLimit lets no job of a gate start for a time, within a transaction that is open on the
// connection.
func (s *Store) pauseLimit(ctx context.Context, conn *pgx.Conn, id string, d time.Duration) error {
	w := &work{s: s, conn: conn}
	g := newGates(s)
	ids := []string{id}
	if err := w.send(ctx, append(g.lock(ids), g.look(ids, admitAtATime))...); err != nil {
		return err
	}
	if err := g.locked(ids); err != nil {
		return err
	}
	l := g.all[id]
	if l.Paused = g.now.Add(d); d <= 0 {
		l.Paused = time.Time{}
		l.wake = time.Time{} // now, and no later
	}
	out, err := w.pauseOut(ctx, g, ids)
	if err != nil {
		return err
	}
	if err := g.complete(ctx, w, admitAtATime); err != nil {
		return err
	}
	g.settle(admitAtATime)
	return w.send(ctx, append(stepsOf(out.queries(s.sql)), g.steps(g.moved)...)...)
}

// pauseOut lets those wait that were let through gates which are paused now and have not been
// claimed, and has the gates looked at when the pause is over.
func (w *work) pauseOut(ctx context.Context, g *gates, ids []string) (out *leaving, err error) {
	out = &leaving{}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !g.all[id].Paused.After(g.now) })
	if len(ids) == 0 {
		return out, nil
	}
	terms := map[store.ID]*store.Terms{}
	if err := w.send(ctx, query{sql: w.s.sql.pauseGates, args: []any{ids}, row: readTerms(terms)}.step()); err != nil {
		return nil, err
	}
	for id, t := range terms {
		out.wait(id, t)
	}
	for _, id := range ids {
		g.all[id].rest = true // of those that wait now
	}
	return out, nil
}

// Limits is that of store.Gates.
func (s *Store) Limits(ctx context.Context, names ...string) (states []store.LimitState, err error) {
	var list any
	if len(names) > 0 {
		list = names
	}
	var now time.Time
	err = s.ask(ctx, "read limits", s.sql.limits, []any{list}, func(rows pgx.Rows) error {
		states = nil
		for rows.Next() {
			l, err := readLimit(rows.Scan, &now)
			if err != nil {
				return err
			}
			states = append(states, l)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	for i := range states {
		if states[i].Keys, err = s.limitKeys(ctx, states[i].Limit, nil); err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		states = slices.DeleteFunc(states, func(l store.LimitState) bool { return l.Forgotten(now) })
	}
	return states, nil
}

// readLimit reads a limit, and what else a row says.
func readLimit(scan func(...any) error, more ...any) (l store.LimitState, err error) {
	var per int64
	var byHand *int
	var whenFull string
	d := &l.Declared
	columns := append([]any{&d.Name, &d.Max, &per, &d.Burst, &whenFull, &d.Strict, &byHand, &l.Seen}, more...)
	if err := scan(columns...); err != nil {
		return l, err
	}
	d.Per, d.WhenFull = time.Duration(per), store.Full(whenFull)
	if l.Limit = l.Declared; byHand != nil {
		l.Max, l.ByHand = *byHand, true
	}
	return l, nil
}

// limitKeys returns the keys of a limit that say something, or the one of a gate.
func (s *Store) limitKeys(ctx context.Context, limit store.Limit, only any) (keys []store.KeyState, err error) {
	from, to := spanOf(limit.Name)
	most := math.MaxInt32
	if limit.Per > 0 {
		most = cmp.Or(limit.Burst, limit.Max)
	}
	err = s.ask(ctx, "read keys of limits", s.sql.limitKeys, []any{from, to, store.MaxKeyStates, most, only}, func(rows pgx.Rows) error {
		keys = nil
		for rows.Next() {
			k, err := readKey(rows, limit)
			if err != nil {
				return err
			}
			keys = append(keys, k)
		}
		return rows.Err()
	})
	return keys, err
}

func readKey(rows pgx.Rows, limit store.Limit) (k store.KeyState, err error) {
	var (
		now          time.Time
		id           string
		full, paused *time.Time
		weight       int
		stops        *string
		holders      []string
		terms        []byte
	)
	if err := rows.Scan(&now, &id, &full, &paused, &k.Held, &weight, &stops, &holders, &k.Waiting, &terms); err != nil {
		return k, err
	}
	_, k.Key = gate.Parse(id)
	if stops != nil {
		if k.Stopped, err = store.ParseID(*stops); err != nil {
			return k, err
		}
	}
	for _, text := range holders {
		holder, err := store.ParseID(text)
		if err != nil {
			return k, err
		}
		k.Holders = append(k.Holders, holder)
	}
	if paused != nil && paused.After(now) {
		k.Paused = *paused
	}
	first, err := decodeTerms("", terms)
	if err != nil || limit.Per == 0 {
		return k, err
	}
	g := gate.Gate{Limit: limit, Held: weight, Full: timeOf(full), Paused: timeOf(paused), Stops: k.Stopped}
	c := candidate{terms: first}
	if at := g.Opens(now, c.use(id)); at.After(now) {
		k.Next = at
	}
	return k, nil
}
