// Package operate is what people do who look after the system: the verbs behind the
// command, the dashboard and the HTTP interface, each done in somebody's name.
//
// Acting on one job of one's own is a method of [offload.App]. Acting on many, on queues,
// tasks, limits, schedules and processes belongs here: [As] takes the name for the record, so
// that it cannot be forgotten. An act by filter is itself a job, in offload's own queue, which
// every process works: it goes through the jobs in pages, shows its progress, survives a crash,
// can be waited for with [offload.App.Wait], and is ended by cancelling it.
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

// An Operator acts on an app in somebody's name. It is safe for concurrent use.
type Operator struct {
	app *offload.App
	who string
}

// As returns the operator who. The name is kept with every act; an empty one is refused by
// every act.
func As(app *offload.App, who string) *Operator { return &Operator{app, who} }

// store returns the app's store, if this operator may act on it.
func (o *Operator) store() (store.Store, error) {
	if o == nil {
		return nil, offload.ErrClosed
	}
	if o.who == "" || len(o.who) > 256 || !inside.IsText(o.who) {
		return nil, &offload.InputError{Field: "who", Got: o.who, Want: "a name for the record: valid UTF-8 without NUL, at most 256 bytes"}
	}
	return inside.Store(o.app)
}

// CancelAll cancels all jobs of a filter in the background: the returned job does it.
func (o *Operator) CancelAll(ctx context.Context, f offload.Filter) (*offload.Job, error) {
	return o.all(ctx, inside.ActInput{Verb: store.Cancel}, f)
}

// RetryAll retries all jobs of a filter that were discarded, cancelled or expired, or wait for
// a retry.
func (o *Operator) RetryAll(ctx context.Context, f offload.Filter) (*offload.Job, error) {
	return o.all(ctx, inside.ActInput{Verb: store.Retry}, f)
}

// RunNowAll makes all jobs of a filter that wait for a time due at once.
func (o *Operator) RunNowAll(ctx context.Context, f offload.Filter) (*offload.Job, error) {
	return o.all(ctx, inside.ActInput{Verb: store.RunNow}, f)
}

// DeleteAll deletes all jobs of a filter that are not running. It begins after a minute: to
// cancel the returned job until then is to undo it.
func (o *Operator) DeleteAll(ctx context.Context, f offload.Filter) (*offload.Job, error) {
	return o.all(ctx, inside.ActInput{Verb: store.Delete}, f, offload.Delay(undoTime))
}

// undoTime is how long an act that can't be taken back waits before it begins.
const undoTime = time.Minute

// EditAll changes queue, priority or time of all waiting jobs of a filter.
func (o *Operator) EditAll(ctx context.Context, f offload.Filter, e Edit) (*offload.Job, error) {
	if e.Input != nil {
		return nil, &offload.InputError{Field: "Input", Got: "an input for many jobs", Want: "none; edit the input of one job with Edit"}
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	return o.all(ctx, inside.ActInput{Verb: store.Change, Edit: e.forStore()}, f)
}

// all enqueues the job that acts on many, and keeps who did it.
func (o *Operator) all(ctx context.Context, in inside.ActInput, f offload.Filter, opts ...offload.EnqueueOption) (*offload.Job, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	if err := checkActing(f); err != nil {
		return nil, err
	}
	in.Who, in.Filter = o.who, store.Filter(f)
	in.Filter.Max, in.Filter.Before, in.Filter.After = 0, offload.ID{}, offload.Cursor{}
	input, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("offload: encode the act: %w", err)
	}
	jobs, err := o.app.Enqueue(ctx, offload.NewCall(inside.ActTask, input, opts...))
	if err != nil {
		return nil, err
	}
	filter, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("offload: encode the filter: %w", err)
	}
	return jobs[0], o.record(ctx, s, store.Record{What: string(in.Verb) + " all", Filter: filter, Job: jobs[0].ID})
}

// record keeps what was done, and who did it.
func (o *Operator) record(ctx context.Context, s store.Store, r store.Record) error {
	r.ID, r.Who = offload.NewID(), o.who
	if err := s.PutRecord(ctx, r); err != nil {
		return fmt.Errorf("offload: record the act: %w", err)
	}
	return nil
}

