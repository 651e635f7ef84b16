package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Finish is that of store.Worker.
//
// The usual batch is one round trip that takes for granted that every lease is still there and
// none was cancelled; its statements fail if that is not so. Only then the leases are locked and
// looked at, and what they allow is written. So figures count exactly what was accepted.
//
// Attempts of jobs under limits are a batch of their own, of two round trips: see finishLimited.
func (s *Store) Finish(ctx context.Context, process store.ID, ended []store.Ended) (lost []store.Fence, err error) {
	if len(ended) == 0 {
		return nil, nil
	}
	patient, err := checkEnded(ended)
	if err != nil {
		return nil, err
	}
	plain, limited := ended, []store.Ended(nil)
	if i := slices.IndexFunc(ended, isLimited); i >= 0 && !patient {
		plain = slices.Clone(ended[:i])
		for _, e := range ended[i:] {
			if isLimited(e) {
				limited = append(limited, e)
			} else {
				plain = append(plain, e)
			}
		}
	}
	if len(plain) > 0 {
		if lost, err = s.finishPlain(ctx, process, plain, patient); err != nil {
			return nil, err
		}
	}
	if len(limited) > 0 {
		more, err := s.finishLimited(ctx, process, limited)
		if err != nil {
			return nil, err
		}
		lost = append(lost, more...)
	}
	return lost, nil
}

// isLimited reports whether an attempt is of a job under limits.
func isLimited(e store.Ended) bool { return e.Terms != nil && len(e.Terms.Limits) > 0 }

// finishPlain is Finish for attempts that hold no limits, or whose gates must not be locked, since
// a transaction of the handler's may hold the lease: Admit looks at these.
func (s *Store) finishPlain(ctx context.Context, process store.ID, ended []store.Ended, patient bool) (lost []store.Fence, err error) {
	var marked bool
	err = s.onEngine(ctx, "finish attempts", func(ctx context.Context, conn *pgx.Conn) error {
		lost, marked = nil, false
		if !patient {
			err := s.engineTrip(ctx, conn, s.finishing(process, ended, false, &marked)...)
			if codeOf(err) != codeDivision {
				return err
			}
		}
		lost, err = s.finishExactly(ctx, conn, process, ended, &marked)
		return err
	})
	if err == nil {
		s.admitSoon(ctx, patient && slices.ContainsFunc(ended, isLimited))
		s.settleSoon(ctx, marked)
	}
	return lost, err
}

// checkEnded refuses what no store can write, before anything is written. It reports whether
// the handler's own transaction may still hold the lease.
func checkEnded(ended []store.Ended) (inTx bool, err error) {
	seen := make(map[store.ID]bool, len(ended))
	for i := range ended {
		e := &ended[i]
		switch e.Outcome {
		case store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeSnooze, store.OutcomeDiscarded, store.OutcomeCancelled,
			store.OutcomeExpired:
		default:
			return false, fmt.Errorf("finish job %s: outcome %q is none", e.ID, e.Outcome)
		}
		inTx = inTx || e.InTx || seen[e.ID] // twice the same is for the exact way
		seen[e.ID] = true
	}
	return inTx, nil
}

// finishExactly locks the leases first, and returns the attempts whose lease is gone.
func (s *Store) finishExactly(ctx context.Context, conn *pgx.Conn, process store.ID, ended []store.Ended, marked *bool) (lost []store.Fence, err error) {
	for range tries {
		err = s.transactEngine(ctx, conn, func(w *work) error {
			var gone []store.Fence
			ours, gone, err := w.lockLeases(ctx, process, ended)
			if err != nil {
				return err
			}
			lost = nil
			return w.commit(ctx, append(s.finishing(process, ours, false, marked), s.finished(gone, ours, &lost)...)...)
		})
		if codeOf(err) != codeDivision { // a cancel that came between the look and the end
			return lost, err
		}
	}
	return nil, err
}

// A held is a lease as it was when it was locked.
type held struct {
	process   store.ID
	attempt   int
	cancelled bool
	live      bool // its process was not declared lost
}

