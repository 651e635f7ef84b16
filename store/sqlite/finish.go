package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/finish_done.sql
	finishDoneSQL string
	//go:embed sql/finish_lease.sql
	finishLeaseSQL string
	//go:embed sql/finish_held.sql
	finishHeldSQL string
	//go:embed sql/finish_failure.sql
	finishFailureSQL string
)

var insertResults = withRows("INSERT INTO offload_result (id, result) ", 2, " ON CONFLICT DO UPDATE SET result = excluded.result")

// Finish is that of store.Worker.
func (s *Store) Finish(ctx context.Context, process store.ID, ended []store.Ended) (lost []store.Fence, err error) {
	if len(ended) == 0 {
		return nil, nil
	}
	err = s.write(ctx, "finish jobs", func(t *txn) error {
		number, _, err := t.process(process)
		if err != nil {
			return err
		}
		lost, err = t.finish(number, ended)
		return err
	})
	if err != nil {
		return nil, err
	}
	return lost, nil
}

// alike are attempts that completed and can be ended by one statement.
type alike struct {
	attempt int
	retain  int64
	result  bool
	keyed   bool // their jobs have terms
	member  bool // of batches
	ups     bool // that others may wait for
}

// mask are the bits of uses of which an attempt has none that is alike: what lies in other tables
// is looked after for each alone.
func (k *alike) mask() int {
	mask := usesCrash | usesSignal | usesMemo
	if !k.keyed {
		mask |= usesTerms
	}
	if !k.ups {
		mask |= usesUp
	}
	return mask
}

// finish ends attempts of a process and returns those that are not its own any more.
func (t *txn) finish(process int64, ended []store.Ended) (lost []store.Fence, err error) {
	counts := figures{}
	gone := map[store.Fence]bool{}
	plain := map[alike][]store.Ended{}
	for _, e := range ended {
		if e.Outcome == store.OutcomeCompleted && e.Failure == nil {
			k := alike{e.Attempt, micros(e.Retain), e.Result != nil, e.Terms != nil, false, false}
			if e.Terms != nil {
				k.member = !e.Terms.Batch.IsZero()
				k.ups = !k.member && !e.Terms.Flow.IsZero() // of those who are not, few have others after them
			}
			plain[k] = append(plain[k], e)
			continue
		}
		if err := t.finishOne(process, e, counts, gone); err != nil {
			return nil, err
		}
	}
	for k, some := range plain {
		if err := t.finishAlike(process, k, some, counts, gone); err != nil {
			return nil, err
		}
	}
	for _, e := range ended {
		if gone[e.Fence] {
			lost = append(lost, e.Fence)
		}
	}
	return lost, t.addFigures(counts)
}

// finishAlike ends attempts that completed, by one statement for all.
func (t *txn) finishAlike(process int64, k alike, ended []store.Ended, counts figures, gone map[store.Fence]bool) error {
	ids := make([]store.ID, len(ended))
	for i := range ended {
		ids[i] = ended[i].ID
	}
	all, uses, retain := joined(ids), 0, any(nil)
	if k.result {
		uses = usesResult
	}
	if k.retain > 0 {
		retain = k.retain
	}
	if k.keyed {
		uses |= usesBegun
	}
	n, err := t.exec(finishDoneSQL, all, process, k.attempt, t.now, uses, retain, k.mask())
	if err != nil {
		return err
	}
	rest := []store.Ended(nil)
	if n < int64(len(ended)) {
		if ended, rest, err = t.held(all, process, k, ended); err != nil {
			return err
		}
	}
	if _, err := t.exec(finishLeaseSQL, all, process, k.attempt, k.mask()); err != nil {
		return err
	}
	for i := range ended {
		counts.count(t.now, &ended[i], store.OutcomeCompleted)
	}
	if k.result {
		if err := t.keepResults(ended); err != nil {
			return err
		}
	}
	if k.keyed {
		if err := t.endAlike(ended); err != nil {
			return err
		}
	}
	if k.member {
		if err := t.endMembers(ended); err != nil {
			return err
		}
	}
	if k.ups {
		if err := t.endUpstreams(ended); err != nil {
			return err
		}
	}
	if k.member && !k.ups && len(rest) > 0 {
		k.ups = true
		return t.finishAlike(process, k, rest, counts, gone)
	}
	for _, e := range rest { // lost, finished already, or with something on the side
		if err := t.finishOne(process, e, counts, gone); err != nil {
			return err
		}
	}
	return nil
}

// endAlike takes back all that jobs have of their limits and keys, since they ended.
func (t *txn) endAlike(ended []store.Ended) error {
	var left, keys pairs
	for i := range ended {
		e := &ended[i]
		for _, u := range e.Terms.Limits {
			left.add(gate.IDOf(u), e.ID)
		}
		if key, u := uniqueOf(e.Task, e.Terms); u != nil {
			keys.add(key, e.ID)
		}
	}
	if err := t.leaveGates(left); err != nil {
		return err
	}
	return t.freeKeys(keys)
}

