package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/schedule_put.sql
	putScheduleSQL string
	//go:embed sql/schedule_read.sql
	readSchedulesSQL string
	//go:embed sql/schedule_named.sql
	namedSchedulesSQL string
	//go:embed sql/schedule_due.sql
	dueSchedulesSQL string
	//go:embed sql/schedule_ticked.sql
	tickedSQL string
)

// A ticker says what a due schedule does.
type ticker = func(now time.Time, s store.Schedule) (store.Ticked, error)

// undeclared is the time before which a schedule of code was declared last that does not tick.
func (t *txn) undeclared() int64 { return t.now - store.DeclaredFor.Microseconds() }

// PutSchedules is that of store.Schedules.
func (s *Store) PutSchedules(ctx context.Context, schedules []store.Schedule) error {
	if len(schedules) == 0 {
		return nil
	}
	return s.write(ctx, "put schedules", func(t *txn) error {
		for _, c := range schedules {
			var declared any
			if c.InCode {
				declared = t.now
			}
			if _, err := t.exec(putScheduleSQL, c.Name, orNull(c.Spec), c.InCode, timeOrNull(c.Next), declared); err != nil {
				return err
			}
		}
		t.wakeToLook()
		return nil
	})
}

// DropSchedule is that of store.Schedules.
func (s *Store) DropSchedule(ctx context.Context, name string) error {
	return s.write(ctx, "drop schedule", func(t *txn) error {
		n, err := t.exec("DELETE FROM offload_schedule WHERE name = ?1 AND (declared_at IS NULL OR declared_at <= ?2)", name, t.undeclared())
		if err == nil && n == 0 {
			err = notFound("schedule", name)
		}
		return err
	})
}

func notFound(what, name string) error { return fmt.Errorf("%s %q: %w", what, name, store.ErrNotFound) }

