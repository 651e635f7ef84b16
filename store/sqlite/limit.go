package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/limit_put.sql
	putLimitSQL string
	//go:embed sql/limit_read.sql
	readLimitsSQL string
	//go:embed sql/limit_named.sql
	namedLimitsSQL string
	//go:embed sql/limit_keys.sql
	limitKeysSQL string
	//go:embed sql/admit_mark.sql
	markGatesSQL string
)

// PutLimits is that of store.Gates.
func (s *Store) PutLimits(ctx context.Context, limits []store.Limit) error {
	if len(limits) == 0 {
		return nil
	}
	return s.write(ctx, "put limits", func(t *txn) error { return t.putLimits(limits) })
}

// PutLimits is that of store.TxWriter: within the transaction, which holds the database anyway.
func (w *txWriter) PutLimits(ctx context.Context, limits []store.Limit) error {
	if len(limits) == 0 {
		return nil
	}
	return w.do(ctx, "put limits", func(t *txn) error { return t.putLimits(limits) })
}

func (t *txn) putLimits(limits []store.Limit) error {
	for _, l := range limits {
		before, known, err := t.declared(l.Name)
		if err != nil {
			return err
		}
		if _, err := t.exec(putLimitSQL, l.Name, l.Max, micros(l.Per), l.Burst, string(l.WhenFull), l.Strict, t.now); err != nil {
			return err
		}
		if known && before == l {
			continue
		}
		if err := t.changedLimit(l.Name); err != nil {
			return err
		}
	}
	return nil
}

// declared is a limit as a program made it known last.
func (t *txn) declared(name string) (l store.Limit, known bool, err error) {
	l.Name = name
	known, err = one(t, []any{&l.Max, spanInto{&l.Per}, &l.Burst, &l.WhenFull, &l.Strict},
		"SELECT max, per, burst, when_full, strict FROM offload_limit WHERE name = ?1", name)
	return l, known, err
}

// changedLimit looks at all keys of a limit for which somebody waits: at the first now, the rest
// is left to Admit.
func (t *txn) changedLimit(name string) error {
	if err := t.forgetGates(); err != nil {
		return err
	}
	t.limits = nil
	from, to := gate.ID(name, ""), name+" "
	if _, err := t.exec(markGatesSQL, from, to, t.now); err != nil {
		return err
	}
	t.wakeToLook()
	ids, err := texts(t, "SELECT id FROM offload_gate WHERE id >= ?1 AND id < ?2 AND wake_at <= ?3 LIMIT ?4", from, to, t.now, admitGates)
	for _, id := range ids {
		t.open(id)
	}
	return err
}

// controlLimit does what c says of a limit.
func (t *txn) controlLimit(name string, c store.Control) (what string, err error) {
	_, known, err := t.declared(name)
	if err != nil {
		return "", err
	}
	if !known {
		return "", fmt.Errorf("limit %q: %w", name, store.ErrNotFound)
	}
	switch {
	case c.SetLimit != "":
		if _, err := t.exec("UPDATE offload_limit SET hand = ?2 WHERE name = ?1", name, c.Max); err != nil {
			return "", err
		}
		return fmt.Sprintf("set limit %s to %d", name, c.Max), t.changedLimit(name)
	case c.ResetLimit != "":
		if _, err := t.exec("UPDATE offload_limit SET hand = NULL WHERE name = ?1", name); err != nil {
			return "", err
		}
		return "reset limit " + name, t.changedLimit(name)
	case c.PauseLimit.Limit != "":
		return fmt.Sprintf("pause limit %s %s for %v", name, c.PauseLimit.Key, c.PauseFor), t.changeGate(c.PauseLimit, func(g *gateRow) {
			g.Paused = t.time().Add(c.PauseFor)
			if c.PauseFor <= 0 {
				g.Paused = time.Time{}
			}
		})
	}
	return fmt.Sprintf("skip limit %s %s", name, c.SkipLimit.Key), t.changeGate(c.SkipLimit, func(g *gateRow) { g.Stops = store.ID{} })
}

// changeGate changes one key of a limit, and lets those through that have got room.
func (t *txn) changeGate(u store.Use, change func(*gateRow)) error {
	id := gate.IDOf(u)
	if err := t.lookAtGates([]string{id}); err != nil {
		return err
	}
	g := t.gateRows[id]
	change(g)
	g.changed = true
	t.open(id)
	return nil
}