// held parts attempts into those whose leases are still there, and the others.
func (t *txn) held(ids []byte, process int64, k alike, ended []store.Ended) (held, others []store.Ended, err error) {
	there := map[store.ID]bool{}
	err = each(t, func(rows *sql.Rows) error {
		var id store.ID
		err := rows.Scan(idInto{&id})
		there[id] = true
		return err
	}, finishHeldSQL, ids, process, k.attempt, k.mask())
	for _, e := range ended {
		if there[e.ID] {
			held = append(held, e)
			delete(there, e.ID) // the same attempt twice in one call is finished once
		} else {
			others = append(others, e)
		}
	}
	return held, others, err
}

func (t *txn) keepResults(ended []store.Ended) error {
	for len(ended) > 0 {
		n := min(len(ended), insertRows)
		args := make([]any, 0, 2*n)
		for i := range ended[:n] {
			args = append(args, ended[i].ID[:], ended[i].Result)
		}
		if _, err := t.exec(insertResults[n], args...); err != nil {
			return err
		}
		ended = ended[n:]
	}
	return nil
}

// finishOne ends an attempt of any outcome.
func (t *txn) finishOne(process int64, e store.Ended, counts figures, gone map[store.Fence]bool) error {
	r, held, err := t.takeLease(process, e.Fence)
	if err != nil {
		return err
	}
	if !held {
		finished, err := t.finishedBefore(process, e.Fence)
		if !finished {
			gone[e.Fence] = true
		}
		return err
	}
	r.begin()
	outcome := e.Outcome
	signalled, err := t.obeySignal(&r)
	if err != nil {
		return err
	}
	if signalled && outcome != store.OutcomeCompleted {
		outcome = store.OutcomeCancelled
	}
	if e.Failure != nil {
		if err := t.keepFailure(&r, *e.Failure); err != nil {
			return err
		}
	}
	counts.count(t.now, &e, outcome)
	r.closer, r.closed = r.process, sql.NullInt64{Int64: int64(r.attempt), Valid: true}
	return t.end(&r, &e, outcome)
}

// end puts the job of a finished attempt where it belongs now.
func (t *txn) end(r *row, e *store.Ended, outcome store.Outcome) error {
	switch outcome {
	case store.OutcomeRetry, store.OutcomeSnooze:
		if outcome == store.OutcomeRetry {
			r.failures++
		}
		r.runAt = t.now + micros(e.RunIn)
		return t.again(r, e, outcome)
	case store.OutcomeCompleted:
		return t.complete(r, e)
	case store.OutcomeDiscarded:
		r.failures++
		return t.putDone(r, stateDiscarded)
	case store.OutcomeCancelled:
		return t.putDone(r, stateCancelled)
	case store.OutcomeExpired:
		return t.putDone(r, stateExpired)
	}
	return fmt.Errorf("finish job %s: outcome %q is none", r.id, outcome)
}

// again makes a job due that waits for another attempt. It leaves its limits, but for those
// that are kept, and is decided anew when its time has come.
func (t *txn) again(r *row, e *store.Ended, outcome store.Outcome) error {
	if r.uses&usesTerms == 0 {
		return t.putDue(r)
	}
	a, err := t.askedOf(r)
	if err != nil {
		return err
	}
	if outcome == store.OutcomeSnooze && e.Pause != "" {
		if err := t.pause(a.limits(), e.Pause, r.runAt); err != nil {
			return err
		}
	}
	if limits := a.limits(); len(limits) > 0 {
		if err := t.leaveLimits(r.id, limits, true); err != nil {
			return err
		}
	}
	if a.terms.Gated() {
		r.uses |= usesUndecided
	}
	return t.putDue(r)
}

func (t *txn) complete(r *row, e *store.Ended) error {
	if r.uses&usesCrash != 0 { // it has shown that it is no suspect
		r.uses &^= usesCrash
		if _, err := t.exec("DELETE FROM offload_crash WHERE id = ?1", r.id[:]); err != nil {
			return err
		}
	}
	if r.uses&usesMemo != 0 { // there is no next attempt
		r.uses &^= usesMemo
		if _, err := t.exec(sides[usesMemo], r.id[:]); err != nil {
			return err
		}
	}
	if e.Result != nil {
		r.uses |= usesResult
		if err := t.keepResults([]store.Ended{*e}); err != nil {
			return err
		}
	}
	return t.putDone(r, stateCompleted)
}

// finishedBefore reports whether the process has finished the attempt already: by a call
// whose answer was lost, or in a transaction of its own.
func (t *txn) finishedBefore(process int64, f store.Fence) (bool, error) {
	r, err := t.find(f.ID)
	return process != 0 && r.closer.Int64 == process && r.closed.Int64 == int64(f.Attempt), err
}

// keepFailure keeps what went wrong in the attempt whose lease was taken.
func (t *txn) keepFailure(r *row, p store.Problem) error {
	var by store.Process
	if _, err := one(t, []any{&by.Name, &by.Host, &by.PID}, "SELECT name, host, pid FROM offload_process WHERE number = ?1", r.process); err != nil {
		return err
	}
	r.uses |= usesFailure
	_, err := t.exec(finishFailureSQL, r.id[:], r.attempt,
		store.CleanText(p.Error, store.MaxErrorText), store.CleanText(p.Kind, store.MaxErrorText), store.CleanText(p.Stack, store.MaxErrorStack),
		by.String(), r.started, t.now)
	return err
}
