package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// PauseQueue keeps processes from starting jobs of the queue, within a second; what runs goes
// on. The queue need not exist yet.
func (o *Operator) PauseQueue(ctx context.Context, name string) error {
	return o.controlNamed(ctx, "queue", name, store.Control{PauseQueue: name})
}

// ResumeQueue takes PauseQueue back.
func (o *Operator) ResumeQueue(ctx context.Context, name string) error {
	return o.controlNamed(ctx, "queue", name, store.Control{ResumeQueue: name})
}

// SetWorkers makes n, 1 to 10,000, what each process runs at once of a queue that it works, within a second
// and until ResetWorkers, instead of what the program says with offload.Workers. Processes that do not work
// the queue still don't. What runs goes on, and all queues of a process together stay under its
// offload.Workers("", n). The queue need not exist yet.
func (o *Operator) SetWorkers(ctx context.Context, queue string, n int) error {
	if n < 1 || n > 10_000 {
		return &offload.InputError{Field: "workers", Got: n, Want: "1 to 10,000; PauseQueue starts none"}
	}
	return o.controlNamed(ctx, "queue", queue, store.Control{SetWorkers: queue, Workers: n})
}

// ResetWorkers takes SetWorkers back.
func (o *Operator) ResetWorkers(ctx context.Context, queue string) error {
	return o.controlNamed(ctx, "queue", queue, store.Control{ResetWorkers: queue})
}

// PauseTask keeps processes from starting jobs of the task, within a second: they are parked,
// and nothing else in their queue waits for them.
func (o *Operator) PauseTask(ctx context.Context, name string) error {
	return o.controlNamed(ctx, "task", name, store.Control{PauseTask: name})
}

// ResumeTask takes PauseTask back.
func (o *Operator) ResumeTask(ctx context.Context, name string) error {
	return o.controlNamed(ctx, "task", name, store.Control{ResumeTask: name})
}

// QuietProcess lets the process end what it runs and start nothing more, until it ends.
func (o *Operator) QuietProcess(ctx context.Context, id offload.ID) error {
	return o.control(ctx, store.Control{QuietProcess: id})
}

// StopProcess ends the Run of the process as the end of its context would.
func (o *Operator) StopProcess(ctx context.Context, id offload.ID) error {
	return o.control(ctx, store.Control{StopProcess: id})
}

func (o *Operator) controlNamed(ctx context.Context, field, name string, c store.Control) error {
	if err := inside.CheckName(field, name); err != nil {
		return err
	}
	if name == store.SystemQueue && field == "queue" {
		return &offload.InputError{Field: field, Got: name, Want: "a queue of yours; offload's own can't be paused or changed"}
	}
	return o.control(ctx, c)
}

func (o *Operator) control(ctx context.Context, c store.Control) error {
	s, err := o.store()
	if err != nil {
		return err
	}
	c.Who = o.who
	if err := s.Control(ctx, c); err != nil {
		return fmt.Errorf("offload: %w", err)
	}
	return nil
}

// An Act is something an operator did.
type Act struct {
	Time   time.Time       `json:"time"`
	Who    string          `json:"who"`
	What   string          `json:"what"`             // "cancel", "pause queue mail", "retry all"
	Filter json.RawMessage `json:"filter,omitempty"` // an offload.Filter, of an act by filter; of up to 100 jobs that were deleted, one with their IDs
	Jobs   int             `json:"jobs"`             // it changed, if it was no act by filter
	By     offload.ID      `json:"by,omitzero"`      // the job that does it, of an act by filter; that a schedule was run as
}

// Acts returns what operators did since a time, newest first, at most 1,000.
func (o *Operator) Acts(ctx context.Context, since time.Time) ([]Act, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	records, err := s.Records(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("offload: read acts: %w", err)
	}
	acts := make([]Act, len(records))
	for i, r := range records {
		acts[i] = Act{Time: r.Time, Who: r.Who, What: r.What, Filter: r.Filter, Jobs: r.Jobs, By: r.Job}
	}
	return acts, nil
}