// pause keeps all jobs of a key from starting, by a job that is under the limit.
func (t *txn) pause(limits []store.Use, name string, until int64) error {
	for _, u := range limits {
		if u.Limit != name {
			continue
		}
		err := t.changeGate(u, func(g *gateRow) {
			if at := timeOf(until); g.Paused.Before(at) {
				g.Paused = at
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// mostKeys is how many keys of a limit are looked at for those that are listed.
const mostKeys = 10_000

// Limits is that of store.Gates.
func (s *Store) Limits(ctx context.Context, names ...string) (states []store.LimitState, err error) {
	query, args := readLimitsSQL, []any(nil)
	if len(names) > 0 {
		query, args = namedLimitsSQL, []any{list(names)}
	}
	err = s.ask(ctx, "read limits", func(q *snapshots) error {
		err := each(q, func(rows *sql.Rows) error {
			l, err := scanLimit(rows)
			states = append(states, l)
			return err
		}, query, args...)
		for i := 0; i < len(states) && err == nil; i++ {
			if states[i].Keys, err = q.keyStates(&states[i].Limit, mostKeys); err == nil {
				err = q.renew(ctx)
			}
		}
		if len(names) == 0 {
			states = slices.DeleteFunc(states, func(l store.LimitState) bool { return l.Forgotten(q.time()) })
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return states, nil
}

func scanLimit(rows *sql.Rows) (l store.LimitState, err error) {
	var hand sql.NullInt64
	d := &l.Declared
	err = rows.Scan(&d.Name, &d.Max, spanInto{&d.Per}, &d.Burst, &d.WhenFull, &d.Strict, &hand, timeInto{&l.Seen})
	l.Limit, l.ByHand = *d, hand.Valid
	if hand.Valid {
		l.Max = int(hand.Int64)
	}
	return l, err
}

// keyStates reads the keys of a limit that have something to say.
func (q *snapshots) keyStates(l *store.Limit, most int) (keys []store.KeyState, err error) {
	ids, err := texts(q, limitKeysSQL, gate.ID(l.Name, ""), l.Name+" ", most)
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		k, speaks, err := q.keyState(l, id)
		if err != nil {
			return nil, err
		}
		if speaks {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b store.KeyState) int {
		return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(b.Held, a.Held), cmp.Compare(a.Key, b.Key))
	})
	return keys[:min(len(keys), store.MaxKeyStates)], nil
}

const (
	mostWaiting = 1000 // counted of those who wait for a key
	mostHolders = 10   // named of those who hold one
)

// keyState reads one key of a limit, and reports whether there is something to say of it.
func (t *txn) keyState(l *store.Limit, id string) (k store.KeyState, speaks bool, err error) {
	if err := t.lookAtGates([]string{id}); err != nil {
		return k, false, err
	}
	g := t.gateRows[id]
	g.Limit = *l
	_, k.Key = gate.Parse(id)
	waiting, err := t.waiting(id, mostWaiting)
	if err != nil {
		return k, false, err
	}
	k.Waiting = len(waiting)
	if _, err := one(t, []any{&k.Held}, "SELECT count(*) FROM offload_hold WHERE gate = ?1", id); err != nil {
		return k, false, err
	}
	if k.Holders, err = t.ids("SELECT id FROM offload_hold WHERE gate = ?1 ORDER BY id LIMIT ?2", id, mostHolders); err != nil {
		return k, false, err
	}
	if k.Stopped = g.Stops; g.Paused.After(t.time()) {
		k.Paused = g.Paused
	}
	if l.Per > 0 {
		u, err := t.nextUse(l.Name, id)
		if err != nil {
			return k, false, err
		}
		if at := g.Opens(t.time(), u); at.After(t.time()) {
			k.Next = at
		}
	}
	return k, k.Held > 0 || k.Waiting > 0 || !k.Paused.IsZero() || g.Full.After(t.time()) || !k.Stopped.IsZero(), nil
}

// nextUse is by what the next job goes through a gate.
func (t *txn) nextUse(name, id string) (u store.Use, err error) {
	_, key := gate.Parse(id)
	u = store.Use{Limit: name, Key: key}
	first, err := t.firstWaiters([]string{id})
	if len(first) > 0 {
		u = useOf(first[0].limits, id)
	}
	return u, err
}
