package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// A ticker says what a due schedule does.
type ticker = func(now time.Time, s store.Schedule) (store.Ticked, error)

// PutSchedules is that of store.Schedules.
func (s *Store) PutSchedules(ctx context.Context, schedules []store.Schedule) error {
	if len(schedules) == 0 {
		return nil
	}
	sorted := slices.Clone(schedules)
	slices.SortStableFunc(sorted, func(a, b store.Schedule) int { return cmp.Compare(a.Name, b.Name) })
	err := s.onPool(ctx, "store schedules", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			steps := make([]step, len(sorted))
			for i, c := range sorted {
				steps[i] = step{sql: s.sql.schedulePut, args: []any{c.Name, bytesOf(c.Spec), timePtr(c.Next), c.InCode}}
			}
			return w.commit(ctx, steps...)
		})
	})
	if err == nil {
		s.wake(ctx, []store.Wake{anything}) // the next tick may come sooner
	}
	return err
}

// DropSchedule is that of store.Schedules.
func (s *Store) DropSchedule(ctx context.Context, name string) error {
	return s.onPool(ctx, "drop schedule", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			gone := false
			err := w.commit(ctx, query{
				sql: s.sql.scheduleDrop, args: []any{name, store.DeclaredFor.Microseconds()},
				row: func(scan func(...any) error) error {
					gone = true
					return nil
				},
			}.step())
			if err == nil && !gone {
				err = scheduleNotFound(name)
			}
			return err
		})
	})
}

func scheduleNotFound(name string) error {
	return fmt.Errorf("schedule %q: %w", name, store.ErrNotFound)
}

// controlSchedule pauses or resumes a schedule, and returns it in words.
func (s *Store) controlSchedule(ctx context.Context, tx ownTx, c store.Control) (what string, err error) {
	name, what, paused := c.PauseSchedule, "pause schedule ", true
	if name == "" {
		name, what, paused = c.ResumeSchedule, "resume schedule ", false
	}
	there := false
	err = each(ctx, tx, s.sql.schedulePause, []any{name, paused}, func(func(...any) error) error {
		there = true
		return nil
	})
	if err == nil && !there {
		err = scheduleNotFound(name)
	}
	return what + name, err
}

// Schedules is that of store.Schedules.
func (s *Store) Schedules(ctx context.Context, names ...string) (all []store.Schedule, err error) {
	var list any
	if len(names) > 0 {
		list = names
	}
	err = s.ask(ctx, "read schedules", s.sql.schedules, []any{list}, func(rows pgx.Rows) error {
		all = nil
		return readSchedules(&all)(rows)
	})
	return all, err
}

// readSchedules reads what schedules.sql returns.
func readSchedules(into *[]store.Schedule) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			var c store.Schedule
			var next, declared, last *time.Time
			var job *[16]byte
			var state string
			if err := rows.Scan(&c.Name, &c.Spec, &next, &declared, &last, &job, &c.Paused, &state); err != nil {
				return err
			}
			c.Next, c.Declared, c.Last, c.InCode, c.LastState = timeOf(next), timeOf(declared), timeOf(last), declared != nil, store.State(state)
			if job != nil {
				c.LastJob = *job
			}
			*into = append(*into, c)
		}
		return rows.Err()
	}
}

// ticksAtATime is how many schedules one transaction ticks.
const ticksAtATime = 100

// Tick is that of store.Schedules. Several schedules share a transaction; where that fails each
// has one of its own, so that none is held up by another. Where somebody else holds all that are
// due it looks again a moment later: that may be a transaction of a connection that broke.
func (s *Store) Tick(ctx context.Context, most int, tick ticker) (took int, err error) {
	if away, err := s.away(ctx); err != nil || away {
		return 0, err
	}
	for waited := 0; most > 0; {
		some := min(most, ticksAtATime)
		n, found, refused := s.tickSome(ctx, some, nil, tick)
		if refused != nil && found > 1 {
			n, found, refused = s.tickEach(ctx, some, tick)
		}
		took, most = took+n, most-found
		if refused == nil && found == 0 {
			left := false
			left, refused = s.ticksLeft(ctx)
			if waited++; left && waited < tries {
				pause(ctx, waited)
				continue
			}
		}
		if err = errors.Join(err, refused); refused != nil || found < some {
			break
		}
	}
	return took, err
}

// ticksLeft reports whether schedules are due.
func (s *Store) ticksLeft(ctx context.Context) (left bool, err error) {
	args := []any{store.DeclaredFor.Microseconds()}
	err = s.ask(ctx, "look for due schedules", s.sql.schedulesLeft, args, eachRow(func(scan func(...any) error) error { return scan(&left) }))
	return left, err
}

// tickEach ticks schedules one by one. Those that fail are passed over.
func (s *Store) tickEach(ctx context.Context, most int, tick ticker) (took, found int, err error) {
	failed := []string{}
	for range most {
		n, one, refused := s.tickSome(ctx, 1, &failed, tick)
		took, found = took+n, found+one
		if err = errors.Join(err, refused); one == 0 || store.Temporary(refused) {
			break
		}
	}
	return took, found, err
}

// tickSome ticks some schedules in one transaction, and returns how many it took and found. Those
// whose tick failed are named in failed, and passed over next time.
func (s *Store) tickSome(ctx context.Context, most int, failed *[]string, tick ticker) (took, found int, err error) {
	skip := []string{}
	if failed != nil {
		skip = *failed
	}
	names, err := s.tickAll(ctx, "tick schedules", tick, func(w *work) ([]string, error) {
		var names []string
		err := w.send(ctx, query{
			sql: s.sql.schedulesDue, args: []any{most, store.DeclaredFor.Microseconds(), skip}, row: func(scan func(...any) error) error {
				var name string
				err := scan(&name)
				names = append(names, name)
				return err
			},
		}.step())
		return names, err
	}, nil)
	if err == nil {
		return len(names), len(names), nil
	}
	if failed != nil {
		*failed = append(*failed, names...)
	}
	return 0, len(names), err
}

