package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// Gates are the keys of limits that a transaction has locked, with the first of the jobs that
// wait for each. What they let through is decided here, by internal/gate, and written down with
// the commit.
//
// The order of locks is the same for all: unique keys, then gates by their ids, then rows of
// jobs. Who holds a gate waits for no unique key, and for the row of a job only where who may
// hold that waits for no gate. Nobody locks a gate within a transaction of the caller's. A change
// that lets a job through and is made without the gate's lock marks the gate in the same
// transaction: Admit looks at it later, so that nothing is forgotten.
type gates struct {
	s   *Store
	now time.Time // the server's, when the gates had been locked
	set gate.Set
	all map[string]*lockedGate

	moved []*candidate      // that waited for a gate and move on, in order
	known map[store.ID]bool // those that are decided, though blocked does not say it yet
	wakes []store.Wake
}

// A lockedGate is one gate.
type lockedGate struct {
	*gate.Gate
	id     string
	line   []*candidate // the first of those that wait, in order
	rest   bool         // more may wait
	room   int          // how many more were asked for
	hidden int          // of those that wait, since somebody holds their rows
	wake   time.Time    // when it is to be looked at, as a mark says; zero if none does
	was    gate.Gate    // as it is stored
	woke   time.Time    // as it is stored
}

// A candidate is a job that wants to go through gates.
type candidate struct {
	id       store.ID
	task     string
	queue    string
	priority int       // its lane
	order    time.Time // its place in the lane: run_at, or its turn
	runAt    time.Time // when it became due
	uses     int16     // bits
	terms    *store.Terms
	suspect  bool

	fresh  bool            // a full limit may have it dropped, or drop others for it
	holds  map[string]bool // gates that it holds already
	turned bool            // its turn was given now

	fate   fate
	at     string // the gate that it waits for
	listed bool   // by whoever writes down what was decided
}

// A fate is what became of a candidate.
type fate int

const (
	undecided fate = iota
	through        // it may be claimed
	waits          // for a gate
	dropped        // cancelled, for a limit
	follow         // it waits for others
)

func newGates(s *Store) *gates {
	return &gates{s: s, set: gate.Set{}, all: map[string]*lockedGate{}, known: map[store.ID]bool{}}
}

// uses are the limits that a job is under, each gate once.
func usesOfTerms(t *store.Terms) []store.Use {
	if t == nil || len(t.Limits) < 2 {
		if t == nil {
			return nil
		}
		return t.Limits
	}
	var uses []store.Use
	for _, u := range t.Limits {
		if !slices.ContainsFunc(uses, func(v store.Use) bool { return v.Limit == u.Limit && v.Key == u.Key }) {
			uses = append(uses, u)
		}
	}
	return uses
}

// gatesOf are the ids of gates that jobs with these terms go through, in order.
func gatesOf(all ...*store.Terms) []string {
	var ids []string
	for _, t := range all {
		for _, u := range usesOfTerms(t) {
			ids = append(ids, gate.IDOf(u))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// use is by what a candidate goes through a gate.
func (c *candidate) use(id string) store.Use {
	for _, u := range usesOfTerms(c.terms) {
		if gate.IDOf(u) == id {
			return u
		}
	}
	limit, key := gate.Parse(id)
	return store.Use{Limit: limit, Key: key} // its terms were changed since
}

func (c *candidate) compare(d *candidate) int {
	return cmp.Or(cmp.Compare(c.priority, d.priority), c.order.Compare(d.order), c.id.Compare(d.id))
}

// lock are the steps that lock gates, which are made if need be.
func (g *gates) lock(ids []string) []step {
	return []step{
		{sql: g.s.sql.gatesMake, args: []any{ids}},
		{sql: g.s.sql.gatesLock, args: []any{ids}, rows: g.readLocked},
	}
}

// readLocked reads the ids of gates that are locked.
func (g *gates) readLocked(rows pgx.Rows) error {
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if g.all[id] == nil {
			g.all[id] = &lockedGate{id: id}
		}
	}
	return rows.Err()
}

// locked refuses to go on if one of the gates was removed before it was locked.
func (g *gates) locked(ids []string) error {
	for _, id := range ids {
		if g.set[id] == nil {
			return errAgain
		}
	}
	return nil
}

// look is the step that looks at gates that were locked by a step before it: at most so many of
// those that wait for each.
func (g *gates) look(ids []string, most int) step {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i], _ = gate.Parse(id)
	}
	return step{sql: g.s.sql.gatesLook, args: []any{ids, names, most}, rows: g.readLook}
}

