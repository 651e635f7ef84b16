package sqlite

import (
	"context"
	"database/sql"
	_ "embed"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/prune_due.sql
	pruneDueSQL string
	//go:embed sql/prune_done.sql
	pruneDoneSQL string
	//go:embed sql/prune_gates.sql
	pruneGatesSQL string
)

const (
	pruneStretch   = 20_000 // ended jobs looked at by one statement
	pruneStretches = 20     // at most in one call: the next goes on
	pruneBatch     = 500    // jobs removed by one transaction
)

// Prune is that of store.Duties. It walks through done by id, goes on where the last call
// stopped, and begins anew at the end: an index by time would cost each job more than a walk
// costs now and then.
func (s *Store) Prune(ctx context.Context, most int) (removed int, err error) {
	if err := s.pruneRest(ctx); err != nil {
		return 0, err
	}
	if err := s.foldFigures(ctx); err != nil {
		return 0, err
	}
	if err := s.heal(ctx); err != nil {
		return 0, err
	}
	start, err := s.pruneMark(ctx)
	if err != nil {
		return 0, err
	}
	w := pruneWalk{after: start, until: lastID}
	for i := 0; i < pruneStretches && removed < most; i++ {
		n, err := s.pruneStretch(ctx, &w, most-removed)
		removed += n
		if err != nil {
			return removed, err
		}
		if !w.end {
			continue
		}
		if start.IsZero() || w.until != lastID { // once around
			break
		}
		w = pruneWalk{until: start}
	}
	return removed, s.prunedUntil(ctx, w)
}

var lastID = store.ID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// A pruneWalk is how far a call of Prune has come.
type pruneWalk struct {
	after, until store.ID
	end          bool // there is nothing more before until
}

// pruneStretch removes what has had its time in the next stretch of ids.
func (s *Store) pruneStretch(ctx context.Context, w *pruneWalk, most int) (removed int, err error) {
	var found []pruned
	next := *w
	err = s.ask(ctx, "prune", func(q *snapshots) (err error) {
		found, next, err = q.pruneable(*w, most)
		return err
	})
	if err != nil {
		return 0, err
	}
	for len(found) > 0 {
		some := found[:min(pruneBatch, len(found))]
		found = found[len(some):]
		n := 0
		err := s.write(ctx, "prune", func(t *txn) (err error) {
			n, err = t.prune(some)
			return err
		})
		if err != nil {
			return removed, err
		}
		removed += n
	}
	*w = next
	return removed, nil
}

// pruned is a job to be removed.
type pruned struct {
	id   store.ID
	kept bool // a job, not only the id of a deleted one
	now  int64
}

// pruneable finds what has had its time in the next stretch.
func (q *snapshots) pruneable(w pruneWalk, most int) (found []pruned, next pruneWalk, err error) {
	next = w
	end := w.until
	more, err := one(q, []any{idInto{&end}}, "SELECT id FROM offload_done WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT 1 OFFSET ?3",
		w.after[:], w.until[:], pruneStretch)
	if err != nil {
		return nil, next, err
	}
	limit := min(most, pruneStretch)
	err = each(q, func(rows *sql.Rows) error {
		p := pruned{now: q.now}
		err := rows.Scan(idInto{&p.id}, &p.kept)
		found = append(found, p)
		return err
	}, pruneDueSQL, w.after[:], end[:], q.now, limit,
		store.RetainDone.Microseconds(), store.RetainGaveUp.Microseconds(), store.RetainEnded.Microseconds(), store.Tombstone.Microseconds())
	switch {
	case len(found) == limit && limit > 0:
		next.after = found[limit-1].id
	case more:
		next.after = end
	default:
		next.after, next.end = end, true
	}
	return found, next, err
}

// prune removes jobs with all that is known of them, and returns how many there were.
func (t *txn) prune(jobs []pruned) (removed int, err error) {
	for _, p := range jobs {
		var uses int
		// Who takes the row from done owns the job: it may have been retried since it was found.
		mine, err := one(t, []any{&uses}, pruneDoneSQL, p.id[:], p.now)
		if err != nil {
			return 0, err
		}
		if !mine {
			continue
		}
		if err := t.deleteSides(uses, p.id[:]); err != nil {
			return 0, err
		}
		if _, err := t.exec("DELETE FROM offload_job WHERE id = ?1", p.id[:]); err != nil {
			return 0, err
		}
		if p.kept {
			removed++
		}
	}
	return removed, nil
}

// pruneMark returns where the last call has stopped.
func (s *Store) pruneMark(ctx context.Context) (mark store.ID, err error) {
	err = s.ask(ctx, "prune", func(q *snapshots) error {
		_, err := one(q, []any{idInto{&mark}}, "SELECT value FROM offload_meta WHERE name = 'pruned'")
		return err
	})
	return mark, err
}

// prunedUntil keeps where this call has stopped.
func (s *Store) prunedUntil(ctx context.Context, w pruneWalk) error {
	var mark any
	if !w.end {
		mark = w.after[:]
	}
	return s.write(ctx, "prune", func(t *txn) error {
		_, err := t.exec("INSERT INTO offload_meta (name, value) VALUES ('pruned', ?1) ON CONFLICT DO UPDATE SET value = excluded.value", mark)
		return err
	})
}

// pruneRest removes what else has had its time.
func (s *Store) pruneRest(ctx context.Context) error {
	known := map[store.ID]bool{}
	err := s.write(ctx, "prune", func(t *txn) error {
		for query, before := range map[string]int64{
			"DELETE FROM offload_figure WHERE minute < ?1":                                                                   (t.now - store.RetainFigures.Microseconds()) / minute,
			"DELETE FROM offload_figure_hour WHERE hour < ?1":                                                                (t.now - store.RetainFigures.Microseconds()) / hour,
			"DELETE FROM offload_document WHERE expires_at <= ?1":                                                            t.now,
			"DELETE FROM offload_record WHERE at <= ?1":                                                                      t.now - store.RetainActs.Microseconds(),
			"DELETE FROM offload_crash WHERE last_at < ?1":                                                                   t.forgotten(),
			"UPDATE offload_task SET seen_at = NULL, queue = '', rules = NULL, schema = NULL WHERE paused AND seen_at <= ?1": t.now - store.RetainTasks.Microseconds(),
			"DELETE FROM offload_task WHERE NOT paused AND seen_at <= ?1":                                                    t.now - store.RetainTasks.Microseconds(),
			"DELETE FROM offload_unique WHERE expires_at <= ?1":                                                              t.now,
			"DELETE FROM offload_inbox WHERE error IS NOT NULL AND at <= ?1":                                                 t.now - store.RetainEnded.Microseconds(),
			pruneGatesSQL: t.now,
			// A process that is gone is kept a while, for finishes that come again.
			"DELETE FROM offload_process WHERE gone_at <= ?1 AND NOT EXISTS (SELECT 1 FROM offload_lease WHERE process = number)": t.now - store.Tombstone.Microseconds(),
		} {
			if _, err := t.exec(query, before); err != nil {
				return err
			}
		}
		if err := t.pruneErrors(); err != nil {
			return err
		}
		if _, err := t.exec(healTurnsSQL, t.now-store.TurnBase.Microseconds(), pruneStretch); err != nil {
			return err
		}
		ids, err := t.ids("SELECT id FROM offload_process WHERE gone_at IS NULL")
		for _, id := range ids {
			known[id] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	return explain("prune", sweep(s.path, known))
}
