package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"slices"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/look_lane.sql
	laneSQL string
	//go:embed sql/look_blocked.sql
	lookBlockedSQL string
	//go:embed sql/look_cancel.sql
	cancelledSQL string
	//go:embed sql/look_due.sql
	lookDueSQL string
)

// Look is that of store.Member.
func (s *Store) Look(ctx context.Context, process store.ID) (store.View, error) {
	var v store.View
	var others []store.ID
	err := s.reader.view(ctx, func(t *txn) (err error) {
		v = store.View{Now: t.time()}
		number, err := t.lookAt(process, &v)
		if err != nil {
			return err
		}
		if v.Away, err = s.away(t); err != nil || v.Away {
			return err
		}
		if v.Lanes, err = t.lanes(); err != nil {
			return err
		}
		if v.Paused, err = texts(t, "SELECT name FROM offload_queue ORDER BY name"); err != nil {
			return err
		}
		if v.Tasks, err = texts(t, "SELECT name FROM offload_task WHERE paused ORDER BY name"); err != nil {
			return err
		}
		if v.Workers, err = workers(t); err != nil {
			return err
		}
		if err := t.lookBlocked(&v); err != nil {
			return err
		}
		if v.Cancel, err = t.ids(cancelledSQL, number); err != nil {
			return err
		}
		if err := t.lookDue(&v); err != nil {
			return err
		}
		others, err = t.ids("SELECT id FROM offload_process WHERE gone_at IS NULL AND id <> ?1", process[:])
		return err
	})
	if err != nil {
		return store.View{}, s.explain(ctx, "look", err)
	}
	for _, id := range s.members.gone(s.path, others) {
		if slices.Contains(others, id) { // it may have been reaped since the locks were looked at
			v.Dead = append(v.Dead, id)
		}
	}
	return v, nil
}

// lookAt reads what a process is told.
func (t *txn) lookAt(process store.ID, v *store.View) (number int64, err error) {
	found, err := one(t, []any{&number, &v.Quiet, &v.Stop},
		"SELECT number, quiet, stop FROM offload_process WHERE id = ?1 AND gone_at IS NULL", process[:])
	v.Lost = !found
	return number, err
}

func (t *txn) ids(query string, args ...any) (ids []store.ID, err error) {
	err = each(t, func(rows *sql.Rows) error {
		var id store.ID
		err := rows.Scan(idInto{&id})
		ids = append(ids, id)
		return err
	}, query, args...)
	return ids, err
}

// lanes returns each queue and priority that has jobs in due, without reading the jobs.
func (t *txn) lanes() (lanes []store.Lane, err error) {
	var at store.Lane
	at.Priority = -1
	for {
		found, err := one(t, []any{&at.Queue, &at.Priority, timeInto{&at.RunAt}}, laneSQL, at.Queue, at.Priority)
		if err != nil || !found {
			return lanes, err
		}
		lanes = append(lanes, at)
	}
}

// lookBlocked reads what of blocked could run now.
func (t *txn) lookBlocked(v *store.View) error {
	var queue, task string
	waits := -1
	for {
		var come bool
		found, err := one(t, []any{&queue, &waits, &task, &come}, lookBlockedSQL, queue, waits, task, t.now)
		switch {
		case err != nil || !found:
			return err
		case !come || waits >= waitsLimit:
		case waits == waitsAlone:
			v.Suspects = append(v.Suspects, queue)
		case !slices.Contains(v.Tasks, task):
			v.Parked = append(v.Parked, store.Parked{Queue: queue, Task: task})
		}
	}
}

// lookDue reads when there is something to do for whoever comes first.
func (t *txn) lookDue(v *store.View) error {
	_, err := one(t, []any{timeInto{&v.Admit}, timeInto{&v.Expire}, timeInto{&v.Tick}, &v.Inbox, &v.Settle}, lookDueSQL, t.undeclared())
	return err
}

// parkedTasks returns the tasks that have parked jobs in a queue.
func (t *txn) parkedTasks(queue string) (tasks []string, err error) {
	at, waits, task := queue, -1, ""
	for {
		var come bool
		found, err := one(t, []any{&at, &waits, &task, &come}, lookBlockedSQL, at, waits, task, t.now)
		if err != nil || !found || at != queue {
			return tasks, err
		}
		if waits == waitsTask && come {
			tasks = append(tasks, task)
		}
	}
}