func (g *gates) readLook(rows pgx.Rows) error {
	seen := map[string]bool{}
	for rows.Next() {
		var (
			id                               string
			full, paused, wake, runAt, dueAt *time.Time
			most, burst, priority            *int32
			per                              *int64
			whenFull, stops, who             *string
			strict, locked                   *bool
			uses                             *int16
			queue, task                      *string
			terms                            []byte
			held, room                       int
		)
		err := rows.Scan(&g.now, &id, &full, &paused, &wake, &most, &per, &burst, &whenFull, &strict, &held, &stops, &room,
			&who, &locked, &priority, &runAt, &dueAt, &uses, &queue, &task, &terms)
		if err != nil {
			return err
		}
		l := g.all[id]
		if l == nil {
			continue // it is not locked
		}
		if !seen[id] {
			seen[id] = true
			name, _ := gate.Parse(id)
			is := gate.Gate{Limit: store.Limit{Name: name}, Held: held, Full: timeOf(full), Paused: timeOf(paused)}
			if most != nil {
				is.Limit = store.Limit{
					Name: name, Max: int(*most), Per: time.Duration(*per), Burst: int(*burst),
					WhenFull: store.Full(*whenFull), Strict: *strict,
				}
			}
			if stops != nil {
				if is.Stops, err = store.ParseID(*stops); err != nil {
					return err
				}
			}
			if per != nil {
				g.s.rates.Store(name, *per > 0)
			}
			l.was, l.woke = is, timeOf(wake)
			l.Gate, l.wake, l.line = &is, l.woke, nil
			l.rest, l.hidden, l.room = room == 0, 0, room
			g.set[id] = l.Gate
		}
		if who == nil {
			continue
		}
		if l.room--; l.room == 0 {
			l.rest = true
		}
		if !*locked {
			l.hidden++
			continue
		}
		c := &candidate{queue: *queue, priority: int(*priority), order: *runAt, runAt: *runAt, uses: *uses, fate: waits, at: id}
		if c.id, err = store.ParseID(*who); err != nil {
			return err
		}
		if dueAt != nil {
			c.runAt = *dueAt
		}
		if task == nil {
			limit, key := gate.Parse(id)
			c.terms = &store.Terms{Limits: []store.Use{{Limit: limit, Key: key}}}
		} else {
			c.task = *task
			if c.terms, err = decodeTerms(c.task, terms); err != nil {
				return err
			}
		}
		if !g.known[c.id] {
			l.line = append(l.line, c)
		}
	}
	return rows.Err()
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// held is the step that looks for what jobs hold of gates already, after candidates was read.
func (g *gates) held(terms map[store.ID]*store.Terms, candidates map[store.ID]*candidate) step {
	var ids []string
	var jobs [][16]byte
	for id, t := range terms {
		for _, u := range usesOfTerms(t) {
			ids, jobs = append(ids, gate.IDOf(u)), append(jobs, id)
		}
	}
	return g.heldOf(ids, jobs, candidates)
}

// heldOf is held for pairs of gates and jobs.
func (g *gates) heldOf(ids []string, jobs [][16]byte, candidates map[store.ID]*candidate) step {
	return query{sql: g.s.sql.held, args: []any{ids, jobs}, row: func(scan func(...any) error) error {
		var id, job string
		if err := scan(&id, &job); err != nil {
			return err
		}
		who, err := store.ParseID(job)
		if c := candidates[who]; c != nil {
			if c.holds == nil {
				c.holds = map[string]bool{}
			}
			c.holds[id] = true
		}
		return err
	}}.step()
}

// bars returns the first gate that keeps a candidate from starting, and "" if none does. from is a
// gate in whose line it was the first.
func (g *gates) bars(c *candidate, from string) string {
	for _, u := range usesOfTerms(c.terms) {
		id := gate.IDOf(u)
		l := g.all[id]
		switch {
		case !g.room(l, c, u):
			return id
		case c.holds[id]:
		case l.Stops == c.id: // it is tried again, before all others
		case len(l.line) > 0 && l.line[0].compare(c) < 0, len(l.line) == 0 && l.rest && id != from:
			return id
		}
	}
	return ""
}

// let lets a candidate through all its gates.
func (g *gates) let(c *candidate) {
	for _, u := range usesOfTerms(c.terms) {
		id := gate.IDOf(u)
		l := g.all[id]
		if !c.holds[id] {
			l.Take(u)
		}
		if l.Limit.Per > 0 {
			c.uses |= usesRate
		}
		if l.Stops == c.id {
			l.Stops = store.ID{}
		}
	}
	c.fate, c.at = through, ""
	g.wake(c)
}

func (g *gates) wake(c *candidate) {
	if w := (store.Wake{Queue: c.queue, Priority: c.priority}); !slices.Contains(g.wakes, w) {
		g.wakes = append(g.wakes, w)
	}
}

// wait puts a candidate into the line of a gate.
func (g *gates) wait(c *candidate, id string) {
	l := g.all[id]
	at, _ := slices.BinarySearchFunc(l.line, c, (*candidate).compare)
	l.line = slices.Insert(l.line, at, c)
	c.fate, c.at = waits, id
}

// settle lets those through that wait for gates with room, looking at so many at most. Where it
// stops, next has the gate looked at again.
func (g *gates) settle(most int) {
	for _, id := range slices.Sorted(maps.Keys(g.all)) {
		l := g.all[id]
		for ; len(l.line) > 0 && most > 0; most-- {
			c := l.line[0]
			if !g.room(l, c, c.use(id)) || len(g.set.Lacks(usesOfTerms(c.terms))) > 0 {
				break
			}
			l.line = l.line[1:]
			if !c.listed {
				c.listed, g.known[c.id], g.moved = true, true, append(g.moved, c)
			}
			if at := g.bars(c, id); at != "" {
				g.wait(c, at)
			} else {
				g.let(c)
			}
		}
	}
}

// lacks are the gates, not locked, that the first of those need that wait and have room.
func (g *gates) lacks() (ids []string) {
	for id, l := range g.all {
		for _, c := range l.line {
			if g.room(l, c, c.use(id)) {
				ids = append(ids, g.set.Lacks(usesOfTerms(c.terms))...)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// complete locks the gates that waiting jobs need too, as far as nobody else has them: out of
// order nothing is waited for. Those that are left wait for Admit.
func (g *gates) complete(ctx context.Context, w *work, most int) error {
	if err := g.kept(ctx, w); err != nil {
		return err
	}
	ids := g.lacks()
	if len(ids) == 0 {
		return nil
	}
	err := w.send(ctx,
		step{sql: g.s.sql.gatesMake, args: []any{ids}},
		step{sql: g.s.sql.gatesTry, args: []any{ids}, rows: g.readLocked},
		g.look(ids, most),
	)
	if err != nil {
		return err
	}
	return g.kept(ctx, w)
}
