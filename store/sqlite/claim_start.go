package sqlite

import (
	"database/sql"
	_ "embed"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

//go:embed sql/gate_held.sql
var heldSQL string

// starts are those of jobs with terms that a call claims.
type starts struct {
	t      *txn
	parked bool            // they lay in blocked
	all    bool            // all have to be looked at, since time or people may keep them from starting
	held   map[string]bool // gate and id, of those looked at

	holds  []any
	left   pairs // gates with Per
	keys   pairs // free when their job has started
	expiry []any
	barred []bar
}

// A bar is a job that may not start, and the gate for which it waits.
type bar struct {
	id store.ID
	at string
}

// prepare reads what is needed of the gates of n jobs. Most need not be looked at: they were let
// through, and hold what they need until they end.
func (s *starts) prepare(n int, job func(i int) (c *store.Claimed, uses int)) error {
	t := s.t
	var ids []string
	for i := range n {
		if c, uses := job(i); uses != 0 && c.Terms != nil {
			ids = append(ids, gatesOf(c.Terms.Limits)...)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := t.knowLimits(ids); err != nil {
		return err
	}
	for _, l := range t.limits {
		s.all = s.all || l.Per > 0
	}
	if !s.all {
		_, err := one(t, []any{&s.all}, `SELECT EXISTS (SELECT 1 FROM offload_gate WHERE paused_until > ?1)
			OR EXISTS (SELECT 1 FROM offload_gate WHERE stops IS NOT NULL)`, t.now)
		if err != nil {
			return err
		}
	}
	var look pairs
	for i := range n {
		if c, uses := job(i); uses != 0 && s.looks(c, uses) {
			for _, id := range gatesOf(c.Terms.Limits) {
				look.add(id, c.ID)
			}
		}
	}
	if len(look.texts) == 0 {
		return nil
	}
	if err := t.lookAtGates(look.texts); err != nil {
		return err
	}
	s.held = map[string]bool{}
	return each(t, func(rows *sql.Rows) error {
		var at string
		var id store.ID
		err := rows.Scan(&at, idInto{&id})
		s.held[at+string(id[:])] = true
		return err
	}, heldSQL, list(look.texts), look.ids)
}

// looks reports whether a job may have to wait though it is due: after an attempt, or while it
// was parked, it may hold nothing.
func (s *starts) looks(c *store.Claimed, uses int) bool {
	return c.Terms != nil && len(c.Terms.Limits) > 0 && (s.all || s.parked || uses&usesBegun != 0)
}

// start counts the start of a job, or says which gate bars it.
func (s *starts) start(c *store.Claimed, uses int) (at string, err error) {
	if uses == 0 || c.Terms == nil {
		return "", nil
	}
	if s.looks(c, uses) {
		if at, err = s.pass(c); at != "" || err != nil {
			return at, err
		}
	}
	if u := c.Terms.Unique; u != nil && u.Until == store.UntilStarted {
		s.keys.add(uniqueKey(c.Task, u.Key), c.ID)
	}
	if uses&usesExpires != 0 {
		c.ExpiresAt = c.RunAt.Add(c.Terms.Expire)
		s.expiry = append(s.expiry, expiryAt(c.RunAt.UnixMicro(), c.Terms.Expire), c.ID[:])
	}
	return "", nil
}

// pass goes through the gates of a job.
func (s *starts) pass(c *store.Claimed) (at string, err error) {
	t := s.t
	e := &entrant{id: c.ID, queue: c.Queue, lane: c.Priority, order: c.RunAt.UnixMicro(), limits: c.Terms.Limits, holds: map[string]bool{}}
	for _, at := range gatesOf(e.limits) {
		e.holds[at] = s.held[at+string(c.ID[:])]
	}
	if at, err = t.barredBy(e); at != "" || err != nil {
		return at, err
	}
	for _, u := range e.limits {
		id := gate.IDOf(u)
		g := t.gateRows[id]
		if g.Limit.Per == 0 {
			continue
		}
		if e.holds[id] {
			s.left.add(id, c.ID)
		} else {
			g.Take(u)
			e.holds[id] = true // for a moment
		}
		g.Start(t.time(), u)
		g.changed = true
		if g.front != "" {
			t.open(id)
		}
	}
	s.holds = t.hold(e, s.holds)
	return "", nil
}

// write writes down what has started and what has to wait.
func (s *starts) write() error {
	t := s.t
	if err := t.execRows(&insertHolds, 3, s.holds); err != nil {
		return err
	}
	if len(s.left.texts) > 0 {
		if _, err := t.exec(leaveSQL, list(s.left.texts), s.left.ids); err != nil {
			return err
		}
	}
	if err := t.freeKeys(s.keys); err != nil {
		return err
	}
	if err := t.execRows(&forgetExpiries, 2, s.expiry); err != nil {
		return err
	}
	for _, b := range s.barred {
		if err := s.bar(b); err != nil {
			return err
		}
	}
	return nil
}

// bar has a job wait that was about to start.
func (s *starts) bar(b bar) error {
	r, err := s.t.find(b.id)
	if err != nil {
		return err
	}
	if err := s.t.take(&r); err != nil {
		return err
	}
	a, err := s.t.askedOf(&r)
	if err != nil {
		return err
	}
	if err := s.t.leaveLimits(r.id, a.limits(), true); err != nil {
		return err
	}
	if s.parked {
		if err := s.t.giveTurn(&r, a); err != nil {
			return err
		}
	}
	return s.t.wait(&r, b.at)
}
