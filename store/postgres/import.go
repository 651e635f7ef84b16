package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// importTime is what one page has.
const importTime = time.Minute

// Import is that of store.Copies. It writes by COPY: nobody else stores jobs of these ids.
func (s *Store) Import(ctx context.Context, jobs []store.Copied) (stored int, err error) {
	ids := make([][16]byte, len(jobs))
	for i := range jobs {
		ids[i] = jobs[i].ID
	}
	err = s.on(ctx, s.pool, importTime, "import jobs", func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			own := ownTx{tx}
			for _, sql := range []string{s.sql.planner, s.sql.durable} {
				if err := own.exec(ctx, sql); err != nil {
					return err
				}
			}
			there := map[store.ID]bool{}
			err := each(ctx, own, s.sql.importKnown, []any{ids}, func(scan func(...any) error) error {
				var id [16]byte
				err := scan(&id)
				there[id] = true
				return err
			})
			if err != nil {
				return err
			}
			in := importer{}
			if err := in.upstreams(ctx, own, s.sql, jobs); err != nil {
				return err
			}
			for i := range jobs {
				if c := &jobs[i]; !there[c.ID] {
					if err := in.one(c); err != nil {
						return err
					}
				}
			}
			stored = len(in.jobs)
			return in.write(ctx, s, tx)
		})
	})
	if err != nil {
		return 0, err
	}
	for i := range jobs {
		s.marks.forget(jobs[i].Queue) // they lie left of it
	}
	s.wake(ctx, []store.Wake{anything})
	return stored, nil
}

// An importer gathers the rows of jobs, by their tables.
type importer struct {
	jobs, dues, blocked, dones, expiries, failures, results, crashes, progress, logs, logged, memos, edges [][]any

	ups map[store.ID]bool // for which others wait, without those that are gathered
}

func (in *importer) one(c *store.Copied) error {
	id := [16]byte(c.ID)
	if c.State == store.Deleted {
		in.jobs = append(in.jobs, []any{id, c.FinishedAt, int64(0), int64(0), int64(0), 0, 0, "", "", []byte{}, nil, nil})
		in.dones = append(in.dones, []any{id, c.FinishedAt.Add(c.Keep), c.FinishedAt, c.FinishedAt, nil, 0, 0, outcomeDeleted, 0})
		return nil
	}
	tags, err := jsonOrNil(c.Tags, c.Tags == nil)
	if err != nil {
		return err
	}
	terms, err := jsonOrNil(c.Terms, c.Terms == nil)
	if err != nil {
		return err
	}
	in.jobs = append(in.jobs, []any{
		id, c.CreatedAt, int64(c.Timeout), int64(c.GiveUpAfter), int64(c.Retain), c.MaxAttempts, c.Priority,
		c.Queue, c.Task, bytesOf(c.Input), tags, terms,
	})
	uses := usesOf(&c.NewJob) | in.beside(c) | in.flow(c)
	if c.Begun {
		uses |= usesBegun
	}
	if c.State.Ended() {
		in.dones = append(in.dones, []any{id, c.FinishedAt.Add(c.Keep), c.FinishedAt, c.RunAt, timeOrNil(c.StartedAt), c.Attempt, c.Failed, outcomeOf(c.State), uses})
		return nil
	}
	if c.Waits != "" {
		in.wait(c, uses)
		return nil
	}
	if c.Terms.Gated() {
		uses |= usesOpen
	}
	if c.Terms != nil && c.Terms.Expire > 0 && !c.Begun {
		in.expiries = append(in.expiries, []any{id, c.RunAt.Add(c.Terms.Expire)})
	}
	in.dues = append(in.dues, []any{id, c.RunAt, timeOrNil(c.StartedAt), c.Attempt, c.Failed, c.Priority, uses, c.Queue})
	return nil
}

func jsonOrNil(v any, none bool) (any, error) {
	if none {
		return nil, nil
	}
	text, err := json.Marshal(v)
	return string(text), err
}

func outcomeOf(state store.State) int {
	for n, s := range exportStates {
		if s == state {
			return n
		}
	}
	return outcomeDeleted
}

// beside gathers what lies beside a job, and returns the bits that say so.
func (in *importer) beside(c *store.Copied) (uses int16) {
	id, most := [16]byte(c.ID), store.MaxErrorStack*3
	if c.Crashes > 0 {
		uses |= usesCrash
		in.crashes = append(in.crashes, []any{id, c.Crashes, c.CrashedAt})
	}
	for _, f := range c.Failures {
		uses |= usesFailure
		in.failures = append(in.failures, []any{
			id, f.Attempt, f.StartedAt, f.FailedAt, store.CleanText(f.Process, most), store.CleanText(f.Kind, most),
			store.CleanText(f.Error, most), store.CleanText(f.Stack, most),
		})
	}
	if c.Result != nil {
		uses |= usesResult
		in.results = append(in.results, []any{id, c.Result})
	}
	if p := c.Progress; p != nil {
		uses |= usesProgress
		in.progress = append(in.progress, []any{id, p.Attempt, int64(p.Done), int64(p.Total), p.At, p.Note, p.Rate})
	}
	size := 0
	for _, l := range c.Logs {
		var attrs any
		if l.Attrs != nil {
			attrs = string(l.Attrs)
		}
		in.logs = append(in.logs, []any{id, l.Seq, l.Attempt, l.At, l.Level, l.Text, attrs})
		size += l.Size()
	}
	if len(c.Logs) > 0 {
		in.logged = append(in.logged, []any{id, len(c.Logs), int64(size), c.LogFull})
	}
	for _, m := range c.Memos {
		in.memos = append(in.memos, []any{id, m.Name, m.Attempt, m.At, bytesOf(m.Data)})
	}
	if len(c.Logs)+len(c.Memos) > 0 {
		uses |= usesNoted
	}
	return uses
}

