package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// An entry is jobs with terms that are stored in a transaction of ours: what unique keys make of
// them is decided first, then their limits and turns, one job after the other. Rows are written
// with times that are known here, since the transaction has its number by then.
type entry struct {
	w     *work
	b     *batch
	c     *contest
	g     *gates
	now   time.Time
	jobs  []*arrival // that are stored, in order
	put   map[store.ID]*arrival
	give  giving
	left  leaving // of those that are replaced, or dropped
	links *links
}

// An arrival is a job that is stored.
type arrival struct {
	candidate
	n store.NewJob
}

// enter stores jobs, within a transaction that its caller commits with the steps returned. Where
// sleeping processes are to be told of what is due, e.wakes says.
func (w *work) enter(ctx context.Context, b *batch) (e *entry, inserted []store.Inserted, steps []step, err error) {
	e = &entry{
		w: w, b: b, c: newContest(b.stale), g: newGates(w.s),
		jobs: make([]*arrival, 0, len(b.jobs)), put: make(map[store.ID]*arrival, len(b.jobs)),
	}
	if err := e.ask(ctx); err != nil {
		return nil, nil, nil, e.c.held(err)
	}
	verdicts, err := e.c.judge(b.jobs)
	if err != nil {
		return nil, nil, nil, err
	}
	inserted = make([]store.Inserted, len(b.jobs))
	for i := range b.jobs {
		n := &b.jobs[i]
		v := verdicts[i]
		inserted[i] = store.Inserted{ID: n.ID}
		switch {
		case v.replaced:
			inserted[i] = store.Inserted{ID: v.old, Existing: true, Replaced: true}
			err = e.replace(ctx, v.old, n)
		case !v.old.IsZero():
			inserted[i] = store.Inserted{ID: v.old, Existing: true}
		default:
			e.add(n)
			if v.give {
				e.give.add(n.ID, n.Task, n.Terms.Unique, nil)
			}
		}
		if err != nil {
			return nil, nil, nil, err
		}
	}
	if err := e.decide(ctx); err != nil {
		return nil, nil, nil, err
	}
	if err := e.link(ctx, inserted); err != nil {
		return nil, nil, nil, err
	}
	for i := range inserted {
		if a := e.put[inserted[i].ID]; a != nil && !inserted[i].Existing {
			inserted[i].State = a.state()
		}
	}
	steps, err = e.steps(ctx)
	return e, inserted, steps, err
}

// ask makes the first round trip: it takes unique keys, then locks gates and looks at them, then
// takes the time. That no job is there is taken for granted until one turns out to be, and that of
// many keys none is taken.
func (e *entry) ask(ctx context.Context) error {
	var limited []*store.Terms
	for i := range e.b.jobs {
		n := &e.b.jobs[i]
		if n.Terms == nil {
			continue
		}
		if n.Terms.Unique != nil {
			e.c.want(n.ID, n.Task, n.Terms.Unique, nil)
		}
		if n.Delay <= 0 && !follows(n) {
			limited = append(limited, n.Terms)
		}
	}
	sql := e.w.s.sql
	gates := gatesOf(limited...)
	var steps []step
	var first, after []query
	if e.b.again {
		steps = append(steps, query{sql: sql.known, args: []any{idsOfJobs(e.b.once)}, row: readIDs(e.c.known)}.step())
	} else if all, err := e.c.takeAll(ctx, e.w, &e.now); err != nil || all && len(gates) == 0 {
		return err
	}
	if e.c.taken < len(e.c.keys) {
		first, after = e.c.take(sql, false)
	}
	steps = append(steps, stepsOf(first)...)
	if len(gates) > 0 {
		steps = append(append(steps, e.g.lock(gates)...), e.g.look(gates, admitAtATime))
	}
	steps = append(steps, stepsOf(after)...)
	steps = append(steps, step{sql: sql.copyBegin, args: []any{}, rows: readTime(&e.now)})
	if err := e.w.send(ctx, steps...); err != nil {
		return err
	}
	if e.c.missed() {
		if err := e.w.send(ctx, e.c.look(sql).step()); err != nil {
			return err
		}
	}
	if err := e.g.locked(gates); err != nil {
		return err
	}
	return e.g.complete(ctx, e.w, admitAtATime)
}

