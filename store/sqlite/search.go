package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

//go:embed sql/search_soonest.sql
var soonestSQL string

// How many jobs one step of a search looks at, and how long a step should take.
const (
	searchLeast, searchFirst, soonestMost = 50, 500, 1000
	searchFast, searchSlow                = 20 * time.Millisecond, 80 * time.Millisecond
)

// A search is one under way.
type search struct {
	*snapshots
	*store.Search
	most  int
	keep  func(*found) bool
	args  []any // of find.sql, from ?4 on
	step  int   // how many jobs are looked at next
	found []found
	at    store.Cursor // where it has come to

	rareTasks bool // few looks at the jobs of the tasks that are named
}

// Search is that of store.Reader.
func (s *Store) Search(ctx context.Context, q store.Search) (all store.Found, err error) {
	began := time.Now()
	err = s.ask(ctx, "search jobs", func(snap *snapshots) error {
		w := &search{snapshots: snap, Search: &q, most: q.Max, step: searchFirst, at: q.After}
		if w.most <= 0 {
			w.most = 100
		}
		if q.Soonest {
			w.step = min(w.most, soonestMost) // a page, of each queue and priority
		}
		if !q.Soonest && w.at.ID.IsZero() {
			w.at.ID = q.Before
		}
		has := containing(&q.Filter)
		w.keep = func(j *found) bool { return has(j) && w.says(j) }
		if w.args, err = snap.filterArgs(&q.Filter, w.reads()); err != nil {
			return err
		}
		if err := w.run(ctx, began); err != nil {
			return err
		}
		all.Reached = w.at
		for i := range w.found {
			if err := snap.fillIn(&w.found[i]); err != nil {
				return err
			}
			all.Jobs = append(all.Jobs, w.found[i].Job)
		}
		return nil
	})
	if err != nil {
		return store.Found{}, err
	}
	return all, nil
}

// reads reports whether inputs are needed whole.
func (w *search) reads() bool { return len(w.Input) > 0 || len(w.IDs) > 0 }

