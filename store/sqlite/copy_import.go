package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

var (
	importJobs     = withRows(keyedJobSQL, 12, "")
	importDues     = withRows("INSERT INTO offload_due (queue, priority, run_at, id, attempt, failures, uses, started_at) ", 8, "")
	importBlocked  = withRows("INSERT INTO offload_blocked (queue, waits, task, priority, run_at, id, attempt, failures, uses, started_at) ", 10, "")
	importDone     = withRows("INSERT INTO offload_done (id, state, attempt, failures, uses, run_at, started_at, finished_at, retain) ", 9, "")
	importFailures = withRows("INSERT INTO offload_failure (id, attempt, error, kind, stack, process, started_at, failed_at) ", 8, "")
	importCrashes  = withRows("INSERT INTO offload_crash (id, n, last_at) ", 3, "")
	importProgress = withRows("INSERT INTO offload_progress (id, attempt, done, total, note, written_at, rate) ", 7, "")
	importLogs     = withRows("INSERT INTO offload_log (id, seq, attempt, at, level, text, attrs) ", 7, "")
	importLogged   = withRows("INSERT INTO offload_logged (id, lines, bytes, ended) ", 4, "")
	importMemos    = withRows("INSERT INTO offload_memo (id, name, attempt, at, data) ", 5, "")
)

// Import is that of store.Copies. A page is synced with the book that comes after all of them: whoever goes on
// after a loss of power begins behind the last job that is there.
func (s *Store) Import(ctx context.Context, jobs []store.Copied) (stored int, err error) {
	err = s.writeLax(ctx, "import jobs", func(t *txn) error {
		in := importer{t: t}
		if err := in.add(jobs); err != nil {
			return err
		}
		stored = in.stored
		t.wakeToLook()
		return in.write()
	})
	if err != nil {
		return 0, err
	}
	return stored, nil
}

// An importer gathers the rows of jobs, by their tables.
type importer struct {
	t      *txn
	stored int

	jobs, dues, blocked, dones, expiries, failures, results, crashes, progress, logs, logged, memos []any

	edges, members []any
	ids, ups       []store.ID // stored, and for which others wait
}