// readTime reads one time.
func readTime(into *time.Time) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(into); err != nil {
				return err
			}
		}
		return rows.Err()
	}
}

// add takes in a job that is stored.
func (e *entry) add(n *store.NewJob) {
	a := &arrival{n: *n}
	a.id, a.task, a.queue, a.terms = n.ID, n.Task, n.Queue, n.Terms
	a.listed = true
	a.arrive(firstRun(n, e.now))
	e.jobs = append(e.jobs, a)
	e.put[n.ID] = a
}

// arrive says when the job is to run.
func (a *arrival) arrive(runAt time.Time) { a.priority, a.order, a.runAt = a.n.Priority, runAt, runAt }

// replace gives the input, the terms, and if it asks for that the time, of a new job to the one
// that holds its key and waits.
func (e *entry) replace(ctx context.Context, old store.ID, n *store.NewJob) error {
	e.give.add(old, n.Task, n.Terms.Unique, nil)
	a := e.put[old]
	if a == nil {
		return e.w.s.replace(ctx, connTx{e.w.conn}, old, n, firstRun(n, e.now), &e.left)
	}
	a.n.Input, a.n.Terms, a.terms = n.Input, n.Terms, n.Terms
	if n.Terms.Unique.OnConflict == store.ConflictDebounce {
		a.arrive(firstRun(n, e.now))
	}
	return nil
}

// decide decides limits and turns.
func (e *entry) decide(ctx context.Context) error {
	var gated []*candidate
	for _, a := range e.jobs {
		a.uses, a.fate = usesOf(&a.n), through
		switch {
		case follows(&a.n):
			a.fate = follow
		case !a.terms.Gated():
		case a.runAt.After(e.now): // when its time has come
			a.uses |= usesOpen | usesFresh
		default:
			a.fresh, a.fate = true, undecided
			gated = append(gated, &a.candidate)
		}
	}
	if err := e.w.turns(ctx, gated); err != nil {
		return err
	}
	e.g.settle(admitAtATime)
	for _, c := range gated {
		if err := e.g.decide(ctx, e.w, c, gated); err != nil {
			return err
		}
	}
	e.g.settle(admitAtATime)
	return nil
}

// state is what a limit has made of a job; "" if it is due.
func (a *arrival) state() store.State {
	switch a.fate {
	case waits:
		return store.Blocked
	case dropped:
		return store.Cancelled
	}
	return ""
}

// wakes are what sleeping processes are to be told.
func (e *entry) wakes() []store.Wake {
	return append(e.b.wakes[:len(e.b.wakes):len(e.b.wakes)], e.g.wakes...)
}

// steps write it all down; what is many is copied at once.
func (e *entry) steps(ctx context.Context) ([]step, error) {
	sql := e.w.s.sql
	r := arrivals{jobs: make([]*arrival, 0, len(e.jobs)), terms: make([][]byte, 0, len(e.jobs))}
	r.due.grow(len(e.jobs)) // where most of them go
	for _, a := range e.jobs {
		terms, err := encodeTerms(a.terms)
		if err != nil {
			return nil, badCall{err}
		}
		r.add(e, a, terms)
	}
	var steps []step
	if len(r.jobs) >= copyFrom {
		if err := r.copy(ctx, e.w, e.b, e.now); err != nil {
			return nil, err
		}
	} else {
		steps = r.jobSteps(sql, e.b, e.now)
	}
	if d := &r.done; len(d.ids) > 0 {
		steps = append(steps, step{sql: sql.putDone, args: []any{d.ids, d.uses, d.runAt, r.keep}})
	}
	if h := &r.held; len(h.gates) > 0 {
		steps = append(steps, step{sql: sql.hold, args: []any{h.gates, h.holders, h.weights}})
	}
	if len(r.expiring) > 0 {
		steps = append(steps, step{sql: sql.expirySet, args: []any{r.expiring, r.expiries}})
	}
	steps = append(steps, stepsOf(e.give.queries(sql))...)
	steps = append(steps, stepsOf(e.left.queries(sql))...)
	if len(e.links.downs) >= copyFrom && !e.b.again {
		if err := e.links.copy(ctx, e.w); err != nil {
			return nil, err
		}
	}
	steps = append(steps, stepsOf(e.links.queries(sql))...)
	return append(steps, e.g.steps(e.g.moved)...), nil
}

