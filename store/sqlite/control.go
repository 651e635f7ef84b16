package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/control_record.sql
	recordSQL string
	//go:embed sql/control_records.sql
	recordsSQL string
	//go:embed sql/control_register.sql
	registerSQL   string
	setWorkersSQL = "REPLACE INTO offload_workers (queue, workers) VALUES (?1, ?2)"
)

// Control is that of store.Operator.
func (s *Store) Control(ctx context.Context, c store.Control) error {
	return s.write(ctx, "control", func(t *txn) error {
		what, err := t.control(c)
		t.wakeToLook()
		if err != nil || c.Who == "" {
			return err
		}
		return t.record(store.Record{ID: store.NewID(), Time: t.time(), Who: c.Who, What: what})
	})
}

// control does what c says and returns it in words.
func (t *txn) control(c store.Control) (what string, err error) {
	switch {
	case c.PauseQueue != "":
		_, err = t.exec("INSERT INTO offload_queue (name) VALUES (?1) ON CONFLICT DO NOTHING", c.PauseQueue)
		return "pause queue " + c.PauseQueue, err
	case c.ResumeQueue != "":
		_, err = t.exec("DELETE FROM offload_queue WHERE name = ?1", c.ResumeQueue)
		return "resume queue " + c.ResumeQueue, err
	case c.PauseTask != "":
		_, err = t.exec("INSERT INTO offload_task (name, queue, paused) VALUES (?1, '', 1) ON CONFLICT DO UPDATE SET paused = 1", c.PauseTask)
		return "pause task " + c.PauseTask, err
	case c.ResumeTask != "":
		if _, err = t.exec("UPDATE offload_task SET paused = 0 WHERE name = ?1", c.ResumeTask); err == nil {
			_, err = t.exec("DELETE FROM offload_task WHERE name = ?1 AND seen_at IS NULL", c.ResumeTask)
		}
		return "resume task " + c.ResumeTask, err
	case c.SetWorkers != "":
		_, err = t.exec(setWorkersSQL, c.SetWorkers, c.Workers)
		return fmt.Sprintf("set workers of queue %s to %d", c.SetWorkers, c.Workers), err
	case c.ResetWorkers != "":
		_, err = t.exec("DELETE FROM offload_workers WHERE queue = ?1", c.ResetWorkers)
		return "reset workers of queue " + c.ResetWorkers, err
	case !c.QuietProcess.IsZero():
		return t.tell(c.QuietProcess, "quiet", "UPDATE offload_process SET quiet = 1 WHERE id = ?1 AND gone_at IS NULL")
	case !c.StopProcess.IsZero():
		return t.tell(c.StopProcess, "stop", "UPDATE offload_process SET stop = 1 WHERE id = ?1 AND gone_at IS NULL")
	case c.SetError != "":
		return t.setError(c.SetError, c.Status)
	case c.PauseSchedule != "":
		return t.pauseSchedule("pause schedule ", c.PauseSchedule, true)
	case c.ResumeSchedule != "":
		return t.pauseSchedule("resume schedule ", c.ResumeSchedule, false)
	}
	if name := cmp.Or(c.SetLimit, c.ResetLimit, c.PauseLimit.Limit, c.SkipLimit.Limit); name != "" {
		return t.controlLimit(name, c)
	}
	return "", errors.New("nothing to do")
}

// tell tells a process something.
func (t *txn) tell(id store.ID, what, query string) (string, error) {
	n, err := t.exec(query, id[:])
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "", fmt.Errorf("%s process %s: %w", what, id, store.ErrNotFound)
	}
	var p store.Process
	_, err = one(t, []any{&p.Name, &p.Host, &p.PID}, "SELECT name, host, pid FROM offload_process WHERE id = ?1", id[:])
	return fmt.Sprintf("%s process %s", what, &p), err
}

// workers reads which queues Control has set workers for; nil is none.
func workers(q database) (set map[string]int, err error) {
	err = each(q, func(rows *sql.Rows) error {
		var queue string
		var n int
		err := rows.Scan(&queue, &n)
		if set == nil {
			set = map[string]int{}
		}
		set[queue] = n
		return err
	}, "SELECT queue, workers FROM offload_workers")
	return set, err
}

// PutRecord is that of store.Operator. The same record again is the record once.
func (s *Store) PutRecord(ctx context.Context, r store.Record) error {
	return s.write(ctx, "keep a record", func(t *txn) error {
		if r.Time.IsZero() {
			r.Time = t.time()
		}
		return t.record(r)
	})
}

func (t *txn) record(r store.Record) error {
	var job any
	if !r.Job.IsZero() {
		job = r.Job[:]
	}
	_, err := t.exec(recordSQL, r.ID[:], r.Time.UnixMicro(), r.Who, r.What, orNull(r.Filter), r.Jobs, job)
	return err
}

// Records is that of store.Operator.
func (s *Store) Records(ctx context.Context, since time.Time) (records []store.Record, err error) {
	err = s.ask(ctx, "read records", func(q *snapshots) error {
		return each(q, func(rows *sql.Rows) error {
			var r store.Record
			err := rows.Scan(idInto{&r.ID}, timeInto{&r.Time}, &r.Who, &r.What, &r.Filter, &r.Jobs, idInto{&r.Job})
			records = append(records, r)
			return err
		}, recordsSQL, since.UnixMicro())
	})
	return records, err
}

// RegisterTasks is that of store.Operator.
func (s *Store) RegisterTasks(ctx context.Context, tasks []store.Task) error {
	if len(tasks) == 0 {
		return nil
	}
	return s.write(ctx, "register tasks", func(t *txn) error {
		for _, task := range tasks {
			if _, err := t.exec(registerSQL, task.Name, task.Queue, orNull(task.Rules), orNull(task.Schema), t.now); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tasks is that of store.Reader.
func (s *Store) Tasks(ctx context.Context) (tasks []store.Task, err error) {
	err = s.ask(ctx, "read tasks", func(q *snapshots) error {
		return each(q, func(rows *sql.Rows) error {
			var task store.Task
			err := rows.Scan(&task.Name, &task.Queue, &task.Rules, &task.Schema, &task.Paused, timeInto{&task.Seen})
			tasks = append(tasks, task)
			return err
		}, "SELECT name, queue, rules, schema, paused, seen_at FROM offload_task WHERE seen_at IS NOT NULL ORDER BY name")
	})
	return tasks, err
}
