package postgres

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// How many jobs one step of a search looks at, and how long a step should take.
const (
	searchLeast, searchFirst, searchMost, soonestMost = 50, 500, 20_000, 1000
	searchFast, searchSlow                            = 20 * time.Millisecond, 80 * time.Millisecond
)

// A search is one under way.
type search struct {
	*Store
	store.Search
	most  int
	step  int // how many jobs are looked at next
	found []store.Job
	at    store.Cursor // where it has come to
}

// Search is that of store.Reader.
func (s *Store) Search(ctx context.Context, q store.Search) (store.Found, error) {
	w := &search{Store: s, Search: q, most: q.Max, step: searchFirst, at: q.After}
	if w.most <= 0 {
		w.most = 100
	}
	if q.Soonest {
		w.step = min(w.most, soonestMost) // a page, of each queue and priority
	}
	if !q.Soonest && w.at.ID.IsZero() {
		w.at.ID = q.Before
	}
	if err := w.run(ctx); err != nil {
		return store.Found{}, err
	}
	return store.Found{Jobs: w.found, Reached: w.at}, nil
}

// run makes steps until there is enough, nothing more, or no time.
func (w *search) run(ctx context.Context) error {
	began := time.Now()
	step := w.stretch
	switch {
	case w.Soonest:
		step = w.soonest
	case len(w.IDs) > 0:
		step = w.byID
	case !w.Flow.IsZero() || !w.Batch.IsZero() || !w.Process.IsZero():
		step = w.few
	}
	for {
		start := time.Now()
		more, err := step(ctx)
		switch {
		case err != nil:
			return err
		case len(w.found) >= w.most:
			w.found = w.found[:w.most]
			return nil
		case !more:
			w.at = store.Cursor{}
			return nil
		case w.Budget > 0 && time.Since(began) >= w.Budget:
			return nil
		}
		if took := time.Since(start); took < searchFast {
			w.step = min(2*w.step, w.longest())
		} else if took > searchSlow {
			w.step = max(w.step/2, searchLeast)
		}
	}
}

// find returns the newest jobs of a filter from an id on that are to be kept; most is how many are looked at.
func (w *search) find(ctx context.Context, f *store.Filter, from store.ID, most int, keep func(*store.Job) bool) (found []store.Job, err error) {
	err = w.planned(ctx, w.sql.find, findArgs(f, from, most, w.reads()), func(rows pgx.Rows) (err error) {
		found, err = readJobs(rows, keep)
		return err
	})
	return found, err
}

// planned asks within a transaction that says how to plan: what looks at many rows is else compiled, or
// reads all of a table.
func (w *search) planned(ctx context.Context, sql string, args []any, read func(pgx.Rows) error) error {
	return w.within(ctx, "search jobs", func(ctx context.Context, tx ownTx) error {
		rows, err := tx.tx.Query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		return read(rows)
	})
}

// longest is how many jobs one step looks at, at most.
func (w *search) longest() int {
	if w.Soonest {
		return soonestMost
	}
	return searchMost
}

// says reports whether the input of a job says what is wanted, and drops what is large.
func (w *search) says(j *store.Job) bool {
	if len(w.Input) == 0 {
		return true
	}
	if !store.MatchAll(w.Shown(j), w.Input) {
		return false
	}
	if len(w.IDs) == 0 && j.InputSize > store.InlineInput {
		j.Input = nil
	}
	if len(w.IDs) == 0 && len(j.Result) > store.InlineInput {
		j.Result = nil
	}
	return true
}

// reads reports whether inputs are needed whole.
func (w *search) reads() bool { return len(w.Input) > 0 || len(w.IDs) > 0 }

// take adds what a step has found, and stands behind the last that there is room for.
func (w *search) take(jobs []store.Job) {
	w.found = append(w.found, jobs...)
	if len(w.found) >= w.most {
		w.at.ID = w.found[w.most-1].ID
	}
}

