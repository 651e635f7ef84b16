package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/figures_add.sql
	addFigureSQL string
	//go:embed sql/figures.sql
	figuresSQL string
	//go:embed sql/figures_count.sql
	countFiguresSQL string
)

// enqueued is the outcome under which inserts are counted.
const enqueued = "enqueued"

const (
	minute = int64(time.Minute / time.Microsecond)
	hour   = 60 * minute
)

// A figureKey names a row of figures.
type figureKey struct {
	minute               int64 // since 1970
	task, queue, outcome string
}

// A figure is a row of figures.
type figure struct {
	n         int64
	wait, run store.Histogram
}

func (f *figure) add(other *figure) {
	f.n += other.n
	f.wait.Add(&other.wait)
	f.run.Add(&other.run)
}

// figures are what a call has to count.
type figures map[figureKey]*figure

func (f figures) of(k figureKey) *figure {
	if f[k] == nil {
		f[k] = &figure{}
	}
	return f[k]
}

// count counts the end of an attempt.
func (f figures) count(now int64, e *store.Ended, outcome store.Outcome) {
	c := f.of(figureKey{now / minute, e.Task, e.Queue, string(outcome)})
	c.n++
	c.wait.Count(e.Waited)
	c.run.Count(e.Ran)
}

// addFigures adds what was counted to what is kept.
func (t *txn) addFigures(counts figures) error {
	for k, f := range counts {
		var kept figure
		_, err := one(t, []any{&kept.n, histogramInto{&kept.wait}, histogramInto{&kept.run}},
			"SELECT n, wait, run FROM offload_figure WHERE minute = ?1 AND task = ?2 AND queue = ?3 AND outcome = ?4",
			k.minute, k.task, k.queue, k.outcome)
		if err != nil {
			return err
		}
		kept.add(f)
		if _, err := t.exec(addFigureSQL, k.minute, k.task, k.queue, k.outcome, kept.n, packed(&kept.wait), packed(&kept.run)); err != nil {
			return err
		}
	}
	return nil
}

// packed returns a histogram as it is kept: for each bucket that is not empty, how many are
// passed over to reach it, and its count. Most jobs of a minute fall into a few buckets.
func packed(h *store.Histogram) []byte {
	b := []byte{}
	next := 0
	for i, n := range h {
		if n != 0 {
			b = binary.AppendUvarint(b, uint64(i-next))
			b = binary.AppendUvarint(b, uint64(n))
			next = i + 1
		}
	}
	return b
}

// histogramInto scans a column of what packed returns.
type histogramInto struct{ h *store.Histogram }

var errHistogram = errors.New("a column that should hold a histogram does not")

// Scan is that of sql.Scanner.
func (i histogramInto) Scan(value any) error {
	*i.h = store.Histogram{}
	b, ok := value.([]byte)
	if !ok && value != nil {
		return errHistogram
	}
	for at := uint64(0); len(b) > 0; at++ {
		skip, n := binary.Uvarint(b)
		if n <= 0 || skip > store.Buckets {
			return errHistogram
		}
		count, m := binary.Uvarint(b[n:])
		if at += skip; m <= 0 || at >= store.Buckets || count > math.MaxInt64 {
			return errHistogram
		}
		i.h[at] = int64(count)
		b = b[n+m:]
	}
	return nil
}

// Figures is that of store.Reader.
func (s *Store) Figures(ctx context.Context, q store.FigureQuery) (all []store.Figure, err error) {
	step := max(int64(q.Step/time.Minute), 1)
	first, end := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.Since.IsZero() {
		first = floorMinute(q.Since.UnixMicro())
	}
	if !q.Until.IsZero() {
		end = floorMinute(q.Until.UnixMicro()-1) + 1
	}
	sums, query := figures{}, figuresSQL
	if q.CountsOnly {
		query = countFiguresSQL
	}
	err = s.ask(ctx, "read figures", func(snap *snapshots) error {
		return each(snap, func(rows *sql.Rows) error {
			var k figureKey
			var f figure
			if err := rows.Scan(&k.minute, &k.task, &k.queue, &k.outcome, &f.n, histogramInto{&f.wait}, histogramInto{&f.run}); err != nil {
				return err
			}
			sums.of(k).add(&f)
			return nil
		}, query, first, end, listOrNull(q.Tasks), listOrNull(q.Queues), step)
	})
	for k, f := range sums {
		all = append(all, store.Figure{
			Start: timeOf(k.minute * minute), Task: k.task, Queue: k.queue, Outcome: k.outcome,
			Count: f.n, Wait: f.wait, Run: f.run,
		})
	}
	slices.SortFunc(all, func(a, b store.Figure) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Task, b.Task), cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Outcome, b.Outcome))
	})
	return all, err
}

// floorMinute returns the minute that a time lies in.
func floorMinute(micros int64) int64 {
	m := micros / minute
	if micros%minute < 0 {
		m--
	}
	return m
}

// foldHours is how many hours one call folds at most: the next goes on.
const foldHours = 48

