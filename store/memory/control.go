package memory

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// Control is that of store.Operator.
func (s *Store) Control(ctx context.Context, c store.Control) error {
	return s.do(ctx, func(now time.Time) error {
		what, err := s.control(c, now)
		s.wake(anything)
		if err == nil && c.Who != "" {
			s.record(store.Record{ID: store.NewID(), Time: now, Who: c.Who, What: what})
		}
		return err
	})
}

// control does what c says and returns it in words.
func (s *Store) control(c store.Control, now time.Time) (what string, err error) {
	switch {
	case c.PauseQueue != "":
		s.pausedQueues[c.PauseQueue] = true
		return "pause queue " + c.PauseQueue, nil
	case c.ResumeQueue != "":
		delete(s.pausedQueues, c.ResumeQueue)
		return "resume queue " + c.ResumeQueue, nil
	case c.PauseTask != "":
		s.pausedTasks[c.PauseTask] = true
		return "pause task " + c.PauseTask, nil
	case c.ResumeTask != "":
		delete(s.pausedTasks, c.ResumeTask)
		return "resume task " + c.ResumeTask, nil
	case c.SetWorkers != "":
		s.workers[c.SetWorkers] = c.Workers
		return fmt.Sprintf("set workers of queue %s to %d", c.SetWorkers, c.Workers), nil
	case c.ResetWorkers != "":
		delete(s.workers, c.ResetWorkers)
		return "reset workers of queue " + c.ResetWorkers, nil
	case c.SetError != "":
		return s.setError(c.SetError, c.Status, now)
	case c.PauseSchedule != "" || c.ResumeSchedule != "":
		return s.controlSchedule(c)
	case cmp.Or(c.SetLimit, c.ResetLimit, c.PauseLimit.Limit, c.SkipLimit.Limit) != "":
		return s.controlLimit(c, now)
	}
	id, told := c.QuietProcess, "quiet"
	if id.IsZero() {
		id, told = c.StopProcess, "stop"
	}
	if id.IsZero() {
		return "", errors.New("control: nothing to do")
	}
	p := s.processes[id]
	if p == nil {
		return "", fmt.Errorf("%s process %s: %w", told, id, store.ErrNotFound)
	}
	p.Quiet = p.Quiet || told == "quiet"
	p.Stop = p.Stop || told == "stop"
	return fmt.Sprintf("%s process %s", told, p), nil
}

// PutRecord is that of store.Operator. The same record again is the record once.
func (s *Store) PutRecord(ctx context.Context, r store.Record) error {
	return s.do(ctx, func(now time.Time) error {
		if r.Time.IsZero() {
			r.Time = now
		}
		r.Filter = bytes.Clone(r.Filter)
		s.record(r)
		return nil
	})
}

func (s *Store) record(r store.Record) {
	s.records = slices.DeleteFunc(s.records, func(old store.Record) bool { return old.ID == r.ID })
	s.records = append(s.records, r)
}

// Records is that of store.Operator.
func (s *Store) Records(ctx context.Context, since time.Time) (records []store.Record, err error) {
	err = s.do(ctx, func(time.Time) error {
		for _, r := range s.records {
			if !r.Time.Before(since) {
				r.Filter = bytes.Clone(r.Filter)
				records = append(records, r)
			}
		}
		slices.SortStableFunc(records, func(a, b store.Record) int {
			return cmp.Or(b.Time.Compare(a.Time), b.ID.Compare(a.ID))
		})
		records = records[:min(len(records), 1000)]
		return nil
	})
	return records, err
}

// RegisterTasks is that of store.Operator.
func (s *Store) RegisterTasks(ctx context.Context, tasks []store.Task) error {
	return s.do(ctx, func(now time.Time) error {
		for _, t := range tasks {
			t.Rules, t.Schema, t.Seen = bytes.Clone(t.Rules), bytes.Clone(t.Schema), now
			s.tasks[t.Name] = t
		}
		return nil
	})
}

// Tasks is that of store.Reader.
func (s *Store) Tasks(ctx context.Context) (tasks []store.Task, err error) {
	err = s.do(ctx, func(time.Time) error {
		for _, t := range s.tasks {
			t.Rules, t.Schema, t.Paused = bytes.Clone(t.Rules), bytes.Clone(t.Schema), s.pausedTasks[t.Name]
			tasks = append(tasks, t)
		}
		slices.SortFunc(tasks, func(a, b store.Task) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
	return tasks, err
}