func (in *importer) write(ctx context.Context, s *Store, tx pgx.Tx) error {
	for _, t := range []struct {
		table   string
		columns []string
		rows    [][]any
	}{
		{"job", []string{"id", "created_at", "timeout", "give_up_after", "retain", "max_attempts", "priority", "queue", "task", "input", "tags", "terms"}, in.jobs},
		{"due", []string{"id", "run_at", "started_at", "attempt", "failures", "priority", "uses", "queue"}, in.dues},
		{"blocked", []string{"id", "run_at", "started_at", "attempt", "failures", "priority", "uses", "suspect", "queue", "task", "gate"}, in.blocked},
		{"done", []string{"id", "keep_until", "finished_at", "run_at", "started_at", "attempt", "failures", "outcome", "uses"}, in.dones},
		{"expiry", []string{"id", "at"}, in.expiries},
		{"failure", []string{"id", "attempt", "started_at", "failed_at", "process", "kind", "error", "stack"}, in.failures},
		{"result", []string{"id", "result"}, in.results},
		{"crash", []string{"id", "n", "last"}, in.crashes},
		{"progress", []string{"id", "attempt", "done", "total", "at", "note", "rate"}, in.progress},
		{"log", []string{"id", "seq", "attempt", "at", "level", "text", "attrs"}, in.logs},
		{"logged", []string{"id", "lines", "bytes", "ended"}, in.logged},
		{"memo", []string{"id", "name", "attempt", "at", "data"}, in.memos},
		{"edge", []string{"down", "up", "n", "wants", "state", "hold"}, in.edges},
	} {
		if len(t.rows) == 0 {
			continue
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{s.schema, t.table}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return err
		}
	}
	return in.tell(ctx, tx, s.sql)
}

// ImportKeys is that of store.Copies.
func (s *Store) ImportKeys(ctx context.Context, keys []store.CopiedKey) error {
	return s.within(ctx, "import unique keys", func(ctx context.Context, tx ownTx) error {
		for _, c := range keys {
			key := uniqueKey(c.Task, &store.Unique{Key: c.Key})
			if err := tx.exec(ctx, s.sql.importKey, key, [16]byte(c.ID), string(c.Until), timeOrNil(c.ExpiresAt)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ImportBook is that of store.Copies.
func (s *Store) ImportBook(ctx context.Context, b store.Book) error {
	return s.within(ctx, "import what programs and people have said", func(ctx context.Context, tx ownTx) error {
		put := bookWriter{ctx: ctx, tx: tx, sql: s.sql}
		put.tasks(&b)
		put.limits(&b)
		for _, c := range b.Schedules {
			var job any
			if !c.LastJob.IsZero() {
				job = [16]byte(c.LastJob)
			}
			put.do(s.sql.importSchedule, c.Name, bytesOf(c.Spec), timePtr(c.Next), timePtr(c.Declared), timePtr(c.Last), job, c.Paused)
		}
		for _, r := range b.Records {
			if put.err == nil {
				put.err = s.record(ctx, tx, r)
			}
		}
		for _, d := range b.Documents {
			put.do(s.sql.importDocument, d.Kind, d.Key, d.Version, d.At, timePtr(d.Expires), bytesOf(d.Value))
		}
		return put.err
	})
}

// A bookWriter writes until the first error.
type bookWriter struct {
	ctx context.Context
	tx  ownTx
	sql *statements
	err error
}

func (w *bookWriter) do(sql string, args ...any) {
	if w.err == nil {
		w.err = w.tx.exec(w.ctx, sql, args...)
	}
}

func (w *bookWriter) tasks(b *store.Book) {
	for _, t := range b.Tasks {
		w.do(w.sql.importTask, t.Name, t.Queue, t.Rules, t.Schema, t.Paused, timePtr(t.Seen))
	}
	for _, name := range b.Queues {
		w.do(w.sql.pauseQueue, name, true)
	}
	for name, n := range b.Workers {
		w.do(w.sql.setWorkers, name, n)
	}
}

func (w *bookWriter) limits(b *store.Book) {
	for _, l := range b.Limits {
		var hand any
		if l.ByHand {
			hand = l.Max
		}
		d := l.Declared
		w.do(w.sql.importLimit, d.Name, d.Max, int64(d.Per), d.Burst, string(d.WhenFull), d.Strict, l.Seen, hand)
	}
	for _, g := range b.Gates {
		id := gate.ID(g.Limit, g.Key)
		w.do(w.sql.importGate, id, timePtr(g.FullAt), timePtr(g.Paused))
		if !g.Stopped.IsZero() {
			w.do(w.sql.importHold, id, [16]byte(g.Stopped), true)
		}
		for _, job := range g.Kept {
			w.do(w.sql.importHold, id, [16]byte(job), false)
		}
	}
}
