package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// SetMove is that of store.Copies.
func (s *Store) SetMove(ctx context.Context, m store.Move) error {
	return s.write(ctx, "keep that the database is moved", func(t *txn) error {
		made, known, err := t.origin()
		if err != nil {
			return err
		}
		if !known {
			made = s.here
		}
		made.Move = &m
		t.wakeToLook()
		_, err = t.exec(adoptSQL, made.json())
		return err
	})
}

const (
	exportJobsSQL = `SELECT id, task, queue, priority, created_at, max_attempts, timeout, give_up_after, retain, tags, input, terms
FROM offload_job WHERE id > ?1 ORDER BY id LIMIT ?2`
	exportDueSQL = `SELECT id, attempt, failures, uses, coalesce(due_at, run_at), started_at, 0 FROM offload_due WHERE id > ?1 AND id <= ?2
UNION ALL SELECT id, attempt, failures, uses, coalesce(due_at, run_at), started_at, waits FROM offload_blocked WHERE id > ?1 AND id <= ?2`
	exportLeasesSQL = `SELECT id, attempt, failures, uses, run_at, started_at FROM offload_lease WHERE id > ?1 AND id <= ?2`
	exportDoneSQL   = `SELECT id, attempt, failures, uses, run_at, started_at, state, finished_at, retain FROM offload_done WHERE id > ?1 AND id <= ?2`
)

