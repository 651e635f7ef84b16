package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// uniqueKey is a task's own key, as one text.
func uniqueKey(task string, u *store.Unique) string { return task + "\x1f" + u.Key }

// A contest is unique keys that jobs want, and whose they are.
//
// Keys are taken by an insert that a key which is there does nothing to: its row is not locked, so
// that somebody's long transaction keeps nobody waiting but those who want the same new key.
// Whose it is is read in the next statement. Where the row is to be changed, since its job has
// ended or takes a new input, it is locked and read again; so is the job, if it waits. What turns
// out otherwise than it was read has the call made again.
type contest struct {
	keys   []string
	ids    [][16]byte
	until  []string
	spans  []*int64 // µs
	since  []*time.Time
	change []string // keys whose jobs may take a new input

	known  map[store.ID]bool
	taken  int              // keys
	all    bool             // by jobs of which each is new
	owners map[string]owner // read where not all were taken
	read   bool
	mine   map[string]store.ID // keys of this call's jobs
	fixed  map[store.ID]bool   // jobs that wait, whose rows are locked
	stale  map[string]bool     // keys of jobs that had ended when this was tried before: their rows are locked
}

// An owner is the job that holds a key.
type owner struct {
	id     store.ID
	until  store.Until
	over   bool   // its time is over
	stands string // "waits", "begun", "runs", or "" if it has ended
}

// free reports whether the key is free, though its row is there.
func (o *owner) free() bool {
	return o.over || o.until == store.UntilEnded && o.stands == "" || o.until == store.UntilStarted && o.stands != "waits"
}

func newContest(stale map[string]bool) *contest {
	return &contest{
		known: map[store.ID]bool{}, owners: map[string]owner{}, mine: map[string]store.ID{}, fixed: map[store.ID]bool{}, stale: stale,
	}
}

// want adds a key that a job wants; since is when a job was made that is there already.
func (c *contest) want(id store.ID, task string, u *store.Unique, since *time.Time) {
	until, span := termOf(u)
	c.keys, c.ids, c.until = append(c.keys, uniqueKey(task, u)), append(c.ids, id), append(c.until, until)
	c.spans, c.since = append(c.spans, span), append(c.since, since)
	if u.OnConflict == store.ConflictReplace || u.OnConflict == store.ConflictDebounce {
		c.change = append(c.change, uniqueKey(task, u))
	}
}

// termOf is until when a key is held, as it is kept.
func termOf(u *store.Unique) (until string, span *int64) {
	if u.For > 0 {
		µs := u.For.Microseconds()
		return "", &µs
	}
	return string(u.Until), nil
}

// take are the queries that take the keys; existing says that the jobs are there. Where rows are to
// be changed, or may be, they are locked, and whose they are is read at once: after, once gates
// are locked, since the rows of jobs come last.
func (c *contest) take(sql *statements, existing bool) (first, after []query) {
	locked := slices.Clone(c.change)
	for _, key := range c.keys {
		if c.stale[key] {
			locked = append(locked, key)
		}
	}
	first = []query{{
		sql: sql.uniqueTake, args: []any{c.keys, c.ids, c.until, c.spans, c.since, existing},
		row: func(scan func(...any) error) error { return scan(&c.taken) },
	}}
	if len(locked) == 0 {
		return first, nil
	}
	first = append(first, query{sql: sql.uniqueLock, args: []any{distinct(locked)}})
	if len(c.change) > 0 {
		after = append(after, query{sql: sql.uniqueHold, args: []any{distinct(c.change)}, row: readIDs(c.fixed)})
	}
	return first, append(after, c.look(sql))
}

// takeAll takes many keys of new jobs at once and then the time, if it can be taken for granted that all of
// them are free: no two are the same, and none is there. It makes the first round trip, and reports
// whether the keys are taken. Should another take one at the same moment, that is a duplicate, and the
// call is made again without this.
func (c *contest) takeAll(ctx context.Context, w *work, now *time.Time) (all bool, err error) {
	if len(c.keys) < copyFrom || len(distinct(c.keys)) < len(c.keys) {
		return false, nil
	}
	err = w.send(ctx, query{
		sql: w.s.sql.uniqueTakeAll, args: []any{c.keys, c.ids, c.until, c.spans},
		row: func(scan func(...any) error) error { return scan(&c.taken) },
	}.step(), step{sql: w.s.sql.copyBegin, args: []any{}, rows: readTime(now)})
	c.all = c.taken == len(c.keys)
	return c.all, err
}

// missed reports whether it must be read yet whose the keys are.
func (c *contest) missed() bool { return c.taken < len(c.keys) && !c.read }

// look is the query that reads whose the keys are.
func (c *contest) look(sql *statements) query {
	c.read = true
	return query{
		sql: sql.uniqueOwners, args: []any{distinct(c.keys)},
		row: func(scan func(...any) error) error {
			var key, id, until string
			var o owner
			if err := scan(&key, &id, &until, &o.over, &o.stands); err != nil {
				return err
			}
			parsed, err := store.ParseID(id)
			o.id, o.until = parsed, store.Until(until)
			c.owners[key] = o
			return err
		},
	}
}