// Arrivals are jobs that are stored, as parameters.
type arrivals struct {
	jobs               []*arrival
	terms              [][]byte
	due, blocked, done rowsOf
	keep               []int64
	held               admission
	expiring           [][16]byte
	expiries           []time.Time
}

// rowsOf are rows of one of the thin tables.
type rowsOf struct {
	ids           [][16]byte
	queues, gates []string
	lanes, uses   []int16
	runAt         []time.Time
	dueAt         []*time.Time
}

func (r *rowsOf) grow(n int) {
	r.ids, r.queues, r.gates = make([][16]byte, 0, n), make([]string, 0, n), make([]string, 0, n)
	r.lanes, r.uses, r.runAt, r.dueAt = make([]int16, 0, n), make([]int16, 0, n), make([]time.Time, 0, n), make([]*time.Time, 0, n)
}

func (r *rowsOf) add(a *arrival, at string) {
	r.ids, r.queues, r.gates = append(r.ids, a.id), append(r.queues, a.queue), append(r.gates, at)
	r.lanes, r.uses, r.runAt = append(r.lanes, int16(a.priority)), append(r.uses, a.uses), append(r.runAt, a.order)
	var due *time.Time
	if a.turned {
		due = &a.runAt
	}
	r.dueAt = append(r.dueAt, due)
}

func (r *arrivals) add(e *entry, a *arrival, terms []byte) {
	r.jobs, r.terms = append(r.jobs, a), append(r.terms, terms)
	switch a.fate {
	case waits:
		r.blocked.add(a, a.at)
	case follow:
		r.blocked.add(a, gateAfter)
		return
	case dropped:
		r.done.ids, r.done.uses, r.done.runAt = append(r.done.ids, a.id), append(r.done.uses, a.uses), append(r.done.runAt, a.runAt)
		r.keep = append(r.keep, keepFor(a.n.Retain, store.RetainEnded).Microseconds())
		e.left.end(a.id, a.task, a.terms, false)
		return
	default:
		r.due.add(a, "")
		if a.uses&usesOpen == 0 {
			r.held.hold(&a.candidate)
		}
	}
	if at := expiresAt(a.terms, a.runAt); !at.IsZero() {
		r.expiring, r.expiries = append(r.expiring, a.id), append(r.expiries, at)
	}
}

// jobSteps insert the jobs, by as many statements as their size asks for, and where they lie.
func (r *arrivals) jobSteps(sql *statements, b *batch, now time.Time) (steps []step) {
	for first := 0; first < len(r.jobs); {
		n, size := 0, 0
		var some []store.NewJob
		for first+n < len(r.jobs) && n < maxRows && (n == 0 || size+len(r.jobs[first+n].n.Input) <= maxBytes) {
			size += len(r.jobs[first+n].n.Input)
			some = append(some, r.jobs[first+n].n)
			n++
		}
		c := b.columns(some)
		terms := make([]*string, n)
		for i, text := range r.terms[first : first+n] {
			if text != nil {
				s := string(text)
				terms[i] = &s
			}
		}
		steps = append(steps, step{sql: sql.putJobs, args: []any{
			c[0], now, c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], terms,
		}})
		first += n
	}
	if d := &r.due; len(d.ids) > 0 {
		steps = append(steps, step{sql: sql.putDue, args: []any{d.ids, d.queues, d.lanes, d.uses, d.runAt, d.dueAt}})
	}
	if d := &r.blocked; len(d.ids) > 0 {
		steps = append(steps, step{sql: sql.putBlocked, args: []any{d.ids, d.queues, d.lanes, d.uses, d.runAt, d.dueAt, d.gates}})
	}
	return steps
}

// enterAll is Insert for jobs of which some have terms.
func (s *Store) enterAll(ctx context.Context, conn *pgx.Conn, b *batch) (inserted []store.Inserted, wakes []store.Wake, left *leaving, err error) {
	err = s.transact(ctx, conn, func(w *work) error {
		e, in, steps, err := w.enter(ctx, b)
		if err != nil {
			return err
		}
		inserted, wakes, left = in, e.wakes(), &e.left
		return w.commitAnd(ctx, []step{s.notify(wakes)}, steps...)
	})
	return inserted, wakes, left, err
}