// Export is that of store.Copies: a stretch of ids of each table.
func (s *Store) Export(ctx context.Context, after store.ID, most int) (jobs []store.Copied, err error) {
	err = s.ask(ctx, "export jobs", func(q *snapshots) error {
		e := exporter{txn: q.txn, jobs: make([]store.Copied, 0, most), at: make(map[store.ID]int, most)}
		if err := e.read(after, most); err != nil {
			return err
		}
		jobs = e.jobs
		return nil
	})
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// An exporter reads a page of jobs.
type exporter struct {
	*txn
	jobs []store.Copied
	at   map[store.ID]int // in jobs
	uses []int
	all  int // uses of any
}

func (e *exporter) read(after store.ID, most int) error {
	err := each(e, func(rows *sql.Rows) error {
		var c store.Copied
		var input sql.RawBytes
		err := rows.Scan(idInto{&c.ID}, &c.Task, &c.Queue, &c.Priority, timeInto{&c.CreatedAt}, &c.MaxAttempts,
			spanInto{&c.Timeout}, spanInto{&c.GiveUpAfter}, spanInto{&c.Retain}, tagsInto{&c.Tags}, &input, termsInto{&c.Terms})
		if input != nil {
			c.Input = append([]byte{}, input...)
		}
		ofTask(c.Terms, c.Task)
		e.at[c.ID] = len(e.jobs)
		e.jobs = append(e.jobs, c)
		return err
	}, exportJobsSQL, after[:], most)
	if err != nil || len(e.jobs) == 0 {
		return err
	}
	last := e.jobs[len(e.jobs)-1].ID
	e.uses = make([]int, len(e.jobs))
	for _, read := range []func(from, to []byte) error{e.due, e.leases, e.done, e.sides, e.flows} {
		if err := read(after[:], last[:]); err != nil {
			return err
		}
	}
	for i := range e.jobs {
		if e.jobs[i].State == "" {
			return fmt.Errorf("job %s has a row in offload_job and no place: run `offload doctor`", e.jobs[i].ID)
		}
	}
	return nil
}

// A placed is what all places of a job say.
type placed struct {
	id               store.ID
	attempt, failed  int
	uses             int
	runAt, startedAt time.Time
}

func (p *placed) into(more ...any) []any {
	return append([]any{idInto{&p.id}, &p.attempt, &p.failed, &p.uses, timeInto{&p.runAt}, timeInto{&p.startedAt}}, more...)
}

// put says where a job is, and returns it.
func (e *exporter) put(p *placed, state store.State) (*store.Copied, error) {
	i, known := e.at[p.id]
	if !known {
		return nil, fmt.Errorf("job %s has a place and no row in offload_job: run `offload doctor`", p.id)
	}
	c := &e.jobs[i]
	c.State, c.Attempt, c.Failed, c.RunAt, c.StartedAt = state, p.attempt, p.failed, p.runAt, p.startedAt
	c.Begun = p.uses&usesBegun != 0
	if p.uses&usesTerms == 0 {
		c.Terms = nil
	}
	e.uses[i], e.all = p.uses, e.all|p.uses
	return c, nil
}

func (e *exporter) due(from, to []byte) error {
	return each(e, func(rows *sql.Rows) error {
		var p placed
		var waits int
		if err := rows.Scan(p.into(&waits)...); err != nil {
			return err
		}
		c, err := e.put(&p, store.Available)
		switch {
		case err != nil:
		case waits == waitsAfter:
			c.Waits = store.WaitsAfter
		case waits == waitsHeld:
			c.Waits = store.WaitsHeld
		}
		return err
	}, exportDueSQL, from, to)
}

// leases are due again, but for those that were to be cancelled.
func (e *exporter) leases(from, to []byte) error {
	return each(e, func(rows *sql.Rows) error {
		var p placed
		if err := rows.Scan(p.into()...); err != nil {
			return err
		}
		c, err := e.put(&p, store.Available)
		if err != nil {
			return err
		}
		c.Begun = c.Terms != nil
		if p.uses&usesSignal != 0 {
			c.State, c.FinishedAt, c.Keep = store.Cancelled, p.startedAt, keep(stateCancelled, c.Retain)
		}
		return nil
	}, exportLeasesSQL, from, to)
}

func (e *exporter) done(from, to []byte) error {
	return each(e, func(rows *sql.Rows) error {
		var p placed
		var state int
		var finished time.Time
		var retain sql.NullInt64
		if err := rows.Scan(p.into(&state, timeInto{&finished}, &retain)...); err != nil {
			return err
		}
		if state == stateDeleted {
			c, err := e.put(&p, store.Deleted)
			if err == nil {
				*c = store.Copied{NewJob: store.NewJob{ID: c.ID}, State: store.Deleted, FinishedAt: finished, Keep: store.Tombstone}
			}
			return err
		}
		c, err := e.put(&p, endedStates[state])
		if err != nil {
			return err
		}
		c.FinishedAt, c.Keep = finished, keep(state, time.Duration(retain.Int64)*time.Microsecond)
		c.Cut = state == stateCancelled && p.uses&usesCut != 0
		return nil
	}, exportDoneSQL, from, to)
}

// keep is how long a job that has ended is kept.
func keep(state int, own time.Duration) time.Duration {
	switch {
	case own > 0:
	case state == stateCompleted:
		own = store.RetainDone
	case state == stateDiscarded:
		own = store.RetainGaveUp
	default:
		own = store.RetainEnded
	}
	return max(own, store.Tombstone)
}

// sides reads what lies beside jobs.
func (e *exporter) sides(from, to []byte) error {
	for _, side := range []struct {
		bit   int
		query string
		order string // beside the id
		read  func(c *store.Copied, scan func(...any) error) error
	}{
		{usesCrash, "SELECT id, n, last_at FROM offload_crash", "", readCrash},
		{usesFailure, "SELECT id, attempt, error, kind, stack, process, started_at, failed_at FROM offload_failure", ", attempt", readFailure},
		{usesResult, "SELECT id, result FROM offload_result", "", readResult},
		{usesProgress, "SELECT id, attempt, done, total, note, written_at, rate FROM offload_progress", "", readProgress},
		{usesLog, "SELECT id, seq, attempt, at, level, text, attrs FROM offload_log", ", seq", readLog},
		{usesLog, "SELECT id, ended FROM offload_logged", "", readLogged},
		{usesMemo, "SELECT id, name, attempt, at, data FROM offload_memo", ", name", readMemo},
	} {
		if e.all&side.bit == 0 {
			continue
		}
		err := each(e, func(rows *sql.Rows) error {
			var id store.ID
			into := idInto{&id}
			var discard any
			// The id comes first: it says whose row it is.
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			first := make([]any, len(columns))
			for i := range first {
				first[i] = &discard
			}
			first[0] = into
			if err := rows.Scan(first...); err != nil {
				return err
			}
			i, known := e.at[id]
			if !known || e.uses[i]&side.bit == 0 {
				return nil
			}
			return side.read(&e.jobs[i], func(into ...any) error { return rows.Scan(append([]any{&discard}, into...)...) })
		}, side.query+" WHERE id > ?1 AND id <= ?2 ORDER BY id"+side.order, from, to)
		if err != nil {
			return err
		}
	}
	return nil
}

func readCrash(c *store.Copied, scan func(...any) error) error {
	return scan(&c.Crashes, timeInto{&c.CrashedAt})
}

func readFailure(c *store.Copied, scan func(...any) error) error {
	var f store.Failure
	err := scan(&f.Attempt, &f.Error, &f.Kind, &f.Stack, &f.Process, timeInto{&f.StartedAt}, timeInto{&f.FailedAt})
	c.Failures = append(c.Failures, f)
	return err
}

func readResult(c *store.Copied, scan func(...any) error) error { return scan(&c.Result) }

func readProgress(c *store.Copied, scan func(...any) error) error {
	var p store.Progress
	if err := scan(&p.Attempt, &p.Done, &p.Total, &p.Note, timeInto{&p.At}, &p.Rate); err != nil {
		return err
	}
	if p.Attempt == c.Attempt {
		c.Progress = &p
	}
	return nil
}

func readLog(c *store.Copied, scan func(...any) error) error {
	var l store.LogLine
	var attrs []byte
	err := scan(&l.Seq, &l.Attempt, timeInto{&l.At}, &l.Level, &l.Text, &attrs)
	l.Attrs = attrs
	c.Logs = append(c.Logs, l)
	return err
}

func readLogged(c *store.Copied, scan func(...any) error) error { return scan(&c.LogFull) }

func readMemo(c *store.Copied, scan func(...any) error) error {
	var m store.Memo
	err := scan(&m.Name, &m.Attempt, timeInto{&m.At}, &m.Data)
	c.Memos = append(c.Memos, m)
	return err
}

// ExportKeys is that of store.Copies.
func (s *Store) ExportKeys(ctx context.Context, after store.CopiedKey, most int) (keys []store.CopiedKey, err error) {
	err = s.ask(ctx, "export unique keys", func(q *snapshots) error {
		return each(q, func(rows *sql.Rows) error {
			var c store.CopiedKey
			var key string
			err := rows.Scan(&key, idInto{&c.ID}, &c.Until, timeInto{&c.ExpiresAt})
			c.Task, c.Key, _ = strings.Cut(key, "\x1f")
			keys = append(keys, c)
			return err
		}, `SELECT key, id, until, expires_at FROM offload_unique
			WHERE key > ?1 AND (expires_at IS NULL OR expires_at > ?2) ORDER BY key LIMIT ?3`, uniqueKey(after.Task, after.Key), q.now, most)
	})
	return keys, err
}

// ExportBook is that of store.Copies.
func (s *Store) ExportBook(ctx context.Context) (b store.Book, err error) {
	if b.Tasks, err = s.Tasks(ctx); err != nil {
		return b, err
	}
	if b.Schedules, err = s.Schedules(ctx); err != nil {
		return b, err
	}
	if b.Records, err = s.Records(ctx, time.Time{}); err != nil {
		return b, err
	}
	err = s.ask(ctx, "export limits", func(q *snapshots) error {
		if b.Queues, err = texts(q, "SELECT name FROM offload_queue ORDER BY name"); err != nil {
			return err
		}
		if b.Workers, err = workers(q); err != nil {
			return err
		}
		err := each(q, func(rows *sql.Rows) error {
			l, err := scanLimit(rows)
			b.Limits = append(b.Limits, l)
			return err
		}, "SELECT name, max, per, burst, when_full, strict, hand, seen_at FROM offload_limit ORDER BY name")
		if err != nil {
			return err
		}
		if b.Documents, err = q.documents("SELECT kind, key, version, at, expires_at, value FROM offload_document WHERE expires_at IS NULL OR expires_at > ?1 ORDER BY kind, key", q.now); err != nil {
			return err
		}
		b.Gates, err = q.exportGates(b.Limits)
		return err
	})
	return b, err
}

func (t *txn) exportGates(limits []store.LimitState) (gates []store.Gate, err error) {
	at := map[string]int{}
	of := func(id string) *store.Gate {
		i, known := at[id]
		if !known {
			i = len(gates)
			at[id] = i
			g := store.Gate{}
			g.Limit, g.Key = gate.Parse(id)
			gates = append(gates, g)
		}
		return &gates[i]
	}
	err = each(t, func(rows *sql.Rows) error {
		var id string
		var full, paused time.Time
		var stops store.ID
		if err := rows.Scan(&id, timeInto{&full}, timeInto{&paused}, idInto{&stops}); err != nil {
			return err
		}
		g := of(id)
		g.FullAt, g.Paused, g.Stopped = full, paused, stops
		return nil
	}, "SELECT id, full_at, paused_until, stops FROM offload_gate WHERE full_at IS NOT NULL OR paused_until IS NOT NULL OR stops IS NOT NULL ORDER BY id")
	if err != nil {
		return nil, err
	}
	for _, l := range limits {
		if !l.Strict {
			continue
		}
		err := each(t, func(rows *sql.Rows) error {
			var id string
			var job store.ID
			if err := rows.Scan(&id, idInto{&job}); err != nil {
				return err
			}
			g := of(id)
			g.Kept = append(g.Kept, job)
			return nil
		}, keptSQL, gate.ID(l.Name, ""), l.Name+"\x20", usesUndecided)
		if err != nil {
			return nil, err
		}
	}
	return gates, nil
}

// keptSQL finds what is held by jobs that wait for another attempt.
const keptSQL = `SELECT h.gate, h.id FROM offload_hold AS h CROSS JOIN offload_due AS d ON d.id = h.id
WHERE h.gate >= ?1 AND h.gate < ?2 AND d.uses & ?3 ORDER BY h.gate, h.id`