// on takes the keys within a transaction, and reads whose they are.
func (c *contest) on(ctx context.Context, tx querier, sql *statements, existing bool) error {
	first, after := c.take(sql, existing)
	err := runAll(ctx, tx, append(first, after...))
	if err == nil && c.missed() {
		err = c.look(sql).on(ctx, tx)
	}
	return err
}

// settle takes in which keys are those of this call's jobs now.
func (c *contest) settle() {
	for i, key := range c.keys {
		if !c.read || c.owners[key].id == c.ids[i] {
			c.mine[key] = c.ids[i]
		}
	}
}

// readIDs reads ids into a set.
func readIDs(into map[store.ID]bool) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		parsed, err := store.ParseID(id)
		into[parsed] = true
		return err
	}
}

// owner returns the job that holds a key which a job wants: the zero ID if that is the job itself,
// or the key is free. give says that its row is there, and to be given to the job.
func (c *contest) owner(key string, id store.ID) (o owner, give bool, err error) {
	if c.mine[key] == id {
		return owner{}, false, nil
	}
	o, there := c.owners[key]
	switch {
	case !there:
		return o, false, errAgain // it was given back between two statements
	case !o.free():
		return o, false, nil
	case c.stale[key] || slices.Contains(c.change, key):
		return owner{}, true, nil
	}
	for key, o := range c.owners { // all of them at once: there may be many
		if o.free() {
			c.stale[key] = true
		}
	}
	return o, false, errAgain
}

// A verdict says what a unique key makes of a new job.
type verdict struct {
	old      store.ID // that stays in its place
	replaced bool     // and takes its input
	give     bool     // the job is stored, and takes over a key whose row is there
}

// judge says what becomes of new jobs by their unique keys. Those that it lets in hold their
// keys for those that follow.
func (c *contest) judge(jobs []store.NewJob) ([]verdict, error) {
	verdicts := make([]verdict, len(jobs))
	if c.all && len(c.keys) == len(jobs) {
		return verdicts, nil // each is stored
	}
	c.settle()
	mine, stored := map[string]store.ID{}, map[store.ID]bool{}
	for i := range jobs {
		n := &jobs[i]
		if c.known[n.ID] || stored[n.ID] {
			verdicts[i].old = n.ID
			continue
		}
		stored[n.ID] = true
		if n.Terms == nil || n.Terms.Unique == nil {
			continue
		}
		v, err := c.contend(n, mine, stored)
		if err != nil {
			return nil, err
		}
		if verdicts[i] = v; !v.old.IsZero() {
			delete(stored, n.ID)
		} else {
			mine[uniqueKey(n.Task, n.Terms.Unique)] = n.ID
		}
	}
	return verdicts, nil
}

// contend is judge for a job with a unique key.
func (c *contest) contend(n *store.NewJob, mine map[string]store.ID, stored map[store.ID]bool) (v verdict, err error) {
	u := n.Terms.Unique
	key := uniqueKey(n.Task, u)
	old := owner{id: mine[key], stands: "waits"}
	if old.id.IsZero() {
		if old, v.give, err = c.owner(key, n.ID); err != nil || old.id.IsZero() {
			return v, err
		}
	}
	switch u.OnConflict {
	case store.ConflictFail:
		return v, badCall{&store.ConflictError{Task: n.Task, Key: u.Key, ID: old.id}}
	case store.ConflictReplace, store.ConflictDebounce:
		if old.stands != "waits" {
			return verdict{give: true}, nil
		}
		if !stored[old.id] && !c.fixed[old.id] {
			return v, errAgain // it was just moving
		}
		return verdict{old: old.id, replaced: true}, nil
	}
	return verdict{old: old.id}, nil
}

// giving are the keys that are given to jobs whose rows are there already.
type giving struct {
	places      map[string]int
	keys, until []string
	ids         [][16]byte
	spans       []*int64
	since       []*time.Time
}

// add gives a key to a job; whoever was given it before goes without.
func (g *giving) add(id store.ID, task string, u *store.Unique, since *time.Time) {
	key := uniqueKey(task, u)
	at, there := g.places[key]
	if !there {
		if g.places == nil {
			g.places = map[string]int{}
		}
		at = len(g.keys)
		g.places[key] = at
		g.keys, g.ids, g.until = append(g.keys, key), append(g.ids, id), append(g.until, "")
		g.spans, g.since = append(g.spans, nil), append(g.since, nil)
	}
	g.ids[at], g.since[at] = id, since
	g.until[at], g.spans[at] = termOf(u)
}

func (g *giving) queries(sql *statements) []query {
	if len(g.keys) == 0 {
		return nil
	}
	return []query{{sql: sql.uniqueGive, args: []any{g.keys, g.ids, g.until, g.spans, g.since}}}
}

// held says of an error of a lock that nobody gave up in time that a unique key may be the reason.
func (c *contest) held(err error) error {
	if codeOf(err) == codeLockTimeout && len(c.keys) > 0 {
		return fmt.Errorf("another transaction that has not ended wants one of the same unique keys: %w", err)
	}
	return err
}
