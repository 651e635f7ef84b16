package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// A Batch is a batch and how its members stand.
type Batch struct {
	ID         offload.ID        `json:"id"`
	State      offload.State     `json:"state"` // blocked while it is open
	Flow       offload.ID        `json:"flow"`
	Batch      offload.ID        `json:"batch,omitzero"` // that it is itself a member of
	CreatedAt  time.Time         `json:"created_at"`
	FinishedAt time.Time         `json:"finished_at,omitzero"`
	Tags       map[string]string `json:"tags,omitempty"`

	Members   int `json:"members"`
	Open      int `json:"open"` // have not ended
	Completed int `json:"completed"`
	Discarded int `json:"discarded"`
	Cancelled int `json:"cancelled"` // expired and deleted ones too
}

// Batches returns the batches that f selects, newest first, at most f.Max (100), as App.Jobs
// does jobs. Its Tasks, Queues and Input don't matter.
func (o *Operator) Batches(ctx context.Context, f offload.Filter) ([]Batch, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	f.Tasks, f.Queues, f.Input = []string{store.BatchTask}, []string{store.SystemQueue}, nil
	if err := inside.CheckFilter(store.Filter(f)); err != nil {
		return nil, err
	}
	found, err := s.Find(ctx, store.Filter(f))
	if err != nil {
		return nil, fmt.Errorf("offload: list batches: %w", err)
	}
	return counted(ctx, s, found)
}

// counted makes batches of their jobs.
func counted(ctx context.Context, s store.Flows, jobs []store.Job) ([]Batch, error) {
	counts := map[offload.ID]store.BatchCount{}
	for some := range slices.Chunk(jobs, flowPage) {
		ids := make([]offload.ID, len(some))
		for i := range some {
			ids[i] = some[i].ID
		}
		of, err := s.Batches(ctx, ids...)
		if err != nil {
			return nil, fmt.Errorf("offload: count the members of batches: %w", err)
		}
		for id, c := range of {
			counts[id] = c
		}
	}
	batches := make([]Batch, len(jobs))
	for i := range jobs {
		j, c := &jobs[i], counts[jobs[i].ID]
		batches[i] = Batch{
			ID: j.ID, State: j.State, CreatedAt: j.CreatedAt, FinishedAt: j.FinishedAt, Tags: j.Tags,
			Members: c.Members, Open: c.Open, Completed: c.Completed, Discarded: c.Discarded, Cancelled: c.Cancelled,
		}
		if j.Terms != nil {
			batches[i].Flow, batches[i].Batch = j.Terms.Flow, j.Terms.Batch
		}
	}
	return batches, nil
}

// A Flow is jobs that were enqueued together, or were added to them, and what they are after.
type Flow struct {
	ID      offload.ID     `json:"id"`
	Jobs    []*offload.Job `json:"jobs"` // oldest first, without those of batches
	Batches []Batch        `json:"batches"`
	Edges   []Edge         `json:"edges"` // of the jobs, in the order in which each was given them
	More    bool           `json:"more"`  // there are more jobs than are here: 10,000, the newest
}

// An Edge says that a job is after another job or batch.
type Edge struct {
	Job      offload.ID    `json:"job"`
	Upstream offload.ID    `json:"upstream"`
	On       store.On      `json:"on"`              // "completed", "ended" or "failed": what it waits for
	Else     store.Else    `json:"else"`            // "cancel" or "hold": what becomes of the job otherwise
	State    offload.State `json:"state,omitempty"` // how the upstream has ended, "deleted" too; "" while it has not
}

const (
	flowPage = 1000
	mostFlow = 10_000
)

