package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// A counter counts jobs of one state.
type counter struct {
	state store.State
	sql   string
}

// countersIn are those of all states: what waits is counted as it comes, what has ended from the newest on.
func countersIn(schema string) (all []counter) {
	later := read("count_later")
	for _, c := range []struct {
		state           store.State
		place, walk, ok string
	}{
		{store.Available, "due", "p.run_at <= now()", "true"},
		{store.Scheduled, later, "p.failures = 0", "true"},
		{store.Retryable, later, "p.failures > 0", "true"},
		{store.Blocked, "blocked", "true", "true"},
		{store.Running, "lease", "true", "true"},
		{store.Completed, "done", "p.outcome < 9", "p.outcome = 0"},
		{store.Discarded, "done", "p.outcome = 1", "true"},
		{store.Cancelled, "done", "p.outcome = 2", "true"},
		{store.Expired, "done", "p.outcome = 3", "true"},
	} {
		process := "$7::uuid IS NULL"
		if c.place == "lease" {
			process = "($7::uuid IS NULL OR p.process = $7)"
		}
		walk := c.walk + " AND " + process + " AND {in_place}"
		if c.place == "done" {
			walk += " ORDER BY p.id DESC"
		}
		if c.place != later {
			c.place = "offload." + c.place
		}
		sql := strings.NewReplacer("{place}", c.place, "{walk}", walk, "{ok}", c.ok).Replace(read("count_up_to"))
		all = append(all, counter{c.state, inSchema(inFind(sql), schema)})
	}
	return all
}

// CountUpTo is that of store.Reader.
func (s *Store) CountUpTo(ctx context.Context, f store.Filter, most int) (*store.Counted, error) {
	f.IDs, f.Before, f.Input = nil, store.ID{}, nil
	counted := store.NewCounted()
	for _, c := range s.sql.countUpTo {
		if err := s.countUpTo(ctx, c, &f, most, counted); err != nil {
			return nil, err
		}
	}
	return counted, nil
}

// A likeness is how many jobs are alike.
type likeness struct {
	queue, task *string
	tags        []byte
	n           *int
}

// countUpTo counts jobs of one state.
func (s *Store) countUpTo(ctx context.Context, c counter, f *store.Filter, most int, counted *store.Counted) error {
	look, looked := store.CountLook*most, 0
	var found []likeness
	err := s.ask(ctx, "count jobs", c.sql, append(filterArgs(f, store.ID{}), most, look), func(rows pgx.Rows) error {
		found = nil
		for rows.Next() {
			var l likeness
			if err := rows.Scan(&looked, &l.queue, &l.task, &l.tags, &l.n); err != nil {
				return err
			}
			found = append(found, l)
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	asked := len(f.States) == 0 || slices.Contains(f.States, c.state)
	for _, l := range found {
		if l.n == nil { // none
			continue
		}
		var tags map[string]string
		if l.tags != nil {
			if err := json.Unmarshal(l.tags, &tags); err != nil {
				return err
			}
		}
		counted.Add(asked, c.state, *l.queue, *l.task, tags, *l.n, most)
	}
	if counted.States[c.state] >= most || looked >= look {
		counted.More[c.state] = true
	}
	return nil
}
