package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// Export is that of store.Copies.
func (s *Store) Export(ctx context.Context, after store.ID, most int) (jobs []store.Copied, err error) {
	err = s.onPool(ctx, "export jobs", func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			e := exporter{s: s, tx: ownTx{tx}, jobs: make([]store.Copied, 0, most), at: make(map[store.ID]int, most)}
			if err := e.tx.exec(ctx, s.sql.planner); err != nil {
				return err
			}
			if err := e.read(ctx, after, most); err != nil {
				return err
			}
			jobs = e.jobs
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// Where a job is that has not ended, in export_places.sql; otherwise it is how it ended.
const (
	exportWaits = -1
	exportRuns  = -2
)

// An exporter reads a page of jobs: a stretch of ids of each table.
type exporter struct {
	s    *Store
	tx   ownTx
	jobs []store.Copied
	at   map[store.ID]int // in jobs
	uses []int16
	all  int16 // uses of any
}

func (e *exporter) read(ctx context.Context, after store.ID, most int) error {
	if err := each(ctx, e.tx, e.s.sql.exportJobs, []any{[16]byte(after), most}, e.one); err != nil || len(e.jobs) == 0 {
		return err
	}
	last := e.jobs[len(e.jobs)-1].ID
	e.uses = make([]int16, len(e.jobs))
	if err := each(ctx, e.tx, e.s.sql.exportPlaces, []any{[16]byte(after), [16]byte(last)}, e.place); err != nil {
		return err
	}
	for i := range e.jobs {
		if e.jobs[i].State == "" {
			return fmt.Errorf("job %s has a row in job and no place: run `offload doctor`", e.jobs[i].ID)
		}
	}
	ids := make([][16]byte, len(e.jobs))
	for i := range e.jobs {
		ids[i] = e.jobs[i].ID
	}
	for _, side := range []struct {
		bit  int16
		sql  string
		read func(id *[16]byte, scan func(...any) error) (func(*store.Copied), error)
	}{
		{usesCrash, e.s.sql.exportCrashes, readCrash},
		{usesFailure, e.s.sql.exportFailures, readFailure},
		{usesResult, e.s.sql.exportResults, readResult},
		{usesProgress, e.s.sql.exportProgress, readProgress},
		{usesNoted, e.s.sql.exportLogs, readLog},
		{usesNoted, e.s.sql.exportMemos, readMemo},
	} {
		if e.all&side.bit == 0 {
			continue
		}
		err := each(ctx, e.tx, side.sql, []any{ids}, func(scan func(...any) error) error {
			var id [16]byte
			put, err := side.read(&id, scan)
			if i, known := e.at[id]; err == nil && known && e.uses[i]&side.bit != 0 {
				put(&e.jobs[i])
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return e.flows(ctx)
}

// one reads a row of job.
func (e *exporter) one(scan func(...any) error) error {
	var (
		c                            store.Copied
		id                           [16]byte
		timeout, giveUpAfter, retain int64
		tags, terms                  []byte
	)
	err := scan(&id, &c.CreatedAt, &timeout, &giveUpAfter, &retain, &c.MaxAttempts, &c.Priority, &c.Queue, &c.Task, &c.Input, &tags, &terms)
	if err != nil {
		return err
	}
	c.ID = id
	c.Timeout, c.GiveUpAfter, c.Retain = time.Duration(timeout), time.Duration(giveUpAfter), time.Duration(retain)
	if tags != nil {
		if err := json.Unmarshal(tags, &c.Tags); err != nil {
			return err
		}
	}
	if c.Terms, err = decodeTerms(c.Task, terms); err != nil {
		return err
	}
	e.at[c.ID] = len(e.jobs)
	e.jobs = append(e.jobs, c)
	return nil
}

// place reads where a job is.
func (e *exporter) place(scan func(...any) error) error {
	var (
		id                      [16]byte
		outcome                 int
		attempt, failed         int
		uses                    int16
		run                     time.Time
		started, finished, keep *time.Time
		cancelled               bool
		gate                    string
	)
	err := scan(&id, &outcome, &attempt, &failed, &uses, &run, &started, &finished, &keep, &cancelled, &gate)
	if err != nil {
		return err
	}
	i, known := e.at[id]
	if !known {
		return nil
	}
	c := &e.jobs[i]
	e.uses[i], e.all = uses, e.all|uses
	c.Attempt, c.Failed, c.RunAt, c.StartedAt, c.FinishedAt = attempt, failed, run, timeOf(started), timeOf(finished)
	c.Begun = c.Terms != nil && (uses&usesBegun != 0 || outcome == exportRuns)
	if keep != nil {
		c.Keep = keep.Sub(c.FinishedAt)
	}
	switch {
	case outcome == outcomeDeleted:
		*c = store.Copied{NewJob: store.NewJob{ID: c.ID}, State: store.Deleted, FinishedAt: c.FinishedAt, Keep: store.Tombstone}
	case outcome == exportRuns && cancelled:
		c.State, c.FinishedAt, c.Keep = store.Cancelled, c.StartedAt, keepFor(c.Retain, store.RetainEnded)
	case outcome < 0:
		c.State, c.Waits = store.Available, waitsOf[gate]
	default:
		c.State, c.Cut = exportStates[outcome], outcome == codeCancelled && uses&usesOpen != 0
	}
	return nil
}

// How a job is in done.
const outcomeDeleted = 9

var exportStates = []store.State{store.Completed, store.Discarded, store.Cancelled, store.Expired}

func readCrash(id *[16]byte, scan func(...any) error) (func(*store.Copied), error) {
	var n int
	var at time.Time
	err := scan(id, &n, &at)
	return func(c *store.Copied) { c.Crashes, c.CrashedAt = n, at }, err
}

func readFailure(id *[16]byte, scan func(...any) error) (func(*store.Copied), error) {
	var f store.Failure
	err := scan(id, &f.Attempt, &f.Error, &f.Kind, &f.Stack, &f.Process, &f.StartedAt, &f.FailedAt)
	return func(c *store.Copied) { c.Failures = append(c.Failures, f) }, err
}

func readResult(id *[16]byte, scan func(...any) error) (func(*store.Copied), error) {
	var result []byte
	err := scan(id, &result)
	return func(c *store.Copied) { c.Result = bytesOf(result) }, err
}

func readProgress(id *[16]byte, scan func(...any) error) (func(*store.Copied), error) {
	var p store.Progress
	err := scan(id, &p.Attempt, &p.Done, &p.Total, &p.Note, &p.At, &p.Rate)
	return func(c *store.Copied) {
		if p.Attempt == c.Attempt {
			c.Progress = &p
		}
	}, err
}

func readLog(id *[16]byte, scan func(...any) error) (func(*store.Copied), error) {
	var l store.LogLine
	var attrs *string
	var full bool
	err := scan(id, &l.Seq, &l.Attempt, &l.At, &l.Level, &l.Text, &attrs, &full)
	if attrs != nil {
		l.Attrs = []byte(*attrs)
	}
	return func(c *store.Copied) { c.Logs, c.LogFull = append(c.Logs, l), full }, err
}

func readMemo(id *[16]byte, scan func(...any) error) (func(*store.Copied), error) {
	var m store.Memo
	err := scan(id, &m.Name, &m.Attempt, &m.At, &m.Data)
	return func(c *store.Copied) { c.Memos = append(c.Memos, m) }, err
}

// ExportKeys is that of store.Copies.
func (s *Store) ExportKeys(ctx context.Context, after store.CopiedKey, most int) (keys []store.CopiedKey, err error) {
	from := uniqueKey(after.Task, &store.Unique{Key: after.Key})
	err = s.ask(ctx, "export unique keys", s.sql.exportKeys, []any{from, most}, func(rows pgx.Rows) error {
		keys = nil
		for rows.Next() {
			var c store.CopiedKey
			var id [16]byte
			var key string
			var expires *time.Time
			if err := rows.Scan(&key, &id, &c.Until, &expires); err != nil {
				return err
			}
			c.Task, c.Key, _ = strings.Cut(key, "\x1f")
			c.ID, c.ExpiresAt = id, timeOf(expires)
			keys = append(keys, c)
		}
		return rows.Err()
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
	if b.Documents, err = s.documents(ctx, nil, nil, nil, nil); err != nil {
		return b, err
	}
	err = s.within(ctx, "export limits", func(ctx context.Context, tx ownTx) error {
		b.Queues, b.Workers, b.Limits, b.Gates = nil, nil, nil, nil
		err := each(ctx, tx, s.sql.exportQueues, nil, func(scan func(...any) error) error {
			var name string
			var paused bool
			var workers *int
			err := scan(&name, &paused, &workers)
			if paused {
				b.Queues = append(b.Queues, name)
			}
			if workers != nil {
				if b.Workers == nil {
					b.Workers = map[string]int{}
				}
				b.Workers[name] = *workers
			}
			return err
		})
		if err != nil {
			return err
		}
		err = each(ctx, tx, s.sql.exportLimits, nil, func(scan func(...any) error) error {
			l, err := readLimit(scan)
			b.Limits = append(b.Limits, l)
			return err
		})
		if err != nil {
			return err
		}
		return each(ctx, tx, s.sql.exportGates, nil, readGate(&b.Gates))
	})
	return b, err
}

// readGate reads a row of export_gates.sql; those of one gate come together.
func readGate(into *[]store.Gate) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var id string
		var full, paused *time.Time
		var job *[16]byte
		var stops bool
		if err := scan(&id, &full, &paused, &job, &stops); err != nil {
			return err
		}
		limit, key := gate.Parse(id)
		all := *into
		if n := len(all); n == 0 || all[n-1].Limit != limit || all[n-1].Key != key {
			all = append(all, store.Gate{Limit: limit, Key: key})
		}
		g := &all[len(all)-1]
		switch {
		case job == nil:
			g.FullAt, g.Paused = timeOf(full), timeOf(paused)
		case stops:
			g.Stopped = *job
		default:
			g.Kept = append(g.Kept, *job)
		}
		*into = all
		return nil
	}
}
