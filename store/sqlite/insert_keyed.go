package sqlite

import (
	"fmt"

	"github.com/offloadhq/offload/store"
)

var (
	insertKeyedJobs = withRows(keyedJobSQL, 12, " ON CONFLICT DO NOTHING")
	insertTurns     = withRows("INSERT INTO offload_due (queue, priority, run_at, id, uses, due_at) ", 6, "")
	insertBlocked   = withRows("INSERT INTO offload_blocked (queue, waits, task, priority, run_at, id, attempt, failures, uses, gate, due_at) ", 11, "")
)

const keyedJobSQL = "INSERT INTO offload_job (id, task, queue, priority, created_at, max_attempts, timeout, give_up_after, retain, tags, input, terms) "

// An intake stores new jobs of which some have terms.
type intake struct {
	t        *txn
	jobs     []store.NewJob
	inserted []store.Inserted
	pending  []int // jobs that are stored with the next few

	// Rows of those that are stored, to be written.
	uniques, expiries, holds, dues, turns, blocked, lines []any

	wiring    wiring
	terms     *store.Terms // of the last job, and as they are kept
	termsText any
}

// insertKeyed stores jobs of which some have terms. What their unique keys make of them is
// decided before the first is stored; their limits and turns one after the other.
func (t *txn) insertKeyed(jobs []store.NewJob, inserted []store.Inserted) error {
	verdicts, err := t.judge(jobs)
	if err != nil {
		return err
	}
	in := intake{t: t, jobs: jobs, inserted: inserted}
	in.wiring.in = &in
	if err := in.wiring.prepare(verdicts); err != nil {
		return err
	}
	for i := range jobs {
		taken := false
		if verdicts != nil {
			if taken, err = in.obey(i, verdicts[i]); err != nil {
				return err
			}
		}
		if !taken {
			in.pending = append(in.pending, i)
		}
		if len(in.pending) == insertRows {
			if err := in.store(); err != nil {
				return err
			}
		}
	}
	if err := in.store(); err != nil {
		return err
	}
	if len(t.opened) == 0 && len(t.marked) == 0 {
		return nil
	}
	if err := t.settle(); err != nil {
		return err
	}
	return in.restate()
}

// obey does what a unique key says of a job, and reports whether that is all that becomes of it.
func (in *intake) obey(i int, v verdict) (bool, error) {
	if v.old.IsZero() {
		return false, nil
	}
	if v.replaced {
		if err := in.store(); err != nil { // the old one may be among these
			return false, err
		}
		r, err := in.t.find(v.old)
		if err != nil || !r.fresh() {
			return false, err
		}
		if err := in.t.replace(&r, &in.jobs[i]); err != nil {
			return false, err
		}
	}
	in.inserted[i] = store.Inserted{ID: v.old, Existing: true, Replaced: v.replaced}
	in.wiring.keptOut(&in.jobs[i], v.old)
	return true, nil
}

// store stores the pending jobs.
func (in *intake) store() error {
	if len(in.pending) > 0 {
		if err := in.storeJobs(); err != nil {
			return err
		}
	}
	stored := in.pending
	in.pending = in.pending[:0]
	return in.wiring.wire(stored)
}

// storeJobs stores the pending jobs in their places. Those that were there are pending no more.
func (in *intake) storeJobs() error {
	args := make([]any, 0, len(in.pending)*12)
	for _, i := range in.pending {
		n := &in.jobs[i]
		var err error
		if args, err = in.t.jobArgs(args, n); err != nil {
			return err
		}
		if n.Terms != in.terms || in.termsText == nil { // those of a flow are mostly one value
			if in.termsText, err = termsOf(n.Terms); err != nil {
				return fmt.Errorf("terms of job %s: %w", n.ID, err)
			}
			in.terms = n.Terms
		}
		args = append(args, in.termsText)
	}
	stored, err := in.t.exec(insertKeyedJobs[len(in.pending)], args...)
	if err != nil {
		return err
	}
	if stored < int64(len(in.pending)) {
		if err := in.passOver(); err != nil {
			return err
		}
	}
	if err := in.look(); err != nil {
		return err
	}
	for _, i := range in.pending {
		if err := in.place(i); err != nil {
			return err
		}
	}
	return in.write()
}

// passOver takes those out that were there already.
func (in *intake) passOver() error {
	jobs := make([]store.NewJob, len(in.pending))
	there := make([]store.Inserted, len(in.pending))
	for k, i := range in.pending {
		jobs[k] = in.jobs[i]
	}
	if _, err := in.t.fresh(jobs, there); err != nil {
		return err
	}
	fresh := in.pending[:0]
	for k, i := range in.pending {
		if in.inserted[i].Existing = there[k].Existing; !there[k].Existing {
			fresh = append(fresh, i)
		}
	}
	in.pending = fresh
	return nil
}