// lockLeases locks leases, after other steps, and returns the attempts that the process still
// holds, as they may end, and the others.
func (w *work) lockLeases(ctx context.Context, process store.ID, ended []store.Ended, before ...step) (ours []store.Ended, gone []store.Fence, err error) {
	ids := make([]store.ID, len(ended))
	for i := range ended {
		ids[i] = ended[i].ID
	}
	leases := map[store.ID]held{}
	err = w.send(ctx, append(before, step{sql: w.s.sql.lock, args: []any{idsOf(ids)}, rows: func(rows pgx.Rows) error {
		for rows.Next() {
			var id, holder [16]byte
			var h held
			if err := rows.Scan(&id, &holder, &h.attempt, &h.cancelled, &h.live); err != nil {
				return err
			}
			h.process = holder
			leases[id] = h
		}
		return rows.Err()
	}})...)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range ended {
		h, there := leases[e.ID]
		if !there || !h.live || h.process != process || h.attempt != e.Attempt {
			gone = append(gone, e.Fence)
			continue
		}
		delete(leases, e.ID) // the same attempt again in this call is gone
		if h.cancelled && e.Outcome != store.OutcomeCompleted {
			e.Outcome = store.OutcomeCancelled
		}
		ours = append(ours, e)
	}
	return ours, gone, nil
}

// finished asks which of the attempts without lease their process has finished: in a call
// whose answer was lost, or in a transaction of its own. The others are lost.
func (s *Store) finished(gone []store.Fence, now []store.Ended, lost *[]store.Fence) []step {
	if len(gone) == 0 {
		return nil
	}
	ids, attempts := fenceArgs(gone)
	return []step{{sql: s.sql.finished, args: []any{ids, attempts}, rows: func(rows pgx.Rows) error {
		before := map[store.Fence]bool{}
		for _, e := range now {
			before[e.Fence] = true
		}
		for rows.Next() {
			var id [16]byte
			var attempt int
			if err := rows.Scan(&id, &attempt); err != nil {
				return err
			}
			before[store.Fence{ID: id, Attempt: attempt}] = true
		}
		*lost = slices.DeleteFunc(slices.Clone(gone), func(f store.Fence) bool { return before[f] })
		if len(*lost) == 0 {
			*lost = nil
		}
		return rows.Err()
	}}}
}

// fenceArgs are fences as two arrays.
func fenceArgs(fences []store.Fence) (ids [][16]byte, attempts []int32) {
	ids, attempts = make([][16]byte, len(fences)), make([]int32, len(fences))
	for i, f := range fences {
		ids[i], attempts[i] = f.ID, int32(f.Attempt)
	}
	return ids, attempts
}

// finishing are the statements that move attempts to where they ended, with all that is kept
// of them, and give back what they hold, of gates that are locked or not. They fail with a division
// by zero unless every lease is the process's, and none was cancelled of those that end otherwise. marked
// says whether others wait for one of the jobs.
func (s *Store) finishing(process store.ID, ended []store.Ended, locked bool, marked *bool) []step {
	told := eachRow(func(scan func(...any) error) error {
		var one int
		var some bool
		err := scan(&one, &some)
		*marked = *marked || some
		return err
	})
	var steps []step
	plain, others, results := sortEnded(ended)
	for _, k := range plain.order {
		ids := plain.ids[k]
		steps = append(steps, step{sql: s.sql.finishCompleted, args: []any{
			ids, [16]byte(process), k.attempt, k.keep.Microseconds(), k.uses, len(ids),
		}, rows: told})
	}
	if len(others) > 0 {
		st := s.finishOthers(process, others)
		st.rows = told
		steps = append(steps, st)
	}
	if len(results.ids) > 0 {
		steps = append(steps, step{sql: s.sql.result, args: []any{results.ids, results.bytes}})
	}
	left, loose := leaving{locked: locked}, leaving{} // gates with a period are not locked
	for i := range ended {
		if e := &ended[i]; e.Terms != nil {
			left.finish(e, s.atOnce)
			loose.finish(e, s.rated)
			left.freeEnded(e)
		}
	}
	steps = append(append(steps, stepsOf(left.queries(s.sql))...), stepsOf(loose.queries(s.sql))...)
	return append(steps, s.count(process, ended)...)
}

// rated reports whether a limit is known to have a period: what runs holds nothing of it.
func (s *Store) rated(u store.Use) bool {
	rated, known := s.rates.Load(u.Limit)
	return known && rated.(bool)
}

