package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/offloadhq/offload/internal/cause"
	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/errors.sql
	errorsText string
	//go:embed sql/errors_jobs.sql
	errorJobsSQL string
	//go:embed sql/errors_mark.sql
	markErrorSQL string
	//go:embed sql/errors_new.sql
	newErrorsSQL string
	//go:embed sql/errors_put.sql
	putErrorSQL string
)

// All groups, and those of ids: see errors.sql.
var (
	errorsSQL     = strings.ReplaceAll(errorsText, "{walk}", "(e.last_at, e.id) < (?6, ?7) AND e.last_at >= ?4 AND ?1 IS NULL")
	errorsByIDSQL = strings.ReplaceAll(errorsText, "{walk}",
		"e.id IN (SELECT value FROM json_each(?1)) AND (+e.last_at, +e.id) < (?6, ?7) AND +e.last_at >= ?4")
)

// GroupErrors is that of store.ErrorGroups. What failures have in common is found before the
// transaction, which takes those only that are still as they were read.
func (s *Store) GroupErrors(ctx context.Context, most int) (n int, err error) {
	var fresh []cause.Fresh
	err = s.ask(ctx, "group errors", func(q *snapshots) (err error) {
		fresh, err = q.freshFailures(most)
		return err
	})
	if err != nil || len(fresh) == 0 {
		return 0, err
	}
	groups := make([]string, len(fresh))
	for i := range fresh {
		groups[i] = cause.Of(fresh[i].Failure).Group
	}
	err = s.write(ctx, "group errors", func(t *txn) error {
		var mine []cause.Fresh
		for i, f := range fresh {
			marked, err := t.exec(markErrorSQL, f.Job[:], f.Attempt, f.At.UnixMicro(), groups[i], f.Error)
			if err != nil {
				return err
			}
			if marked > 0 {
				mine = append(mine, f)
			}
		}
		n = len(mine)
		for _, sum := range cause.Sums(mine) {
			if err := t.addErrors(sum); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (q *snapshots) freshFailures(most int) (fresh []cause.Fresh, err error) {
	err = each(q, func(rows *sql.Rows) error {
		var f cause.Fresh
		err := rows.Scan(idInto{&f.Job}, &f.Attempt, timeInto{&f.At}, &f.Kind, &f.Error, &f.Stack, &f.Task, &f.Input, tagsInto{&f.Tags}, termsInto{&f.Terms})
		fresh = append(fresh, f)
		return err
	}, newErrorsSQL, most, cause.InputHead)
	return fresh, err
}

// addErrors adds failures to their group.
func (t *txn) addErrors(sum *cause.Sum) error {
	var g store.ErrorGroup
	err := readGroups(t, func(found store.ErrorGroup) { g = found }, &store.GroupQuery{Groups: []string{sum.Group}, Max: 1})
	if err != nil {
		return err
	}
	sum.AddTo(&g)
	keys, err := json.Marshal(g.Keys)
	if err != nil {
		return err
	}
	_, err = t.exec(putErrorSQL, g.Group, g.Task, g.Kind, g.Title, g.Sealed, string(g.Status), microOrNull(g.Changed), g.Count,
		g.First.UnixMicro(), g.Last.UnixMicro(), g.Job[:], g.Attempt, string(keys), g.OtherKeys)
	for hour, n := range sum.Hours {
		if err != nil {
			break
		}
		_, err = t.exec("INSERT INTO offload_error_hour (error, hour, count) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + ?3", g.Group, hour, n)
	}
	return err
}

// ErrorGroups is that of store.ErrorGroups.
func (s *Store) ErrorGroups(ctx context.Context, q store.GroupQuery) (groups []store.ErrorGroup, err error) {
	err = s.ask(ctx, "read errors", func(sn *snapshots) error {
		groups = nil
		err := readGroups(sn, func(g store.ErrorGroup) { groups = append(groups, g) }, &q)
		if err != nil || q.Hours <= 0 {
			return err
		}
		now := timeOf(sn.now)
		since := cause.HourOf(now) - int64(min(q.Hours, store.MaxErrorHours))
		for i := range groups {
			counts := map[int64]int64{}
			err := each(sn, func(rows *sql.Rows) error {
				var hour, n int64
				err := rows.Scan(&hour, &n)
				counts[hour] = n
				return err
			}, "SELECT hour, count FROM offload_error_hour WHERE error = ?1 AND hour > ?2", groups[i].Group, since)
			if err != nil {
				return err
			}
			groups[i].Hours = cause.Hours(counts, now, q.Hours)
		}
		return nil
	})
	return groups, err
}

func readGroups(db database, found func(store.ErrorGroup), q *store.GroupQuery) error {
	most := cmp.Or(max(q.Max, 0), 100)
	statuses := make([]string, len(q.Statuses))
	for i, status := range q.Statuses {
		statuses[i] = string(status)
	}
	before, since := int64(math.MaxInt64), int64(math.MinInt64)
	if !q.Before.IsZero() {
		before = q.Before.UnixMicro()
	}
	if !q.Since.IsZero() {
		since = q.Since.UnixMicro()
	}
	query := errorsSQL
	if len(q.Groups) > 0 {
		query = errorsByIDSQL
	}
	return each(db, func(rows *sql.Rows) error {
		var g store.ErrorGroup
		var keys string
		var text sql.NullString
		err := rows.Scan(&g.Group, &g.Task, &g.Kind, &g.Title, &g.Sealed, &g.Status, timeInto{&g.Changed}, &g.Count,
			timeInto{&g.First}, timeInto{&g.Last}, idInto{&g.Job}, &g.Attempt, &keys, &g.OtherKeys, &text)
		if err != nil {
			return err
		}
		g.Error = text.String
		cause.Retitle(&g)
		if err := json.Unmarshal([]byte(keys), &g.Keys); err != nil {
			return fmt.Errorf("keys of error %s: %w", g.Group, err)
		}
		found(g)
		return nil
	}, query, listOrNull(q.Groups), listOrNull(q.Tasks), listOrNull(statuses), since, most, before, q.BeforeID)
}

// setError gives a group a status.
func (t *txn) setError(group string, status store.ErrorStatus) (what string, err error) {
	n, err := t.exec("UPDATE offload_error SET changed_at = CASE WHEN status = ?2 THEN changed_at ELSE ?3 END, status = ?2 WHERE id = ?1",
		group, string(status), t.now)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("error %s: %w", group, err)
	}
	return store.ErrorAct(group, status), nil
}

// pruneErrors removes groups that have not failed for long, and counts of hours long ago.
func (t *txn) pruneErrors() error {
	const old = "SELECT id FROM offload_error WHERE last_at <= ?1"
	before := t.now - store.RetainErrors.Microseconds()
	for _, query := range []string{
		"DELETE FROM offload_error_hour WHERE error IN (" + old + ")",
		"DELETE FROM offload_error WHERE last_at <= ?1",
	} {
		if _, err := t.exec(query, before); err != nil {
			return err
		}
	}
	_, err := t.exec("DELETE FROM offload_error_hour WHERE hour < ?1", cause.HourOf(t.time().Add(-store.RetainErrorHours)))
	return err
}

// groupStretch is how many jobs of a group are looked at by one statement at most: few at first,
// since most of those that have failed so are usually wanted.
const groupStretch = 1000

// findInGroup returns jobs whose last failure is of the filter's group, newest first. It walks
// through those that have any failure of the group.
func (q *snapshots) findInGroup(ctx context.Context, f *store.Filter, most int) (all []found, err error) {
	before := f.Before[:]
	if f.Before.IsZero() {
		before = beyondID
	}
	for stretch := min(most+most/2, groupStretch); len(all) < most; stretch = groupStretch {
		var ids []store.ID
		err := each(q, func(rows *sql.Rows) error {
			var id store.ID
			err := rows.Scan(idInto{&id})
			ids = append(ids, id)
			return err
		}, errorJobsSQL, f.Group, before, stretch)
		if err != nil || len(ids) == 0 {
			return all, err
		}
		args, err := q.filterArgs(f, false)
		if err != nil {
			return nil, err
		}
		var some []found
		for _, shelf := range shelvesFor(f) {
			jobs, err := q.readJobs(shelf.byIDs, containing(f), append([]any{joined(ids), nil, -1}, args...))
			if err != nil {
				return nil, err
			}
			some = append(some, jobs...)
		}
		slices.SortFunc(some, func(a, b found) int { return b.ID.Compare(a.ID) })
		all = append(all, some...)
		if len(ids) < stretch {
			break
		}
		before = slices.Clone(ids[len(ids)-1][:])
		if err := q.renew(ctx); err != nil {
			return nil, err
		}
	}
	return all[:min(most, len(all))], nil
}