// look reads the gates and turns that are about to be asked for, all at once.
func (in *intake) look() error {
	var gates []string
	keys := map[lane][]string{}
	for _, i := range in.pending {
		n := &in.jobs[i]
		if !n.Terms.Gated() || in.t.firstRun(n) > in.t.now || len(n.After) > 0 {
			continue
		}
		gates = append(gates, gatesOf(n.Terms.Limits)...)
		if n.Terms.Turn != nil {
			l := lane{n.Queue, n.Terms.Lane(n.Priority)}
			keys[l] = append(keys[l], n.Terms.Turn.Key)
		}
	}
	for l, keys := range keys {
		if _, err := in.t.lookAtTurns(l, keys); err != nil {
			return err
		}
	}
	return in.t.lookAtGates(gates)
}

// place puts a job that is stored where it may be claimed, now or later, or where it waits.
func (in *intake) place(i int) error {
	t, n := in.t, &in.jobs[i]
	r := row{id: n.ID, uses: usesOf(n.Terms) | systemBit(n.Queue) | in.wiring.uses(n), runAt: t.firstRun(n)}
	a := &asked{n.Task, n.Queue, n.Priority, t.now, n.Terms}
	at := ""
	waits := r.uses&(usesAfter|usesBatch) != 0
	switch {
	case waits:
	case n.Terms.Gated() && r.runAt > t.now:
		r.uses |= usesUndecided | usesFresh
	case n.Terms.Gated():
		if err := t.giveTurn(&r, a); err != nil {
			return err
		}
		e := r.entrant(a)
		to, dropped, err := t.route(e, true, in.write)
		if err != nil {
			return err
		}
		if dropped {
			return in.drop(i, &r)
		}
		if at = to; at == "" {
			in.holds = t.hold(e, in.holds)
		}
	}
	if key, u := uniqueOf(n.Task, n.Terms); u != nil {
		in.uniques = uniqueArgs(in.uniques, key, u, n.ID[:], t.now)
	}
	if waits { // and can't expire before
		in.wiring.waits(n, &r)
		return nil
	}
	if r.uses&usesExpires != 0 {
		in.expiries = append(in.expiries, expiryAt(r.runAt, n.Terms.Expire), n.ID[:])
	}
	var dueAt any
	lane, order := n.Priority, r.runAt
	if r.turn.Valid {
		lane, order, dueAt = n.Priority+store.FairLane, r.turn.Int64, r.runAt
	}
	if at != "" {
		in.inserted[i].State = store.Blocked
		in.blocked = append(in.blocked, n.Queue, waitsLimit, "", lane, order, n.ID[:], 0, 0, r.uses, at, dueAt)
		lines, err := t.joinLine(at, r.entrant(a), in.lines)
		in.lines = lines
		return err
	}
	if r.turn.Valid {
		in.turns = append(in.turns, n.Queue, lane, order, n.ID[:], r.uses, dueAt)
	} else {
		in.dues = append(in.dues, n.Queue, lane, order, n.ID[:], r.uses)
	}
	if r.runAt > t.now {
		t.wakeToLook() // a claim may not find it yet
	} else {
		t.wake(n.Queue, lane)
	}
	return nil
}

// drop ends a job whose limit is full. A key that it would hold for a time it holds.
func (in *intake) drop(i int, r *row) error {
	n := &in.jobs[i]
	if key, u := uniqueOf(n.Task, n.Terms); u != nil && (u.For > 0 || u.Until == store.Never) {
		in.uniques = uniqueArgs(in.uniques, key, u, n.ID[:], in.t.now)
	}
	in.inserted[i].State = store.Cancelled
	r.uses &^= usesKeyed
	if r.uses&usesUp != 0 {
		in.t.mark(r.id)
	}
	return in.t.put(r, putDoneSQL, stateCancelled, in.t.now)
}

// write writes down where the jobs are that were placed.
func (in *intake) write() error {
	for _, rows := range []struct {
		stmts  *[insertRows + 1]string
		params int
		args   *[]any
	}{
		{&insertUniques, 4, &in.uniques},
		{&keepExpiries, 2, &in.expiries},
		{&insertHolds, 3, &in.holds},
		{&insertDues, 5, &in.dues},
		{&insertTurns, 6, &in.turns},
		{&insertBlocked, 11, &in.blocked},
		{&insertLines, 2, &in.lines},
	} {
		if err := in.t.execRows(rows.stmts, rows.params, *rows.args); err != nil {
			return err
		}
		*rows.args = (*rows.args)[:0]
	}
	return nil
}

// restate says anew what limits have made of jobs, since others of the call have changed that.
func (in *intake) restate() error {
	for i := range in.inserted {
		n := &in.jobs[i]
		if in.inserted[i].Existing || !n.Terms.Gated() {
			continue
		}
		r, err := in.t.find(n.ID)
		if err != nil {
			return err
		}
		in.inserted[i].State = ""
		if r.at == inBlocked && r.waits == waitsLimit || r.at == inDone {
			in.inserted[i].State = r.stateAt(in.t.now)
		}
	}
	return nil
}
