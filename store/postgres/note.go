package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// WriteLogs is that of store.Notes.
func (s *Store) WriteLogs(ctx context.Context, process store.ID, lines []store.LogLine) error {
	if len(lines) == 0 {
		return nil
	}
	return s.onEngine(ctx, "write logs", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transactEngine(ctx, conn, func(w *work) error {
			logs, err := w.logs(ctx, process, lines)
			if err != nil {
				return err
			}
			written := logs.add(lines)
			if written == nil {
				return w.commit(ctx)
			}
			return w.commit(ctx, step{sql: s.sql.logWrite, args: written}, step{sql: s.sql.logCount, args: logs.counts()})
		})
	})
}

// A log is how much is kept of what a job has logged.
type log struct {
	attempt, lines int
	bytes          int64
	full, grown    bool
}

// logs are those of jobs whose leases are locked.
type logs map[store.ID]*log

// logs locks the leases, or the ends, of those who log.
func (w *work) logs(ctx context.Context, process store.ID, lines []store.LogLine) (logs, error) {
	var ids []store.ID
	for i := range lines {
		if !slices.Contains(ids, lines[i].ID) {
			ids = append(ids, lines[i].ID)
		}
	}
	found := logs{}
	add := func(scan func(...any) error) error {
		var id string
		l := &log{}
		if err := scan(&id, &l.attempt); err != nil {
			return err
		}
		parsed, err := store.ParseID(id)
		found[parsed] = l
		return err
	}
	held := query{sql: w.s.sql.logHeld, args: []any{[16]byte(process), idsOf(ids)}, row: add}
	done := query{sql: w.s.sql.logDone, args: held.args, row: add}
	known := query{sql: w.s.sql.logKnown, args: []any{idsOf(ids)}, row: func(scan func(...any) error) error {
		var id string
		var l log
		if err := scan(&id, &l.lines, &l.bytes, &l.full); err != nil {
			return err
		}
		parsed, err := store.ParseID(id)
		if held := found[parsed]; held != nil {
			held.lines, held.bytes, held.full = l.lines, l.bytes, l.full
		}
		return err
	}}
	return found, w.send(ctx, held.step(), done.step(), known.step())
}

// add numbers the lines that there is room for, and returns them as parameters; nil for none.
func (l logs) add(lines []store.LogLine) []any {
	var (
		ids          [][16]byte
		seqs         []int64
		attempts     []int32
		times        []time.Time
		levels, text []string
		attrs        []*string
	)
	for _, line := range lines {
		log := l[line.ID]
		if log == nil || log.attempt != line.Attempt || log.full {
			continue
		}
		line = line.Kept()
		if log.bytes+int64(line.Size()) > store.MaxLogBytes || log.lines == store.MaxLogLines {
			line, log.full = line.Last(), true
		}
		log.lines, log.bytes, log.grown = log.lines+1, log.bytes+int64(line.Size()), true
		ids, seqs, attempts = append(ids, line.ID), append(seqs, int64(log.lines)), append(attempts, int32(line.Attempt))
		times, levels, text = append(times, line.At), append(levels, line.Level), append(text, line.Text)
		var object *string
		if line.Attrs != nil {
			given := string(line.Attrs)
			object = &given
		}
		attrs = append(attrs, object)
	}
	if len(ids) == 0 {
		return nil
	}
	return []any{ids, seqs, attempts, times, levels, text, attrs}
}

// counts are the logs that have grown, as parameters.
func (l logs) counts() []any {
	var (
		ids   [][16]byte
		lines []int32
		bytes []int64
		full  []bool
	)
	for id, log := range l {
		if log.grown {
			ids, lines, bytes, full = append(ids, id), append(lines, int32(log.lines)), append(bytes, log.bytes), append(full, log.full)
		}
	}
	return []any{ids, lines, bytes, full}
}

// Logs is that of store.Notes.
func (s *Store) Logs(ctx context.Context, id store.ID, after int64, most int) (lines []store.LogLine, err error) {
	sql, n := s.sql.logs, most
	if most < 0 {
		sql, n = s.sql.logsLast, -most
	}
	err = s.ask(ctx, "read a log", sql, []any{[16]byte(id), after, n}, func(rows pgx.Rows) error {
		lines = nil
		return eachRow(func(scan func(...any) error) error {
			l := store.LogLine{Fence: store.Fence{ID: id}}
			var attrs *string
			if err := scan(&l.Seq, &l.Attempt, &l.At, &l.Level, &l.Text, &attrs); err != nil {
				return err
			}
			if attrs != nil {
				l.Attrs = []byte(*attrs)
			}
			lines = append(lines, l)
			return nil
		})(rows)
	})
	if most < 0 {
		slices.Reverse(lines)
	}
	return lines, err
}

// PutMemo is that of store.Notes.
func (s *Store) PutMemo(ctx context.Context, process store.ID, f store.Fence, m store.Memo) error {
	doing := fmt.Sprintf("keep memo %q of job %s", m.Name, f.ID)
	var held, put bool
	err := s.onEngine(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		return s.engineTrip(ctx, conn, query{
			sql: s.sql.memoPut, args: []any{[16]byte(f.ID), f.Attempt, [16]byte(process), m.Name, bytesOf(m.Data), store.MaxMemos},
			row: func(scan func(...any) error) error { return scan(&held, &put) },
		}.step())
	})
	switch {
	case err != nil:
		return err
	case !held:
		return fmt.Errorf("%s: %w", doing, store.ErrLeaseLost)
	case !put:
		return fmt.Errorf("%s, which has %d: %w", doing, store.MaxMemos, store.ErrFull)
	}
	return nil
}

// Memos is that of store.Notes.
func (s *Store) Memos(ctx context.Context, id store.ID, names ...string) (memos []store.Memo, err error) {
	err = s.ask(ctx, "read memos", s.sql.memos, []any{[16]byte(id), names}, func(rows pgx.Rows) error {
		memos = nil
		return eachRow(func(scan func(...any) error) error {
			var m store.Memo
			if err := scan(&m.Name, &m.Attempt, &m.At, &m.Data); err != nil {
				return err
			}
			memos = append(memos, m)
			return nil
		})(rows)
	})
	return memos, err
}
