package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// A figureKey names what is counted together.
type figureKey struct{ task, queue, outcome string }

func (k figureKey) compare(o figureKey) int {
	return cmp.Or(cmp.Compare(k.task, o.task), cmp.Compare(k.queue, o.queue), cmp.Compare(k.outcome, o.outcome))
}

type figure struct {
	count     int64
	wait, run store.Histogram
}

// count are the statements that count ended attempts under a part of its own, in the order of
// their keys, as everybody locks them.
func (s *Store) count(part store.ID, ended []store.Ended) []step {
	figures := map[figureKey]*figure{}
	var f *figure
	var last figureKey
	for i := range ended {
		e := &ended[i]
		if k := (figureKey{e.Task, e.Queue, string(e.Outcome)}); f == nil || k != last {
			if f, last = figures[k], k; f == nil {
				f = &figure{}
				figures[k] = f
			}
		}
		f.count++
		f.wait.Count(e.Waited)
		f.run.Count(e.Ran)
	}
	steps := make([]step, 0, len(figures))
	for _, k := range slices.SortedFunc(maps.Keys(figures), figureKey.compare) {
		f := figures[k]
		steps = append(steps, step{sql: s.sql.figure, args: []any{
			[16]byte(part), k.task, k.queue, k.outcome, f.count, trimmed(&f.wait), trimmed(&f.run),
		}})
	}
	return steps
}

// trimmed is a histogram without the zeros at its end.
func trimmed(h *store.Histogram) []int64 {
	n := len(h)
	for n > 1 && h[n-1] == 0 {
		n--
	}
	return h[:n]
}

// Figures is that of store.Reader.
func (s *Store) Figures(ctx context.Context, q store.FigureQuery) ([]store.Figure, error) {
	step := max(q.Step.Truncate(time.Minute), time.Minute)
	var since any
	if !q.Since.IsZero() {
		since = q.Since.Truncate(time.Minute)
	}
	sums, args, query := map[figureAt]*store.Figure{}, []any{names(q.Tasks), names(q.Queues), since, timeOrNil(q.Until)}, s.sql.figures
	if q.CountsOnly {
		args, query = append(args, int64(step/time.Second)), s.sql.figuresCount
	}
	err := s.ask(ctx, "read figures", query, args, func(rows pgx.Rows) error {
		clear(sums)
		var (
			minute    time.Time
			k         figureKey
			count     int64
			wait, run []int64
		)
		for rows.Next() {
			if err := rows.Scan(&minute, &k.task, &k.queue, &k.outcome, &count, &wait, &run); err != nil {
				return err
			}
			seconds := minute.Unix()
			at := figureAt{seconds - seconds%int64(step/time.Second), k}
			f := sums[at]
			if f == nil {
				f = &store.Figure{Start: time.Unix(at.start, 0).UTC(), Task: k.task, Queue: k.queue, Outcome: k.outcome}
				sums[at] = f
			}
			f.Count += count
			addCounts(&f.Wait, wait)
			addCounts(&f.Run, run)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	figures := make([]store.Figure, 0, len(sums))
	for _, f := range sums {
		figures = append(figures, *f)
	}
	slices.SortFunc(figures, func(a, b store.Figure) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Task, b.Task), cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Outcome, b.Outcome))
	})
	return figures, nil
}

// A figureAt is what is counted together in one step of time.
type figureAt struct {
	start int64
	key   figureKey
}

func addCounts(h *store.Histogram, counts []int64) {
	for i, n := range counts[:min(len(counts), len(h))] {
		h[i] += n
	}
}

// names are names for a statement where null is any.
func names(list []string) any {
	if len(list) == 0 {
		return nil
	}
	clean := make([]string, len(list))
	for i, name := range list {
		clean[i] = store.CleanText(name, len(name))
	}
	return clean
}