// checkActing refuses the filter that selects everything without saying so.
func checkActing(f offload.Filter) error {
	if !inside.Meant(store.Filter(f)) {
		return &offload.InputError{Field: "Filter", Got: "the zero filter", Want: inside.MeantWant}
	}
	if f.Soonest {
		return &offload.InputError{Field: "Soonest", Got: true, Want: "false: acts go from the newest job to the oldest"}
	}
	return inside.CheckFilter(store.Filter(f))
}

// An Edit is a change of a job; what is not set stays.
type Edit struct {
	Input    json.RawMessage
	Queue    string
	Priority *int
	RunAt    time.Time
}

// Edit changes one job that is neither running nor completed. The input is checked by the
// task itself, if this app has it; a secret that is still masked stays as it is, and what was
// encrypted is again. Keys of limits, turns and of a unique job follow it: a unique
// key that another job holds is a *ConflictError.
func (o *Operator) Edit(ctx context.Context, id offload.ID, e Edit) error {
	s, err := o.store()
	if err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return err
	}
	edit := e.forStore()
	if e.Input != nil {
		if edit.Input, edit.Terms, err = inside.EditInput(ctx, o.app, id, e.Input); err != nil {
			return err
		}
	}
	return o.act(ctx, s, store.Act{Verb: store.Change, IDs: []store.ID{id}, Edit: edit})
}

func (o *Operator) act(ctx context.Context, s store.Store, act store.Act) error {
	act.Who = o.who
	acted, err := s.Act(ctx, act)
	if err != nil {
		return fmt.Errorf("offload: %s: %w", act.Verb, err)
	}
	return inside.ActError(ctx, o.app, act.Verb, acted)
}

// Cancel is App.Cancel, with the name kept.
func (o *Operator) Cancel(ctx context.Context, ids ...offload.ID) error {
	return o.some(ctx, store.Cancel, ids)
}

// Retry is App.Retry, with the name kept.
func (o *Operator) Retry(ctx context.Context, ids ...offload.ID) error {
	return o.some(ctx, store.Retry, ids)
}

// RunNow is App.RunNow, with the name kept.
func (o *Operator) RunNow(ctx context.Context, ids ...offload.ID) error {
	return o.some(ctx, store.RunNow, ids)
}

// Delete is App.Delete, with the name kept.
func (o *Operator) Delete(ctx context.Context, ids ...offload.ID) error {
	return o.some(ctx, store.Delete, ids)
}

func (o *Operator) some(ctx context.Context, verb store.Verb, ids []offload.ID) error {
	s, err := o.store()
	if err != nil || len(ids) == 0 {
		return err
	}
	return o.act(ctx, s, store.Act{Verb: verb, IDs: ids})
}

func (e Edit) check() error {
	switch {
	case e.Input == nil && e.Queue == "" && e.Priority == nil && e.RunAt.IsZero():
		return &offload.InputError{Field: "Edit", Got: "no change", Want: "an input, queue, priority or time"}
	case e.Priority != nil && (*e.Priority < 0 || *e.Priority > 9):
		return &offload.InputError{Field: "Priority", Got: *e.Priority, Want: "0 (first) to 9 (last)"}
	case e.Queue == store.SystemQueue:
		return &offload.InputError{Field: "Queue", Got: e.Queue, Want: "a queue of yours; this is offload's own"}
	}
	if e.Queue != "" {
		if err := inside.CheckName("Queue", e.Queue); err != nil {
			return err
		}
	}
	if !e.RunAt.IsZero() {
		return inside.CheckAt("RunAt", e.RunAt)
	}
	return nil
}

func (e Edit) forStore() *store.Edit {
	edit := &store.Edit{Input: e.Input, Priority: e.Priority}
	if e.Queue != "" {
		edit.Queue = &e.Queue
	}
	if !e.RunAt.IsZero() {
		edit.RunAt = &e.RunAt
	}
	return edit
}
