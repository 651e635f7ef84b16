package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"slices"
	"strings"

	"github.com/offloadhq/offload/store"
)

//go:embed sql/count_up_to.sql
var countUpToSQL string

// A counter counts jobs of one state.
type counter struct {
	state                store.State
	all, inFlow, inBatch string
}

const lanesOfDue = "json_each(?29) AS l CROSS JOIN offload_due AS p"

const inLane = "p.queue = l.value ->> 0 AND p.priority = l.value ->> 1 AND "

// counters are those of all states. What waits is counted by lanes, what has ended from the newest on.
var counters = []counter{
	newCounter(store.Available, "offload_due AS p", lanesOfDue, inLane, "p.run_at <= ?4", "", "NULL"),
	newCounter(store.Scheduled, "offload_due AS p", lanesOfDue, inLane, "p.run_at > ?4 AND p.failures = 0", "", "NULL"),
	newCounter(store.Retryable, "offload_due AS p", lanesOfDue, inLane, "p.run_at > ?4 AND p.failures > 0", "", "NULL"),
	newCounter(store.Blocked, "offload_blocked AS p", "offload_blocked AS p", "", "true", "", "NULL"),
	newCounter(store.Running, "offload_lease AS p", "offload_lease AS p", "", "true", "", "p.process"),
	newCounter(store.Completed, "offload_done AS p", "offload_done AS p", "", "p.state <> 5", newestFirst, "NULL"),
	newCounter(store.Discarded, "offload_done AS p", "offload_done AS p", "", "p.state > 1 AND p.state = 2", newestFirst, "NULL"),
	newCounter(store.Cancelled, "offload_done AS p", "offload_done AS p", "", "p.state > 1 AND p.state = 3", newestFirst, "NULL"),
	newCounter(store.Expired, "offload_done AS p", "offload_done AS p", "", "p.state > 1 AND p.state = 4", newestFirst, "NULL"),
}

const newestFirst = " ORDER BY p.id DESC"

// newCounter fills in count_up_to.sql: the place alone, or as it is walked through.
func newCounter(state store.State, place, walked, lane, only, order, process string) counter {
	fill := func(from, walk string) string {
		query := strings.Replace(countUpToSQL, "{where}\n", findWhereSQL, 1)
		ok := "'" + string(state) + "'"
		if state == store.Completed {
			ok = doneState
		}
		return strings.NewReplacer("{from}", from, "{walk}", walk+order, "{state}", ok, "{process}", process).Replace(query)
	}
	return counter{
		state: state, all: fill(walked, lane+only),
		inFlow:  fill(place, only+" AND p.id IN (SELECT id FROM offload_job WHERE terms ->> '$.flow' IS NOT NULL AND terms ->> '$.flow' = ?20 UNION ALL SELECT ?26)"),
		inBatch: fill(place, only+" AND p.id IN (SELECT id FROM offload_member WHERE batch = ?21)"),
	}
}

// of is the statement for a filter.
func (c *counter) of(f *store.Filter) string {
	switch {
	case !f.Batch.IsZero():
		return c.inBatch
	case !f.Flow.IsZero():
		return c.inFlow
	}
	return c.all
}

// CountUpTo is that of store.Reader. Text in errors is looked for among what is found.
func (s *Store) CountUpTo(ctx context.Context, f store.Filter, most int) (counted *store.Counted, err error) {
	f.IDs, f.Before, f.After, f.Input = nil, store.ID{}, store.Cursor{}, nil
	err = s.ask(ctx, "count jobs", func(q *snapshots) error {
		counted = store.NewCounted()
		lanes, err := q.lanePairs()
		if err != nil {
			return err
		}
		for i := range counters {
			if err := q.countUpTo(&counters[i], f, most, lanes, counted); err != nil {
				return err
			}
			if err := q.renew(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return counted, err
}

// lanePairs are the queues and priorities of due, as count_up_to.sql takes them.
func (q *snapshots) lanePairs() (string, error) {
	lanes, err := q.lanes()
	pairs := make([][2]any, len(lanes))
	for i, l := range lanes {
		pairs[i] = [2]any{l.Queue, l.Priority}
	}
	text, _ := json.Marshal(pairs) // of texts and numbers
	return string(text), err
}

// countUpTo counts jobs of one state.
func (q *snapshots) countUpTo(c *counter, f store.Filter, most int, lanes string, counted *store.Counted) error {
	asked := len(f.States) == 0 || slices.Contains(f.States, c.state)
	f.States = []store.State{c.state}
	args, err := q.filterArgs(&f, false)
	if err != nil {
		return err
	}
	args = append([]any{nil, nil, nil}, args...)
	look, looked, limit := store.CountLook*most, 0, most
	if f.Search != "" {
		limit = look
	}
	query, args := c.of(&f), append(args, limit, look)
	if strings.Contains(query, lanesOfDue) { // drivers refuse more arguments than a statement has
		args = append(args, lanes)
	}
	has := containing(&f)
	err = each(q, func(rows *sql.Rows) error {
		var queue, task, text sql.NullString
		var tags map[string]string
		var n sql.NullInt64
		err := rows.Scan(&looked, &queue, &task, tagsInto{&tags}, &text, &n)
		if err == nil && n.Valid && has(&found{Job: store.Job{Error: text.String}}) {
			counted.Add(asked, c.state, queue.String, task.String, tags, int(n.Int64), most)
		}
		return err
	}, query, args...)
	if counted.States[c.state] >= most || looked >= look {
		counted.More[c.state] = true
	}
	return err
}