// foldFigures adds up figures of minutes that are long gone by the hour, each hour in a transaction.
// What is counted for such a minute later is added by the next call.
func (s *Store) foldFigures(ctx context.Context) error {
	for range foldHours {
		more := false
		err := s.write(ctx, "add up figures", func(t *txn) (err error) {
			more, err = t.foldHour()
			return err
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// foldHour folds the oldest hour, if it is long gone.
func (t *txn) foldHour() (more bool, err error) {
	before := (t.now - store.FiguresByMinute.Microseconds()) / hour * 60
	var first sql.NullInt64
	if _, err := one(t, []any{&first}, "SELECT min(minute) FROM offload_figure WHERE minute < ?1", before); err != nil || !first.Valid {
		return false, err
	}
	start := first.Int64 - first.Int64%60
	sums := figures{}
	read := func(query string, args ...any) error {
		return each(t, func(rows *sql.Rows) error {
			k, f := figureKey{minute: start}, figure{}
			err := rows.Scan(&k.task, &k.queue, &k.outcome, &f.n, histogramInto{&f.wait}, histogramInto{&f.run})
			sums.of(k).add(&f)
			return err
		}, query, args...)
	}
	if err := read("SELECT task, queue, outcome, n, wait, run FROM offload_figure WHERE minute >= ?1 AND minute < ?1 + 60", start); err != nil {
		return false, err
	}
	if err := read("SELECT task, queue, outcome, n, wait, run FROM offload_figure_hour WHERE hour = ?1", start/60); err != nil {
		return false, err
	}
	for k, f := range sums {
		_, err := t.exec("REPLACE INTO offload_figure_hour (hour, task, queue, outcome, n, wait, run) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
			start/60, k.task, k.queue, k.outcome, f.n, packed(&f.wait), packed(&f.run))
		if err != nil {
			return false, err
		}
	}
	_, err = t.exec("DELETE FROM offload_figure WHERE minute >= ?1 AND minute < ?1 + 60", start)
	return true, err
}

// listOrNull returns names as a JSON array, or NULL for none.
func listOrNull(names []string) any {
	if len(names) == 0 {
		return nil
	}
	text, _ := json.Marshal(names) // strings always can be
	return string(text)
}

// CountEnqueued is that of store.Duties. A minute is counted by the ids made in it, which
// lie side by side, in pieces of some seconds.
func (s *Store) CountEnqueued(ctx context.Context) error {
	for {
		var counted, until int64 // minutes
		counts := figures{}
		err := s.ask(ctx, "count what was enqueued", func(snap *snapshots) (err error) {
			until = snap.now / minute
			counted, err = snap.countMinute(ctx, until, counts)
			return err
		})
		if err != nil {
			return err
		}
		if len(counts) == 0 && counted >= until {
			return s.write(ctx, "count what was enqueued", func(t *txn) error { return t.countedUntil(until) })
		}
		err = s.write(ctx, "count what was enqueued", func(t *txn) error {
			at, err := t.counted()
			if err != nil || at > counted { // another process was faster
				return err
			}
			if err := t.addFigures(counts); err != nil {
				return err
			}
			return t.countedUntil(counted + 1)
		})
		if err != nil {
			return err
		}
	}
}

func (t *txn) counted() (at int64, err error) {
	_, err = one(t, []any{&at}, "SELECT value FROM offload_meta WHERE name = 'counted'")
	return at, err
}

func (t *txn) countedUntil(at int64) error {
	_, err := t.exec("INSERT INTO offload_meta (name, value) VALUES ('counted', ?1) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)", at)
	return err
}

// countMinute counts the next minute before until that has jobs, and returns it; or until, if
// there is none.
func (snap *snapshots) countMinute(ctx context.Context, until int64, counts figures) (int64, error) {
	at, err := snap.counted()
	if err != nil {
		return 0, err
	}
	var first store.ID
	from := idAt(at * minute)
	found, err := one(snap, []any{idInto{&first}}, "SELECT id FROM offload_job WHERE id >= ?1 ORDER BY id LIMIT 1", from[:])
	if err != nil || !found {
		return until, err
	}
	m := floorMinute(first.Time().UnixMicro())
	if m >= until {
		return until, nil
	}
	const piece = minute / 12
	for start := m * minute; start < (m+1)*minute; start += piece {
		from, to := idAt(start), idAt(start+piece)
		err := each(snap, func(rows *sql.Rows) error {
			k := figureKey{minute: m, outcome: enqueued}
			var n int64
			if err := rows.Scan(&k.task, &k.queue, &n); err != nil {
				return err
			}
			counts.of(k).n += n
			return nil
		}, "SELECT task, queue, count(*) FROM offload_job WHERE id >= ?1 AND id < ?2 AND task <> '' GROUP BY task, queue", from[:], to[:])
		if err != nil {
			return 0, err
		}
		if err := snap.renew(ctx); err != nil {
			return 0, err
		}
	}
	return m, nil
}

func idAt(micros int64) store.ID { return store.IDAt(timeOf(micros)) }
