package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/offloadhq/offload/store"
)

// WriteLogs is that of store.Notes.
func (s *Store) WriteLogs(ctx context.Context, process store.ID, lines []store.LogLine) error {
	if len(lines) == 0 {
		return nil
	}
	return s.write(ctx, "write logs", func(t *txn) error {
		number, alive, err := t.process(process)
		if err != nil || !alive {
			return err
		}
		logs := map[store.Fence]*jobLog{}
		for i := range lines {
			l := logs[lines[i].Fence]
			if l == nil {
				if l, err = t.jobLog(number, lines[i].Fence); err != nil {
					return err
				}
				logs[lines[i].Fence] = l
			}
			if err := t.writeLine(l, lines[i]); err != nil {
				return err
			}
		}
		for f, l := range logs {
			if !l.grown {
				continue
			}
			if _, err := t.exec("REPLACE INTO offload_logged (id, lines, bytes, ended) VALUES (?1, ?2, ?3, ?4)", f.ID[:], l.lines, l.bytes, l.full); err != nil {
				return err
			}
		}
		return nil
	})
}

// A jobLog is how much is kept of what a job has logged.
type jobLog struct {
	held, full, grown bool
	lines, bytes      int
}

// jobLog looks at the log of an attempt, if the process has its lease, or has ended the job by it.
func (t *txn) jobLog(process int64, f store.Fence) (*jobLog, error) {
	l := &jobLog{}
	held, err := t.exec("UPDATE offload_lease SET uses = uses | 2048 WHERE id = ?1 AND process = ?2 AND attempt = ?3", f.ID[:], process, f.Attempt)
	if err == nil && held == 0 { // it may have ended its job in a transaction of its own, and go on
		held, err = t.exec("UPDATE offload_done SET uses = uses | 2048 WHERE id = ?1 AND closer = ?2 AND closed = ?3 AND attempt = ?3 AND state < ?4",
			f.ID[:], process, f.Attempt, stateDeleted)
	}
	if err != nil || held == 0 {
		return l, err
	}
	l.held = true
	_, err = one(t, []any{&l.lines, &l.bytes, &l.full}, "SELECT lines, bytes, ended FROM offload_logged WHERE id = ?1", f.ID[:])
	return l, err
}

// writeLine keeps a line, unless the log is full or the attempt gone.
func (t *txn) writeLine(l *jobLog, line store.LogLine) error {
	if !l.held || l.full {
		return nil
	}
	line = line.Kept()
	if l.bytes+line.Size() > store.MaxLogBytes || l.lines == store.MaxLogLines {
		line, l.full = line.Last(), true
	}
	l.lines, l.bytes, l.grown = l.lines+1, l.bytes+line.Size(), true
	var attrs any
	if line.Attrs != nil {
		attrs = string(line.Attrs)
	}
	_, err := t.exec("INSERT INTO offload_log (id, seq, attempt, at, level, text, attrs) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		line.ID[:], l.lines, line.Attempt, line.At.UnixMicro(), line.Level, line.Text, attrs)
	return err
}

// Logs is that of store.Notes.
func (s *Store) Logs(ctx context.Context, id store.ID, after int64, most int) (lines []store.LogLine, err error) {
	order, n := "ASC", most
	if most < 0 {
		order, n = "DESC", -most
	}
	err = s.reader.view(ctx, func(t *txn) error {
		lines = nil
		return each(t, func(rows *sql.Rows) error {
			l := store.LogLine{Fence: store.Fence{ID: id}}
			var attrs sql.NullString
			err := rows.Scan(&l.Seq, &l.Attempt, timeInto{&l.At}, &l.Level, &l.Text, &attrs)
			if attrs.Valid {
				l.Attrs = []byte(attrs.String)
			}
			lines = append(lines, l)
			return err
		}, "SELECT seq, attempt, at, level, text, attrs FROM offload_log WHERE id = ?1 AND seq > ?2 ORDER BY seq "+order+" LIMIT ?3", id[:], after, n)
	})
	if err != nil {
		return nil, s.explain(ctx, "read a log", err)
	}
	if most < 0 {
		slices.Reverse(lines)
	}
	return lines, nil
}

// PutMemo is that of store.Notes.
func (s *Store) PutMemo(ctx context.Context, process store.ID, f store.Fence, m store.Memo) error {
	doing := fmt.Sprintf("keep memo %q of job %s", m.Name, f.ID)
	return s.write(ctx, doing, func(t *txn) error {
		number, alive, err := t.process(process)
		if err != nil {
			return err
		}
		held, err := t.exec("UPDATE offload_lease SET uses = uses | 4096 WHERE id = ?1 AND process = ?2 AND attempt = ?3", f.ID[:], number, f.Attempt)
		if err != nil {
			return err
		}
		if held == 0 || !alive {
			return fmt.Errorf("%s: %w", doing, store.ErrLeaseLost)
		}
		var many int
		var known bool
		if _, err := one(t, []any{&many, &known}, "SELECT count(*), count(*) FILTER (WHERE name = ?2) FROM offload_memo WHERE id = ?1", f.ID[:], m.Name); err != nil {
			return err
		}
		if many >= store.MaxMemos && !known {
			return fmt.Errorf("%s, which has %d: %w", doing, many, store.ErrFull)
		}
		data := m.Data
		if data == nil {
			data = []byte{}
		}
		_, err = t.exec("REPLACE INTO offload_memo (id, name, attempt, at, data) VALUES (?1, ?2, ?3, ?4, ?5)", f.ID[:], m.Name, f.Attempt, t.now, data)
		return err
	})
}

// Memos is that of store.Notes.
func (s *Store) Memos(ctx context.Context, id store.ID, names ...string) (memos []store.Memo, err error) {
	query, args := "SELECT name, attempt, at, data FROM offload_memo WHERE id = ?1", []any{id[:]}
	if len(names) > 0 {
		query += " AND name IN (?" + strings.Repeat(", ?", len(names)-1) + ")"
		for _, name := range names {
			args = append(args, name)
		}
	}
	err = s.reader.view(ctx, func(t *txn) error {
		memos = nil
		return each(t, func(rows *sql.Rows) error {
			var m store.Memo
			err := rows.Scan(&m.Name, &m.Attempt, timeInto{&m.At}, &m.Data)
			memos = append(memos, m)
			return err
		}, query+" ORDER BY name", args...)
	})
	if err != nil {
		return nil, s.explain(ctx, "read memos", err)
	}
	return memos, nil
}