// Take is that of store.Schedules.
func (s *Store) Take(ctx context.Context, name string, tick ticker) (inserted []store.Inserted, err error) {
	_, err = s.tickAll(ctx, fmt.Sprintf("tick schedule %q", name), tick, func(w *work) ([]string, error) {
		there := false
		err := w.send(ctx, query{sql: s.sql.scheduleLock, args: []any{name}, row: func(scan func(...any) error) error {
			there = true
			return nil
		}}.step())
		if err == nil && !there {
			err = scheduleNotFound(name)
		}
		return []string{name}, err
	}, func(all []store.Inserted) { inserted = all })
	return inserted, err
}

// tickAll locks schedules, asks what each does, and does it, in one transaction.
func (s *Store) tickAll(ctx context.Context, doing string, tick ticker, lock func(w *work) ([]string, error), done func([]store.Inserted)) (names []string, err error) {
	var t *ticks
	stale := map[string]bool{}
	err = s.onPool(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) (err error) {
			t = nil
			if names, err = lock(w); err != nil || len(names) == 0 {
				return err
			}
			t = &ticks{w: w, stale: stale}
			steps, err := t.take(ctx, names, tick)
			if err != nil {
				return err
			}
			if done != nil {
				done(t.inserted)
			}
			return w.commitAnd(ctx, []step{s.notify(t.wakes)}, steps...)
		})
	})
	if codeOf(err) == codeDuplicate {
		return names, store.Unavailable(doing, err) // a job was stored meanwhile that has the same id
	}
	if err == nil && t != nil {
		s.ears.hear(t.wakes)
		s.admitSoon(ctx, t.touches)
		s.settleSoon(ctx, t.marked)
	}
	return names, err
}

// Ticks are schedules that tick in one transaction.
type ticks struct {
	w        *work
	stale    map[string]bool
	inserted []store.Inserted
	wakes    []store.Wake
	touches  bool // gates that Admit is to look at
	marked   bool // jobs that Settle is to look at
}

// take asks what schedules do that are locked. It returns the steps that write it down.
func (t *ticks) take(ctx context.Context, names []string, tick ticker) ([]step, error) {
	var now time.Time
	var all []store.Schedule
	sql := t.w.s.sql
	err := t.w.send(ctx,
		step{sql: sql.now, args: []any{}, rows: readTime(&now)},
		step{sql: sql.schedules, args: []any{names}, rows: readSchedules(&all)},
	)
	if err != nil {
		return nil, err
	}
	var (
		jobs   []store.NewJob
		cancel []store.ID
		ends   = make([]int, len(all)) // where the jobs of each end
		ticked = make([]store.Ticked, len(all))
	)
	for i, c := range all {
		if ticked[i], err = tick(now, c); err != nil {
			return nil, badCall{fmt.Errorf("schedule %q: %w", c.Name, err)}
		}
		for _, n := range ticked[i].Jobs {
			n.Terms = keepOnConflict(n.Terms)
			jobs = append(jobs, n)
		}
		cancel = append(cancel, ticked[i].Cancel...)
		ends[i] = len(jobs)
	}
	if len(cancel) > 0 {
		a := &actor{s: t.w.s, tx: connTx{t.w.conn}, act: store.Act{Verb: store.Cancel, IDs: cancel}, users: true, left: &leaving{}}
		acted, err := a.do(ctx)
		if err != nil {
			return nil, err
		}
		t.touches, t.marked = a.left.touches(), true
		if slices.ContainsFunc(acted, signalled) {
			t.wakes = append(t.wakes, anything)
		}
	}
	var steps []step
	if len(jobs) > 0 {
		if steps, err = t.enter(ctx, jobs); err != nil {
			return nil, err
		}
	}
	return append(steps, t.written(all, ticked, ends)), nil
}

// enter stores the jobs of ticks.
func (t *ticks) enter(ctx context.Context, jobs []store.NewJob) ([]step, error) {
	b, err := newBatch(jobs)
	if err != nil {
		return nil, err
	}
	b.stale, b.again = t.stale, true
	e, inserted, steps, err := t.w.enter(ctx, b)
	if err != nil {
		return nil, err
	}
	t.inserted = inserted
	t.wakes = append(t.wakes, e.wakes()...)
	t.touches, t.marked = t.touches || e.left.touches(), t.marked || e.left.marked
	return steps, nil
}

// written is the step that writes down what schedules have done.
func (t *ticks) written(all []store.Schedule, ticked []store.Ticked, ends []int) step {
	n := len(all)
	names, next, last, jobs := make([]string, n), make([]*time.Time, n), make([]*time.Time, n), make([]*[16]byte, n)
	for i, c := range all {
		names[i], next[i], last[i] = c.Name, timePtr(ticked[i].Next), timePtr(ticked[i].Last)
		if len(ticked[i].Jobs) > 0 {
			id := [16]byte(t.inserted[ends[i]-1].ID)
			jobs[i] = &id
		}
	}
	return step{sql: t.w.s.sql.schedulesSet, args: []any{names, next, last, jobs}}
}

// keepOnConflict makes terms that fail on a taken key pass it over.
func keepOnConflict(t *store.Terms) *store.Terms {
	if t == nil || t.Unique == nil || t.Unique.OnConflict != store.ConflictFail {
		return t
	}
	kept, u := *t, *t.Unique
	u.OnConflict, kept.Unique = store.ConflictKeep, &u
	return &kept
}
