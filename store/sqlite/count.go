package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/count_ended.sql
	countEndedSQL string
	//go:embed sql/count_waiting.sql
	countWaitingSQL string
	//go:embed sql/count_blocked.sql
	countBlockedSQL string
)

// countStretch is how many ended jobs one statement counts.
const countStretch = 200_000

// Counts is that of store.Reader.
func (s *Store) Counts(ctx context.Context) (map[store.State]int, error) {
	counts := map[store.State]int{}
	err := s.ask(ctx, "count jobs", func(q *snapshots) error {
		queues, err := q.queues(0)
		if err != nil {
			return err
		}
		for name, queue := range queues {
			if name == store.SystemQueue {
				continue
			}
			for state, n := range queue.Counts {
				counts[state] += n
			}
		}
		return q.countEnded(ctx, counts)
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// countEnded counts done, in stretches.
func (q *snapshots) countEnded(ctx context.Context, counts map[store.State]int) error {
	var after store.ID
	for {
		end := lastID
		more, err := one(q, []any{idInto{&end}}, "SELECT id FROM offload_done WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2", after[:], countStretch)
		if err != nil {
			return err
		}
		err = each(q, func(rows *sql.Rows) error {
			var state, n int
			err := rows.Scan(&state, &n)
			counts[endedStates[state]] += n
			return err
		}, countEndedSQL, after[:], end[:])
		if err != nil || !more {
			return err
		}
		after = end
		if err := q.renew(ctx); err != nil {
			return err
		}
	}
}

// Queues is that of store.Reader.
func (s *Store) Queues(ctx context.Context, most int) (all []store.Queue, err error) {
	err = s.ask(ctx, "read queues", func(q *snapshots) error {
		queues, err := q.queues(most)
		if err != nil {
			return err
		}
		paused, err := texts(q, "SELECT name FROM offload_queue")
		for _, name := range paused {
			queues.of(name).Paused = true
		}
		if err != nil {
			return err
		}
		set, err := workers(q)
		for name, n := range set {
			queues.of(name).Workers = n
		}
		if !slices.Contains(paused, store.SystemQueue) {
			delete(queues, store.SystemQueue)
		}
		for _, queue := range queues {
			all = append(all, *queue)
		}
		return err
	})
	slices.SortFunc(all, func(a, b store.Queue) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

type queues map[string]*store.Queue

func (q queues) of(name string) *store.Queue {
	if q[name] == nil {
		q[name] = &store.Queue{Name: name, Counts: map[store.State]int{}}
	}
	return q[name]
}

// add counts jobs, up to a limit.
func (q queues) add(name string, state store.State, n, most int) {
	if n == 0 {
		return
	}
	counts := q.of(name).Counts
	if counts[state] += n; most > 0 {
		counts[state] = min(counts[state], most)
	}
}

// queues counts what has not ended, by queue.
func (q *snapshots) queues(most int) (queues, error) {
	all := queues{}
	limit := most
	if most <= 0 {
		limit = -1
	}
	lanes, err := q.lanes()
	if err != nil {
		return nil, err
	}
	for _, lane := range lanes {
		var available, retryable, scheduled int
		if _, err := one(q, []any{&available, &retryable, &scheduled}, countWaitingSQL, lane.Queue, lane.Priority, q.now, limit); err != nil {
			return nil, err
		}
		all.add(lane.Queue, store.Available, available, most)
		all.add(lane.Queue, store.Retryable, retryable, most)
		all.add(lane.Queue, store.Scheduled, scheduled, most)
		first, err := q.longest(lane)
		if err != nil {
			return nil, err
		}
		if oldest := &all.of(lane.Queue).Oldest; available > 0 && (oldest.IsZero() || first.Before(*oldest)) {
			*oldest = first
		}
	}
	for state, query := range map[store.State]string{
		store.Blocked: countBlockedSQL,
		store.Running: "SELECT j.queue, count(*) FROM offload_lease AS l CROSS JOIN offload_job AS j ON j.id = l.id WHERE ?1 <> 0 GROUP BY j.queue",
	} {
		err := each(q, func(rows *sql.Rows) error {
			var name string
			var n int
			err := rows.Scan(&name, &n)
			all.add(name, state, n, most)
			return err
		}, query, limit)
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// longestAmong is among how many who take turns the one is looked for that waits longest.
const longestAmong = 1000

// longest is when the job of a lane became due that has waited longest, among the first of those
// that take turns.
func (q *snapshots) longest(l store.Lane) (at time.Time, err error) {
	if l.Priority < store.FairLane {
		return l.RunAt, nil
	}
	_, err = one(q, []any{timeInto{&at}}, "SELECT min(due_at) FROM (SELECT due_at FROM offload_due WHERE queue = ?1 AND priority = ?2 ORDER BY run_at, id LIMIT ?3)",
		l.Queue, l.Priority, longestAmong)
	return at, err
}