// add gathers the rows of jobs whose ids are not there.
func (in *importer) add(jobs []store.Copied) error {
	ids := make([]store.ID, len(jobs))
	for i := range jobs {
		ids[i] = jobs[i].ID
	}
	there := map[store.ID]bool{}
	err := each(in.t, func(rows *sql.Rows) error {
		var id store.ID
		err := rows.Scan(idInto{&id})
		there[id] = true
		return err
	}, knownSQL, joined(ids))
	if err != nil {
		return err
	}
	for i := range jobs {
		if c := &jobs[i]; !there[c.ID] {
			if err := in.one(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *importer) one(c *store.Copied) error {
	in.stored++
	in.ids = append(in.ids, c.ID)
	id := c.ID[:]
	if c.State == store.Deleted {
		finished := micro(c.FinishedAt)
		in.jobs = append(in.jobs, id, "", "", 0, finished, 0, 0, 0, 0, nil, nil, nil)
		in.dones = append(in.dones, id, stateDeleted, 0, 0, 0, finished, nil, finished, nil)
		return nil
	}
	tags, err := tagsOf(c.Tags)
	if err != nil {
		return err
	}
	terms, err := termsOf(c.Terms)
	if err != nil {
		return err
	}
	in.jobs = append(in.jobs, id, c.Task, c.Queue, c.Priority, micro(c.CreatedAt), c.MaxAttempts,
		micros(c.Timeout), micros(c.GiveUpAfter), micros(c.Retain), tags, orNull(c.Input), terms)
	uses := in.beside(c) | systemBit(c.Queue) | usesOf(c.Terms)&^usesExpires | in.flow(c)
	if c.Begun {
		uses |= usesBegun
	}
	if c.State.Ended() {
		state := stateOf(c.State)
		var retain any
		if c.Keep != keep(state, 0) {
			retain = micros(c.Keep)
		}
		in.dones = append(in.dones, id, state, c.Attempt, c.Failed, uses, micro(c.RunAt), microOrNull(c.StartedAt), micro(c.FinishedAt), retain)
		return nil
	}
	if c.Terms.Gated() {
		uses |= usesUndecided
	}
	expires := c.Terms != nil && c.Terms.Expire > 0 && !c.Begun
	if expires {
		uses |= usesExpires
	}
	if c.Waits != "" {
		in.wait(c, uses)
		return nil
	}
	if expires {
		in.expiries = append(in.expiries, expiryAt(micro(c.RunAt), c.Terms.Expire), id)
	}
	in.dues = append(in.dues, c.Queue, c.Priority, micro(c.RunAt), id, c.Attempt, c.Failed, uses, microOrNull(c.StartedAt))
	return nil
}

// microOrNull is a time as it is kept; the zero time is NULL. Unlike a time to wait for it is not
// rounded up.
func microOrNull(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UnixMicro()
}

// stateOf is the number of an ended state.
func stateOf(state store.State) int {
	for n, s := range endedStates {
		if s == state {
			return n
		}
	}
	return 0
}

// beside gathers what lies beside a job, and returns the bits that say so.
func (in *importer) beside(c *store.Copied) (uses int) {
	id := c.ID[:]
	if c.Crashes > 0 {
		uses |= usesCrash
		in.crashes = append(in.crashes, id, c.Crashes, micro(c.CrashedAt))
	}
	for _, f := range c.Failures {
		uses |= usesFailure
		in.failures = append(in.failures, id, f.Attempt, f.Error, f.Kind, f.Stack, f.Process, micro(f.StartedAt), micro(f.FailedAt))
	}
	if c.Result != nil {
		uses |= usesResult
		in.results = append(in.results, id, c.Result)
	}
	if p := c.Progress; p != nil {
		uses |= usesProgress
		in.progress = append(in.progress, id, p.Attempt, p.Done, p.Total, p.Note, micro(p.At), p.Rate)
	}
	size := 0
	for _, l := range c.Logs {
		uses |= usesLog
		var attrs any
		if l.Attrs != nil {
			attrs = string(l.Attrs)
		}
		in.logs = append(in.logs, id, l.Seq, l.Attempt, micro(l.At), l.Level, l.Text, attrs)
		size += l.Size()
	}
	if len(c.Logs) > 0 {
		in.logged = append(in.logged, id, len(c.Logs), size, c.LogFull)
	}
	for _, m := range c.Memos {
		uses |= usesMemo
		in.memos = append(in.memos, id, m.Name, m.Attempt, micro(m.At), m.Data)
	}
	return uses
}

func (in *importer) write() error {
	for _, rows := range []struct {
		stmts  *[insertRows + 1]string
		params int
		args   []any
	}{
		{&importJobs, 12, in.jobs},
		{&importDues, 8, in.dues},
		{&importBlocked, 10, in.blocked},
		{&importDone, 9, in.dones},
		{&keepExpiries, 2, in.expiries},
		{&importFailures, 8, in.failures},
		{&insertResults, 2, in.results},
		{&importCrashes, 3, in.crashes},
		{&importProgress, 7, in.progress},
		{&importLogs, 7, in.logs},
		{&importLogged, 4, in.logged},
		{&importMemos, 5, in.memos},
		{&insertEdges, 7, in.edges},
		{&insertMembers, 3, in.members},
	} {
		if err := in.t.execRows(rows.stmts, rows.params, rows.args); err != nil {
			return err
		}
	}
	return in.tell()
}

// ImportKeys is that of store.Copies.
func (s *Store) ImportKeys(ctx context.Context, keys []store.CopiedKey) error {
	return s.write(ctx, "import unique keys", func(t *txn) error {
		var args []any
		for _, c := range keys {
			args = append(args, uniqueKey(c.Task, c.Key), c.ID[:], string(c.Until), microOrNull(c.ExpiresAt))
		}
		return t.execRows(&insertUniques, 4, args)
	})
}

// ImportBook is that of store.Copies.
func (s *Store) ImportBook(ctx context.Context, b store.Book) error {
	return s.write(ctx, "import what programs and people have said", func(t *txn) error {
		return errors.Join(t.importTasks(b), t.importLimits(b), t.importSchedules(b), t.importRecords(b), t.importDocuments(b))
	})
}

func (t *txn) importTasks(b store.Book) error {
	for _, c := range b.Tasks {
		_, err := t.exec("REPLACE INTO offload_task (name, queue, rules, schema, paused, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			c.Name, c.Queue, orNull(c.Rules), orNull(c.Schema), c.Paused, microOrNull(c.Seen))
		if err != nil {
			return err
		}
	}
	for _, name := range b.Queues {
		if _, err := t.exec("INSERT INTO offload_queue (name) VALUES (?1) ON CONFLICT DO NOTHING", name); err != nil {
			return err
		}
	}
	for name, n := range b.Workers {
		if _, err := t.exec(setWorkersSQL, name, n); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) importLimits(b store.Book) error {
	for _, l := range b.Limits {
		var hand any
		if l.ByHand {
			hand = l.Max
		}
		d := l.Declared
		_, err := t.exec("REPLACE INTO offload_limit (name, max, per, burst, when_full, strict, hand, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			d.Name, d.Max, micros(d.Per), d.Burst, string(d.WhenFull), d.Strict, hand, micro(l.Seen))
		if err != nil {
			return err
		}
	}
	var gates, holds []any
	for _, g := range b.Gates {
		id := gate.ID(g.Limit, g.Key)
		gates = append(gates, id, microOrNull(g.FullAt), microOrNull(g.Paused), idOrNull(g.Stopped), nil)
		for _, job := range g.Kept {
			holds = append(holds, id, slices.Clone(job[:]), 1)
		}
	}
	return cmp.Or(t.execRows(&insertGates, 5, gates), t.execRows(&insertHolds, 3, holds))
}

func (t *txn) importSchedules(b store.Book) error {
	for _, c := range b.Schedules {
		_, err := t.exec("REPLACE INTO offload_schedule (name, spec, in_code, next_at, paused, declared_at, last_at, last_job) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			c.Name, orNull(c.Spec), c.InCode, microOrNull(c.Next), c.Paused, microOrNull(c.Declared), microOrNull(c.Last), idOrNull(c.LastJob))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) importRecords(b store.Book) error {
	for _, r := range b.Records {
		_, err := t.exec("INSERT INTO offload_record (id, at, who, what, filter, jobs, job) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
			r.ID[:], micro(r.Time), r.Who, r.What, orNull(r.Filter), r.Jobs, idOrNull(r.Job))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) importDocuments(b store.Book) error {
	for _, d := range b.Documents {
		_, err := t.exec("REPLACE INTO offload_document (kind, key, version, at, expires_at, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			d.Kind, d.Key, d.Version, micro(d.At), microOrNull(d.Expires), orEmpty(d.Value))
		if err != nil {
			return err
		}
	}
	return nil
}