// Flow returns the flow with the id, or that a job or batch with the id belongs to, or an
// ErrNotFound.
func (o *Operator) Flow(ctx context.Context, id offload.ID) (*Flow, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	flow := &Flow{Jobs: []*offload.Job{}, Edges: []Edge{}}
	if flow.ID, err = o.flowOf(ctx, id); err != nil {
		return nil, err
	}
	if flow.Jobs, err = o.app.Jobs(ctx, offload.Filter{Flow: flow.ID, Max: mostFlow}); err != nil {
		return nil, err
	}
	batches, err := s.Find(ctx, store.Filter{Flow: flow.ID, Tasks: []string{store.BatchTask}, Queues: []string{store.SystemQueue}, Max: mostFlow})
	if err != nil {
		return nil, fmt.Errorf("offload: list batches: %w", err)
	}
	if len(flow.Jobs)+len(batches) == 0 {
		return nil, fmt.Errorf("flow %s: %w", id, offload.ErrNotFound)
	}
	flow.More = len(flow.Jobs) == mostFlow || len(batches) == mostFlow
	slices.Reverse(flow.Jobs)
	slices.Reverse(batches)
	if flow.Batches, err = counted(ctx, s, batches); err != nil {
		return nil, err
	}
	for some := range slices.Chunk(flow.Jobs, flowPage) {
		edges, err := edgesOf(ctx, s, some)
		if err != nil {
			return nil, err
		}
		flow.Edges = append(flow.Edges, edges...)
	}
	return flow, nil
}

func edgesOf(ctx context.Context, s store.Flows, jobs []*offload.Job) ([]Edge, error) {
	ids := make([]offload.ID, len(jobs))
	for i, job := range jobs {
		ids[i] = job.ID
	}
	states, err := s.Edges(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("offload: read what jobs are after: %w", err)
	}
	edges := make([]Edge, len(states))
	for i, e := range states {
		edges[i] = Edge{Job: e.Job, Upstream: e.Upstream, On: e.On, Else: e.Else, State: e.State}
	}
	return edges, nil
}

// Flows returns the ids of the flows that jobs are of, newest first, at most max. With before
// only older ones.
func (o *Operator) Flows(ctx context.Context, before offload.ID, max int) ([]offload.ID, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	if max < 1 || max > mostFlow {
		return nil, &offload.InputError{Field: "max", Got: max, Want: "1 to 10,000"}
	}
	ids, err := s.FlowIDs(ctx, before, max)
	if err != nil {
		return nil, fmt.Errorf("offload: list flows: %w", err)
	}
	return ids, nil
}

// CancelFlow cancels all jobs of a flow in the background: the returned job does it. The flow is
// named as for Flow. To cancel the members of one batch of it, use CancelAll with their Batch.
func (o *Operator) CancelFlow(ctx context.Context, id offload.ID) (*offload.Job, error) {
	flow, err := o.flowOf(ctx, id)
	if err != nil {
		return nil, err
	}
	return o.all(ctx, inside.ActInput{Verb: store.Cancel}, offload.Filter{Flow: flow})
}

// RetryFlow lets a flow go on, in the background: jobs of it that were discarded, cancelled or
// expired run again, those that are after others when these have run. What has completed stays
// as it is. The flow is named as for Flow.
func (o *Operator) RetryFlow(ctx context.Context, id offload.ID) (*offload.Job, error) {
	flow, err := o.flowOf(ctx, id)
	if err != nil {
		return nil, err
	}
	return o.all(ctx, inside.ActInput{Verb: store.Retry, Heed: true}, offload.Filter{
		Flow: flow, States: []offload.State{offload.Discarded, offload.Cancelled, offload.Expired},
	})
}

// flowOf returns the flow that an id means: its own, or that of a job or batch of it.
func (o *Operator) flowOf(ctx context.Context, id offload.ID) (offload.ID, error) {
	s, err := o.store()
	if err != nil {
		return id, err
	}
	job, err := o.app.Job(ctx, id)
	gone := errors.Is(err, offload.ErrNotFound)
	switch {
	case err != nil && !gone:
		return id, err
	case !gone && !job.Flow.IsZero():
		return job.Flow, nil
	}
	of, err := s.Find(ctx, store.Filter{Flow: id, Max: 2}) // of a job that is gone, or was plain
	switch {
	case err != nil:
		return id, fmt.Errorf("flow %s: %w", id, err)
	case len(of) == 0 && gone:
		return id, fmt.Errorf("flow %s: %w", id, offload.ErrNotFound)
	case !gone && len(of) < 2:
		return id, &offload.InputError{Field: "flow", Got: "job " + id.String() + ", with which no other has to do", Want: "a job or batch of a flow, or the flow's id"}
	}
	return id, nil
}