// Schedules is that of store.Schedules.
func (s *Store) Schedules(ctx context.Context, names ...string) (all []store.Schedule, err error) {
	err = s.ask(ctx, "read schedules", func(q *snapshots) error {
		if len(names) == 0 {
			all, err = q.schedules(readSchedulesSQL)
		} else {
			all, err = q.schedules(namedSchedulesSQL, list(names))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// schedules reads what a query returns.
func (t *txn) schedules(query string, args ...any) (all []store.Schedule, err error) {
	all, err = t.scheduleRows(query, args...)
	for i := 0; i < len(all) && err == nil; i++ {
		all[i].LastState, err = t.stateOf(all[i].LastJob)
	}
	return all, err
}

// scheduleRows is schedules, without the states of their last jobs.
func (t *txn) scheduleRows(query string, args ...any) (all []store.Schedule, err error) {
	err = each(t, func(rows *sql.Rows) error {
		var c store.Schedule
		err := rows.Scan(&c.Name, &c.Spec, &c.InCode, timeInto{&c.Next}, &c.Paused, timeInto{&c.Declared}, timeInto{&c.Last}, idInto{&c.LastJob})
		all = append(all, c)
		return err
	}, query, args...)
	return all, err
}

// stateOf is the state of a job as people know it; "" if it is not stored.
func (t *txn) stateOf(id store.ID) (store.State, error) {
	if id.IsZero() {
		return "", nil
	}
	r, err := t.find(id)
	if err != nil || r.at == nowhere {
		return "", err
	}
	return r.stateAt(t.now), nil
}

// pauseSchedule pauses or resumes a schedule.
func (t *txn) pauseSchedule(what, name string, paused bool) (string, error) {
	n, err := t.exec("UPDATE offload_schedule SET paused = ?2 WHERE name = ?1", name, paused)
	if err == nil && n == 0 {
		err = notFound("schedule", name)
	}
	return what + name, err
}

// tickAtATime is how many schedules share a transaction.
const tickAtATime = 200

// errChanged reports a schedule that is not any more as it was when its ticker was asked.
var errChanged = errors.New("the schedule has changed")

// A plan is what a schedule does, said of it as it was then.
type plan struct {
	of   store.Schedule
	does store.Ticked
}

// Tick is that of store.Schedules. The ticker is asked outside of the transaction, which nobody
// shall have to wait for; within it, only a schedule that is still as it was is taken.
func (s *Store) Tick(ctx context.Context, most int, tick ticker) (took int, err error) {
	var errs []error
	for after := (store.Schedule{}); most > 0; {
		var due []store.Schedule
		now, err := s.look(ctx, "tick", func(t *txn) error {
			away, err := s.away(t)
			if err != nil || away {
				return err
			}
			due, err = t.schedules(dueSchedulesSQL, t.now, t.undeclared(), min(most, tickAtATime), micro(after.Next), after.Name)
			return err
		})
		if err != nil {
			return took, errors.Join(append(errs, err)...)
		}
		if len(due) == 0 {
			break
		}
		after, most = due[len(due)-1], most-len(due)
		var plans []plan
		for _, c := range due {
			does, err := tick(now, c)
			if err != nil {
				errs = append(errs, fmt.Errorf("schedule %q: %w", c.Name, err))
				continue
			}
			plans = append(plans, plan{c, does})
		}
		n, err := s.takeAll(ctx, plans)
		took += n
		if err != nil {
			errs = append(errs, err)
		}
	}
	return took, errors.Join(errs...)
}

// micro is a time in microseconds; the zero time comes before all others.
func micro(at time.Time) int64 {
	if at.IsZero() {
		return math.MinInt64
	}
	return at.UnixMicro()
}

// takeAll does what schedules do, in one transaction if it can be, so that they share its sync.
func (s *Store) takeAll(ctx context.Context, plans []plan) (took int, err error) {
	if len(plans) == 0 {
		return 0, nil
	}
	err = s.write(ctx, "tick", func(t *txn) error {
		taken, err := t.tick(plans)
		took = len(taken)
		return err
	})
	if err == nil {
		return took, nil
	}
	if len(plans) == 1 {
		return 0, fmt.Errorf("schedule %q: %w", plans[0].of.Name, err)
	}
	took = 0
	var errs []error
	for i := range plans {
		n, err := s.takeAll(ctx, plans[i:i+1])
		took += n
		errs = append(errs, err)
	}
	return took, errors.Join(errs...)
}

// Take is that of store.Schedules.
func (s *Store) Take(ctx context.Context, name string, tick ticker) (inserted []store.Inserted, err error) {
	for {
		var found []store.Schedule
		now, err := s.look(ctx, "take schedule", func(t *txn) (err error) {
			found, err = t.schedules(namedSchedulesSQL, list([]string{name}))
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, notFound("schedule", name)
		}
		does, err := tick(now, found[0])
		if err != nil {
			return nil, fmt.Errorf("schedule %q: %w", name, err)
		}
		err = s.write(ctx, "take schedule", func(t *txn) error {
			taken, err := t.tick([]plan{{found[0], does}})
			if err != nil {
				return err
			}
			if len(taken) == 0 {
				return errChanged
			}
			inserted = taken[0].inserted
			return nil
		})
		if !errors.Is(err, errChanged) {
			return inserted, err
		}
	}
}

// look asks within one snapshot of the connection kept for the engine, and returns its time.
func (s *Store) look(ctx context.Context, doing string, f func(*txn) error) (now time.Time, err error) {
	err = s.reader.view(ctx, func(t *txn) error {
		now = t.time()
		return f(t)
	})
	return now, s.explain(ctx, doing, err)
}

// A taken is a plan that was done, with its jobs.
type taken struct {
	*plan
	inserted []store.Inserted
}

// tick does what schedules do that are still as they were: all others were changed or taken by
// somebody else meanwhile.
func (t *txn) tick(plans []plan) (all []taken, err error) {
	if all, err = t.unchanged(plans); err != nil {
		return nil, err
	}
	var jobs []store.NewJob
	for i := range all {
		does := &all[i].does
		if _, err := t.act(store.Act{Verb: store.Cancel, IDs: does.Cancel}); err != nil {
			return nil, err
		}
		for _, n := range does.Jobs {
			n.Terms = keepOnConflict(n.Terms)
			jobs = append(jobs, n)
		}
	}
	var inserted []store.Inserted
	if len(jobs) > 0 {
		if inserted, err = t.insert(jobs); err != nil {
			return nil, err
		}
	}
	for i := range all {
		n := len(all[i].does.Jobs)
		all[i].inserted, inserted = inserted[:n:n], inserted[n:]
		if err := t.ticked(&all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// unchanged returns plans of schedules that are still as they were.
func (t *txn) unchanged(plans []plan) (all []taken, err error) {
	names := make([]string, len(plans))
	for i := range plans {
		names[i] = plans[i].of.Name
	}
	rows, err := t.scheduleRows(namedSchedulesSQL, list(names))
	if err != nil {
		return nil, err
	}
	is := make(map[string]*store.Schedule, len(rows))
	for i := range rows {
		is[rows[i].Name] = &rows[i]
	}
	for i := range plans {
		if now := is[plans[i].of.Name]; now != nil && same(now, &plans[i].of) {
			all = append(all, taken{plan: &plans[i]})
		}
	}
	return all, nil
}

// ticked writes down that a plan was done.
func (t *txn) ticked(p *taken) error {
	last, job := p.of.Last, p.of.LastJob
	if !p.does.Last.IsZero() {
		last, job = p.does.Last, store.ID{}
	}
	if n := len(p.inserted); n > 0 {
		job = p.inserted[n-1].ID
	}
	_, err := t.exec(tickedSQL, p.of.Name, timeOrNull(p.does.Next), timeOrNull(last), idOrNull(job))
	return err
}

// same reports whether nobody has changed or ticked a schedule. What has become of its last job
// meanwhile does not matter: the ticker might have been asked before.
func same(a, b *store.Schedule) bool {
	return bytes.Equal(a.Spec, b.Spec) && a.InCode == b.InCode && a.Paused == b.Paused && a.Next.Equal(b.Next) &&
		a.Last.Equal(b.Last) && a.LastJob == b.LastJob
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
