package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/cause"
	"github.com/offloadhq/offload/store"
)

// GroupErrors is that of store.ErrorGroups: one transaction, which locks failures, and then their
// groups in order.
func (s *Store) GroupErrors(ctx context.Context, most int) (n int, err error) {
	err = s.onPool(ctx, "group errors", func(ctx context.Context, conn *pgx.Conn) error {
		return s.transact(ctx, conn, func(w *work) error {
			n = 0
			fresh, err := s.takeFresh(ctx, w, most)
			if err != nil {
				return err
			}
			if n = len(fresh); n == 0 {
				return w.commit(ctx)
			}
			return s.addErrors(ctx, w, fresh)
		})
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// takeFresh locks failures that are not grouped yet.
func (s *Store) takeFresh(ctx context.Context, w *work, most int) (fresh []cause.Fresh, err error) {
	err = w.send(ctx, step{sql: s.sql.errorsTake, args: []any{most, cause.InputHead}, rows: func(rows pgx.Rows) error {
		for rows.Next() {
			var f cause.Fresh
			var id [16]byte
			var tags, terms []byte
			err := rows.Scan(&id, &f.Attempt, &f.At, &f.Kind, &f.Error, &f.Stack, &f.Task, &f.Input, &tags, &terms)
			if err != nil {
				return err
			}
			f.Job = id
			if tags != nil {
				if err := json.Unmarshal(tags, &f.Tags); err != nil {
					return err
				}
			}
			if f.Terms, err = decodeTerms(f.Task, terms); err != nil {
				return err
			}
			fresh = append(fresh, f)
		}
		return rows.Err()
	}})
	return fresh, err
}

// addErrors gives failures their groups, counts them there, and commits.
func (s *Store) addErrors(ctx context.Context, w *work, fresh []cause.Fresh) error {
	var jobs [][16]byte
	var attempts []int32
	var causes []string
	for i := range fresh {
		jobs, attempts = append(jobs, fresh[i].Job), append(attempts, int32(fresh[i].Attempt))
		causes = append(causes, cause.Of(fresh[i].Failure).Group)
	}
	sums := cause.Sums(fresh)
	var ids, hourIDs []string
	var hours, counts []int64
	for _, sum := range sums {
		ids = append(ids, sum.Group)
		for hour, n := range sum.Hours {
			hourIDs, hours, counts = append(hourIDs, sum.Group), append(hours, hour), append(counts, n)
		}
	}
	groups := map[string]*store.ErrorGroup{}
	err := w.send(ctx,
		step{sql: s.sql.errorsMark, args: []any{jobs, attempts, causes}},
		step{sql: s.sql.errorsLock, args: []any{ids}, rows: func(rows pgx.Rows) error {
			return readGroups(rows, func(g store.ErrorGroup, _ time.Time) { groups[g.Group] = &g })
		}},
	)
	if err != nil {
		return err
	}
	steps := []step{{sql: s.sql.errorsHours, args: []any{hourIDs, hours, counts}}}
	for _, sum := range sums {
		g := groups[sum.Group]
		if g == nil {
			return badCall{fmt.Errorf("store/postgres: error %s was not locked", sum.Group)}
		}
		sum.AddTo(g)
		keys, err := json.Marshal(g.Keys)
		if err != nil {
			return badCall{err}
		}
		steps = append(steps, step{sql: s.sql.errorsPut, args: []any{
			g.Group, g.Task, g.Kind, g.Title, g.Sealed, string(g.Status), timeOrNil(g.Changed), g.Count,
			g.First, g.Last, [16]byte(g.Job), g.Attempt, string(keys), g.OtherKeys,
		}})
	}
	return w.commit(ctx, steps...)
}

// readGroups reads what errors.sql and errors_lock.sql return.
func readGroups(rows pgx.Rows, found func(g store.ErrorGroup, now time.Time)) error {
	for rows.Next() {
		var g store.ErrorGroup
		var id [16]byte
		var changed *time.Time
		var keys string
		var now time.Time
		err := rows.Scan(&g.Group, &g.Task, &g.Kind, &g.Title, &g.Sealed, &g.Status, &changed, &g.Count,
			&g.First, &g.Last, &id, &g.Attempt, &keys, &g.OtherKeys, &g.Error, &now)
		if err != nil {
			return err
		}
		if g.Job = id; changed != nil {
			g.Changed = *changed
		}
		if err := json.Unmarshal([]byte(keys), &g.Keys); err != nil {
			return fmt.Errorf("keys of error %s: %w", g.Group, err)
		}
		cause.Retitle(&g)
		found(g, now)
	}
	return rows.Err()
}

// ErrorGroups is that of store.ErrorGroups.
func (s *Store) ErrorGroups(ctx context.Context, q store.GroupQuery) (groups []store.ErrorGroup, err error) {
	var now time.Time
	statuses := make([]string, len(q.Statuses))
	for i, status := range q.Statuses {
		statuses[i] = string(status)
	}
	args := []any{
		names(q.Groups), names(q.Tasks), names(statuses), timeOrNil(q.Since), cmp.Or(max(q.Max, 0), 100), timeOrNil(q.Before), q.BeforeID,
	}
	err = s.ask(ctx, "read errors", s.sql.errors, args, func(rows pgx.Rows) error {
		groups = nil
		return readGroups(rows, func(g store.ErrorGroup, at time.Time) { groups, now = append(groups, g), at })
	})
	if err != nil || q.Hours <= 0 || len(groups) == 0 {
		return groups, err
	}
	return groups, s.countHours(ctx, groups, now, q.Hours)
}

// countHours fills in the last hours of groups.
func (s *Store) countHours(ctx context.Context, groups []store.ErrorGroup, now time.Time, n int) error {
	ids := make([]string, len(groups))
	for i := range groups {
		ids[i] = groups[i].Group
	}
	counts := map[string]map[int64]int64{}
	since := cause.HourOf(now) - int64(min(n, store.MaxErrorHours))
	err := s.ask(ctx, "read errors", s.sql.errorsCounted, []any{ids, since}, func(rows pgx.Rows) error {
		clear(counts)
		for rows.Next() {
			var id string
			var hour, n int64
			if err := rows.Scan(&id, &hour, &n); err != nil {
				return err
			}
			if counts[id] == nil {
				counts[id] = map[int64]int64{}
			}
			counts[id][hour] = n
		}
		return rows.Err()
	})
	for i := range groups {
		groups[i].Hours = cause.Hours(counts[groups[i].Group], now, n)
	}
	return err
}

// setError gives a group a status.
func (s *Store) setError(ctx context.Context, tx ownTx, group string, status store.ErrorStatus) (what string, err error) {
	there := false
	err = each(ctx, tx, s.sql.errorsSet, []any{group, string(status)}, func(func(...any) error) error {
		there = true
		return nil
	})
	if err == nil && !there {
		err = store.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("error %s: %w", group, err)
	}
	return store.ErrorAct(group, status), nil
}

// groupStretch is how many jobs of a group are looked at by one statement at most: few at first,
// since most of those that have failed so are usually wanted.
const groupStretch = 1000

// findInGroup returns jobs whose last failure is of the filter's group, newest first. It walks
// through those that have any failure of the group, a stretch at a time.
func (s *Store) findInGroup(ctx context.Context, f *store.Filter, most int) (found []store.Job, err error) {
	before := f.Before
	for stretch := min(most+most/2, groupStretch); len(found) < most; stretch = groupStretch {
		var ids []store.ID
		err := s.ask(ctx, "find jobs", s.sql.errorsJobs, []any{f.Group, idOrNil(before), stretch}, func(rows pgx.Rows) error {
			ids = nil
			for rows.Next() {
				var id [16]byte
				if err := rows.Scan(&id); err != nil {
					return err
				}
				ids = append(ids, id)
			}
			return rows.Err()
		})
		if err != nil {
			return nil, err
		}
		if len(ids) == 0 {
			break
		}
		among := *f
		among.IDs = ids
		some, err := s.find(ctx, &among, len(ids), false, func(j *store.Job) bool {
			return len(f.Queues) > 0 || j.Queue != store.SystemQueue // where ids are named, it is not left out
		})
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
		if len(ids) < stretch {
			break
		}
		before = ids[len(ids)-1]
	}
	return found[:min(most, len(found))], nil
}
