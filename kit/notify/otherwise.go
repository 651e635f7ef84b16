package notify

import (
	"context"
	"slices"
	"time"

	"github.com/offloadhq/offload"
)

// A following looks after a notice that may not arrive.
type following struct {
	Notice Notice       `json:"notice"`
	ID     offload.ID   `json:"id"`
	From   []offload.ID `json:"from,omitempty"` // the jobs of the first channel
}

// Validate is that of the notice.
func (f following) Validate() error { return f.Notice.Validate() }

var otherwise = offload.DeclareFunc[following, Result]("notify.otherwise", offload.Queue("notify"), offload.Timeout(time.Minute))

// otherwise sends a notice by the second channel, if it has not arrived by the first.
func (w *work) otherwise(ctx context.Context, f following) (Result, error) {
	t := &telling{work: w, app: offload.AppOf(ctx), notice: f.Notice, id: f.ID, now: offload.JobOf(ctx).StartedAt}
	if err := t.look(ctx); err != nil {
		return Result{}, err
	}
	o := t.kind.Otherwise
	if o.After == 0 {
		return Result{}, nil // it is not wanted any more
	}
	if arrived, err := t.arrived(ctx, f.From); arrived || err != nil {
		return Result{}, err
	}
	if err := t.wait(); err != nil { // whoever sleeps may still see it in the morning, before this runs again
		return Result{}, err
	}
	calls := t.calls(o.To)
	if len(calls) == 0 {
		return t.result, t.end()
	}
	jobs, err := t.app.Enqueue(ctx, calls...)
	if err != nil {
		return Result{}, err
	}
	for _, job := range jobs {
		t.result.Jobs = append(t.result.Jobs, job.ID)
	}
	return t.result, nil
}

// arrived reports whether a notice has arrived by its first channel.
func (t *telling) arrived(ctx context.Context, from []offload.ID) (bool, error) {
	if was, err := wasSeen(ctx, t.app, t.notice.To, t.id); was || err != nil {
		return was, err
	}
	if t.kind.Otherwise.Until != Taken || len(from) == 0 {
		return false, nil
	}
	jobs, err := t.app.Jobs(ctx, offload.Filter{IDs: from, Max: len(from)})
	if err != nil {
		return false, err
	}
	completed := slices.ContainsFunc(jobs, func(job *offload.Job) bool { return job.State == offload.Completed })
	return completed || len(jobs) < len(from), nil // those that have completed are deleted first
}