// says reports whether the input of a job says what is wanted, and drops what is large.
func (w *search) says(j *found) bool {
	if len(w.Input) == 0 {
		return true
	}
	if !store.MatchAll(w.Shown(&j.Job), w.Input) {
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

// run makes steps until there is enough, nothing more, or no time.
func (w *search) run(ctx context.Context, began time.Time) error {
	step := w.stretch
	switch {
	case w.Soonest:
		step = w.soonest
	case len(w.IDs) > 0:
		step = w.byID
	case !w.Flow.IsZero() || !w.Batch.IsZero():
		step = w.few
	default:
		var err error
		if w.rareTasks, err = w.rare(&w.Filter, w.before()); err != nil {
			return err
		}
		switch {
		case w.rareTasks:
			step = w.few
		case w.Filter.Search != "" && w.looksAtAll():
			step = w.failed
		}
	}
	for {
		start := time.Now()
		more, err := step()
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
		if err := w.renew(ctx); err != nil {
			return err
		}
	}
}

// longest is how many jobs one step looks at, at most.
func (w *search) longest() int {
	if w.Soonest {
		return soonestMost
	}
	return findStretch
}

// before is the id before which a step looks.
func (w *search) before() []byte {
	if w.at.ID.IsZero() {
		return beyondID
	}
	return bytes.Clone(w.at.ID[:])
}

// take adds what a step has found, newest first, and stands behind the last that there is room for.
func (w *search) take(jobs []found) {
	slices.SortFunc(jobs, func(a, b found) int { return b.ID.Compare(a.ID) })
	w.found = append(w.found, jobs...)
	if len(w.found) >= w.most {
		w.at.ID = w.found[w.most-1].ID
	}
}

// stretch looks through the next ids of all places, of which none has more than a step.
func (w *search) stretch() (more bool, err error) {
	before, err := w.skip(&w.Filter, w.before())
	if err != nil || before == nil {
		return false, err
	}
	shelves := shelvesFor(&w.Filter)
	var from store.ID
	for i := range shelves {
		var first store.ID
		longer, err := one(w, []any{idInto{&first}}, shelves[i].step, before, w.step)
		if err != nil {
			return false, err
		}
		if more = more || longer; first.Compare(from) > 0 {
			from = first
		}
	}
	limit := w.most - len(w.found)
	if len(w.Input) > 0 || w.Filter.Search != "" {
		limit = -1 // what is found is looked through here
	}
	var jobs []found
	for i := range shelves {
		some, err := w.readJobs(shelves[i].byWalk, w.keep, append([]any{before, from[:], limit}, w.args...))
		if err != nil {
			return false, err
		}
		jobs = append(jobs, some...)
	}
	w.at.ID = from
	w.take(jobs)
	return more, nil
}

// few looks at the next jobs of a flow, of a batch or of rare tasks, which are found by it.
func (w *search) few() (more bool, err error) {
	var jobs []found
	var from store.ID
	args := slices.Clone(w.args)
	args[needleArg] = nil
	for _, shelf := range shelvesFor(&w.Filter) {
		looked, last := 0, store.ID{}
		some, err := w.readJobs(shelf.few(&w.Filter, w.rareTasks), func(j *found) bool {
			looked, last = looked+1, j.ID
			return w.keep(j)
		}, append([]any{w.before(), nil, w.step}, args...))
		if err != nil {
			return false, err
		}
		jobs = append(jobs, some...)
		if looked >= w.step && last.Compare(from) > 0 {
			more, from = true, last
		}
	}
	w.at.ID = from
	w.take(slices.DeleteFunc(jobs, func(j found) bool { return j.ID.Compare(from) < 0 })) // the next step finds them
	return more, nil
}

// looksAtAll reports whether jobs that have completed are looked at, which are most of all.
func (w *search) looksAtAll() bool {
	return slices.ContainsFunc(shelvesFor(&w.Filter), func(s shelf) bool { return slices.Contains(s.states, store.Completed) })
}

// failed looks at the next jobs that have failed: no others have an error to look through.
func (w *search) failed() (more bool, err error) {
	var ids []store.ID
	err = each(w, func(rows *sql.Rows) error {
		var id store.ID
		err := rows.Scan(idInto{&id})
		ids = append(ids, id)
		return err
	}, "SELECT id FROM offload_failure WHERE id < ?1 ORDER BY id DESC LIMIT ?2", w.before(), w.step)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	more = len(ids) >= w.step
	ids = slices.Compact(ids) // a row is an attempt
	var jobs []found
	for _, shelf := range shelvesFor(&w.Filter) {
		some, err := w.readJobs(shelf.byIDs, w.keep, append([]any{joined(ids), nil, -1}, w.args...))
		if err != nil {
			return false, err
		}
		jobs = append(jobs, some...)
	}
	w.at.ID = ids[len(ids)-1]
	w.take(jobs)
	return more, nil
}

// needleArg is where filterArgs has the text that is in inputs.
const needleArg = 19

// byID looks at the jobs that are named.
func (w *search) byID() (more bool, err error) {
	var jobs []found
	for _, shelf := range shelvesFor(&w.Filter) {
		some, err := w.readJobs(shelf.byIDs, w.keep, append([]any{joined(w.IDs), nil, -1}, w.args...))
		if err != nil {
			return false, err
		}
		jobs = append(jobs, some...)
	}
	before := w.before()
	w.take(slices.DeleteFunc(jobs, func(j found) bool { return bytes.Compare(j.ID[:], before) >= 0 }))
	return false, nil
}

// soonest looks at the jobs that are due next.
func (w *search) soonest() (more bool, err error) {
	next, err := w.dueNext()
	if err != nil || len(next) == 0 {
		return false, err
	}
	if more = len(next) >= w.step; more {
		next = next[:w.step]
	}
	ids, at := make([]store.ID, len(next)), make(map[store.ID]store.Cursor, len(next))
	for i, c := range next {
		ids[i], at[c.ID] = c.ID, c
	}
	jobs, err := w.readJobs(shelves[0].byIDs, w.keep, append([]any{joined(ids), nil, -1}, w.args...))
	if err != nil {
		return false, err
	}
	slices.SortFunc(jobs, func(a, b found) int { return cmp.Or(at[a.ID].At.Compare(at[b.ID].At), a.ID.Compare(b.ID)) })
	w.found = append(w.found, jobs...)
	w.at = next[len(next)-1]
	if len(w.found) >= w.most {
		w.at = at[w.found[w.most-1].ID]
	}
	return more, nil
}

// dueNext are at least a step of jobs that are due next, if there are so many.
func (w *search) dueNext() (next []store.Cursor, err error) {
	lanes, err := w.lanes()
	if err != nil {
		return nil, err
	}
	wants := func(state store.State) bool { return len(w.States) == 0 || slices.Contains(w.States, state) }
	for _, lane := range lanes {
		if len(w.Queues) > 0 && !slices.Contains(w.Queues, lane.Queue) || len(w.Queues) == 0 && lane.Queue == store.SystemQueue {
			continue
		}
		err := each(w, func(rows *sql.Rows) error {
			var c store.Cursor
			err := rows.Scan(timeInto{&c.At}, idInto{&c.ID})
			next = append(next, c)
			return err
		}, soonestSQL, lane.Queue, lane.Priority, w.at.At.UnixMicro(), w.at.ID[:], w.now, wants(store.Scheduled), wants(store.Retryable), w.step)
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(next, func(a, b store.Cursor) int { return cmp.Or(a.At.Compare(b.At), a.ID.Compare(b.ID)) })
	return next, nil
}