// stretch looks through the next ids of all places, of which none has more than a step.
func (w *search) stretch(ctx context.Context) (more bool, err error) {
	before := beyondID
	if !w.at.ID.IsZero() {
		before = w.at.ID
	}
	p := placesOf(w.States)
	completed := p.done && slices.Contains(p.outcomes, 0)
	other := func(outcome int16) bool { return !completed && slices.Contains(p.outcomes, outcome) }
	var from store.ID
	args := []any{[16]byte(before), w.step, p.due, p.running, p.blocked, completed, other(1), other(2), other(3)}
	err = w.ask(ctx, "search jobs", w.sql.searchStep, args, func(rows pgx.Rows) error {
		for rows.Next() {
			var id *[16]byte
			if err := rows.Scan(&id); err != nil {
				return err
			}
			if more = id != nil; more {
				from = *id
			}
		}
		return rows.Err()
	})
	if err != nil {
		return false, err
	}
	limit := w.most - len(w.found)
	if len(w.Input) > 0 {
		limit = math.MaxInt32 // what is found is looked through here
	}
	f := w.Filter
	f.Before = w.at.ID
	jobs, err := w.find(ctx, &f, from, limit, w.says)
	w.at.ID = from
	w.take(jobs)
	return more, err
}

// beyondID is above the id of every job.
var beyondID = store.ID(bytes.Repeat([]byte{0xff}, 16))

// few looks at the next jobs of a flow, a batch or a process, which are found by it.
func (w *search) few(ctx context.Context) (more bool, err error) {
	f := w.Filter
	f.Before, f.Input = w.at.ID, nil
	looked, first := 0, store.ID{}
	jobs, err := w.find(ctx, &f, store.ID{}, w.step, func(j *store.Job) bool {
		if looked++; looked == 1 || j.ID == first { // it may be asked again
			looked, first = 1, j.ID
		}
		w.at.ID = j.ID
		return w.says(j)
	})
	w.take(jobs)
	return looked >= w.step, err
}

// byID looks at the jobs that are named.
func (w *search) byID(ctx context.Context) (more bool, err error) {
	f := w.Filter
	f.Before = w.at.ID
	jobs, err := w.find(ctx, &f, store.ID{}, len(f.IDs), w.says)
	w.take(jobs)
	return false, err
}

// soonest looks at the jobs that are due next.
func (w *search) soonest(ctx context.Context) (more bool, err error) {
	next, err := w.dueNext(ctx)
	if err != nil || len(next) == 0 {
		return false, err
	}
	f := w.Filter
	f.IDs = make([]store.ID, len(next))
	at := make(map[store.ID]store.Cursor, len(next))
	for i, c := range next {
		f.IDs[i], at[c.ID] = c.ID, c
	}
	if len(f.States) == 0 {
		f.States = []store.State{store.Scheduled, store.Retryable}
	}
	jobs, err := w.find(ctx, &f, store.ID{}, len(next), w.says)
	if err != nil {
		return false, err
	}
	slices.SortFunc(jobs, func(a, b store.Job) int { return cmp.Or(at[a.ID].At.Compare(at[b.ID].At), a.ID.Compare(b.ID)) })
	w.found = append(w.found, jobs...)
	w.at = next[len(next)-1]
	if len(w.found) >= w.most {
		w.at = at[w.found[w.most-1].ID]
	}
	return len(next) == w.step, nil
}

// dueNext are a step of jobs that are due next, if there are so many.
func (w *search) dueNext(ctx context.Context) (next []store.Cursor, err error) {
	wants := func(state store.State) bool { return len(w.States) == 0 || slices.Contains(w.States, state) }
	args := []any{w.at.At, [16]byte(w.at.ID), names(w.Filter.Queues), wants(store.Scheduled), wants(store.Retryable), w.step}
	err = w.planned(ctx, w.sql.searchSoonest, args, func(rows pgx.Rows) error {
		next = nil
		for rows.Next() {
			var c store.Cursor
			var id [16]byte
			if err := rows.Scan(&c.At, &id); err != nil {
				return err
			}
			c.ID = id
			next = append(next, c)
		}
		return rows.Err()
	})
	return next, err
}
