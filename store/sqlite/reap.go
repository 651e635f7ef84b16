package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"

	"github.com/offloadhq/offload/store"
)

//go:embed sql/reap.sql
var reapSQL string

// Reap is that of store.Member.
func (s *Store) Reap(ctx context.Context, lost []store.Beaten) (reaped store.Reaped, err error) {
	for more := true; more; {
		var some store.Reaped
		err := s.write(ctx, "reap lost processes", func(t *txn) (err error) {
			if some.Processes, err = t.declareLost(lost); err != nil {
				return err
			}
			more, err = t.reap(&some)
			return err
		})
		if err != nil {
			return reaped, err
		}
		reaped.Processes += some.Processes
		reaped.Released += some.Released
		reaped.Suspects += some.Suspects
		reaped.Discarded += some.Discarded
		reaped.Cancelled += some.Cancelled
	}
	for _, b := range lost {
		s.members.forget(s.path, b.ID)
	}
	return reaped, nil
}

// declareLost marks processes whose beat still is the one given, and keeps a document of each.
func (t *txn) declareLost(lost []store.Beaten) (n int, err error) {
	for _, b := range lost {
		marked, err := t.exec("UPDATE offload_process SET gone_at = ?3 WHERE id = ?1 AND gone_at IS NULL AND (?2 = -1 OR beats = ?2)", b.ID[:], b.Count, t.now)
		if err != nil {
			return n, err
		}
		if marked == 0 {
			continue
		}
		n++
		var p store.LostProcess
		if _, err := one(t, []any{&p.Name, &p.Host, &p.PID}, "SELECT name, host, pid FROM offload_process WHERE id = ?1", b.ID[:]); err != nil {
			return n, err
		}
		value, err := json.Marshal(p)
		if err != nil {
			return n, err
		}
		if _, err := t.exec(putDocumentSQL, store.LostKind, b.ID.String(), t.now, t.now, t.now+store.LostKept.Microseconds(), value); err != nil {
			return n, err
		}
	}
	return n, nil
}

// reap moves leases without a live process, and reports whether there may be more.
func (t *txn) reap(reaped *store.Reaped) (more bool, err error) {
	all, err := t.leases(reapSQL, store.MaxReapAtATime)
	if err != nil {
		return false, err
	}
	held := map[int64]int{} // jobs of each process
	for i := range all {
		held[all[i].process.Int64]++
	}
	for i := range all {
		if err := t.take(&all[i]); err != nil {
			return false, err
		}
		if err := t.crash(&all[i], held[all[i].process.Int64] > 1, reaped); err != nil {
			return false, err
		}
	}
	return len(all) == store.MaxReapAtATime, nil
}

// leases reads what a query returns: ids, each with its place.
func (t *txn) leases(query string, args ...any) (all []row, err error) {
	err = each(t, func(rows *sql.Rows) error {
		var r row
		err := rows.Scan(append([]any{idInto{&r.id}}, r.into()...)...)
		all = append(all, r)
		return err
	}, query, args...)
	return all, err
}

// crash puts back the job of a lease that was taken from a lost process, which may have held
// others beside it, and counts the crash.
func (t *txn) crash(r *row, beside bool, reaped *store.Reaped) error {
	before, err := t.countCrash(r)
	if err != nil {
		return err
	}
	limit := store.CrashLimit
	if beside {
		limit = store.CrashLimitMost
	}
	switch {
	case r.uses&usesSignal != 0:
		reaped.Cancelled++
		return t.putBack(r, toDue)
	case before >= store.SuspectAt && before+1 >= limit:
		reaped.Discarded++
		r.begin()
		if err := t.keepFailure(r, store.Problem{Error: "the process was lost while it ran the job", Kind: "crash"}); err != nil {
			return err
		}
		r.failures++
		return t.putDone(r, stateDiscarded)
	case before+1 >= store.SuspectAt:
		reaped.Suspects++
		r.runAt = t.now + store.SuspectDelay.Microseconds()
		return t.putBack(r, toAlone)
	}
	reaped.Released++
	return t.putBack(r, toDue)
}

// countCrash counts a crash, and returns how many there were before.
func (t *txn) countCrash(r *row) (before int, err error) {
	if r.uses&usesCrash != 0 {
		if _, err := one(t, []any{&before}, "SELECT n FROM offload_crash WHERE id = ?1 AND last_at >= ?2", r.id[:], t.forgotten()); err != nil {
			return 0, err
		}
	}
	r.uses |= usesCrash
	_, err = t.exec("REPLACE INTO offload_crash (id, n, last_at) VALUES (?1, ?2, ?3)", r.id[:], before+1, t.now)
	return before, err
}