// atOnce is the opposite of rated.
func (s *Store) atOnce(u store.Use) bool { return !s.rated(u) }

// A plainKind is what completed attempts have in common that one statement moves. Almost all
// attempts are first ones, so that the fence is one number instead of a second array.
type plainKind struct {
	attempt int
	keep    time.Duration
	uses    int16
}

type plainEnds struct {
	order []plainKind
	ids   map[plainKind][][16]byte
}

type resultsOf struct {
	ids   [][16]byte
	bytes [][]byte
}

// sortEnded parts attempts that completed without more from the others.
func sortEnded(ended []store.Ended) (plain plainEnds, others []store.Ended, results resultsOf) {
	plain.ids = map[plainKind][][16]byte{}
	for i := range ended {
		e := &ended[i]
		var uses int16
		if e.Outcome == store.OutcomeCompleted && e.Result != nil {
			uses = usesResult
			results.ids, results.bytes = append(results.ids, e.ID), append(results.bytes, e.Result)
		}
		if e.Outcome != store.OutcomeCompleted || e.Failure != nil {
			others = append(others, *e)
			continue
		}
		k := plainKind{e.Attempt, keepFor(e.Retain, store.RetainDone), uses}
		if plain.ids[k] == nil {
			plain.order = append(plain.order, k)
		}
		plain.ids[k] = append(plain.ids[k], e.ID)
	}
	return plain, others, results
}

// keepFor is how long an ended job is kept.
func keepFor(retain, otherwise time.Duration) time.Duration {
	if retain <= 0 {
		retain = otherwise
	}
	return max(retain, store.Tombstone)
}

// Outcomes as the statements know them; those below again are kept in done.
const (
	codeCompleted = 0
	codeDiscarded = 1
	codeCancelled = 2
	codeExpired   = 3
	codeDeleted   = 9
	codeSnooze    = 10
	codeRetry     = 11
)

// endOf returns an outcome's code, and how long such jobs are kept.
func endOf(o store.Outcome) (code int16, keep time.Duration) {
	switch o {
	case store.OutcomeRetry:
		return codeRetry, 0
	case store.OutcomeSnooze:
		return codeSnooze, 0
	case store.OutcomeDiscarded:
		return codeDiscarded, store.RetainGaveUp
	case store.OutcomeCancelled:
		return codeCancelled, store.RetainEnded
	case store.OutcomeExpired:
		return codeExpired, store.RetainEnded
	}
	return codeCompleted, store.RetainDone
}

// finishOthers is the statement for attempts that did not just complete.
func (s *Store) finishOthers(process store.ID, ended []store.Ended) step {
	n := len(ended)
	var (
		ids                 = make([][16]byte, n)
		attempts            = make([]int32, n)
		outcomes            = make([]int16, n)
		uses                = make([]int16, n)
		waits               = make([]int64, n) // until it runs again, or is removed
		errs, kinds, stacks = make([]*string, n), make([]*string, n), make([]*string, n)
	)
	for i := range ended {
		e := &ended[i]
		code, keep := endOf(e.Outcome)
		wait := keepFor(e.Retain, keep)
		if code >= codeSnooze {
			wait = max(e.RunIn, 0)
			if e.Terms.Gated() {
				uses[i] |= usesOpen
			}
		}
		uses[i] |= usesBegun
		if code == codeCompleted && e.Result != nil {
			uses[i] |= usesResult
		}
		ids[i], attempts[i], outcomes[i], waits[i] = e.ID, int32(e.Attempt), code, wait.Microseconds()
		if p := e.Failure; p != nil {
			uses[i] |= usesFailure
			errs[i] = text(p.Error, store.MaxErrorText)
			kinds[i] = text(p.Kind, store.MaxErrorText)
			stacks[i] = text(p.Stack, store.MaxErrorStack)
		}
	}
	return step{sql: s.sql.finishOthers, args: []any{
		[16]byte(process), ids, attempts, outcomes, waits, uses, errs, kinds, stacks, n,
	}}
}

// text is a text that PostgreSQL keeps.
func text(s string, most int) *string {
	s = store.CleanText(s, most)
	return &s
}
