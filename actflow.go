package offload

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// retryFlow retries the jobs of a filter so that they wait for each other again: each after what
// it is to run after, which then has not ended.
func (a *App) retryFlow(ctx context.Context, in inside.ActInput, filter store.Filter) ([]byte, error) {
	jobs, err := a.findAll(ctx, filter)
	if err != nil {
		return nil, err
	}
	if jobs, err = a.inOrder(ctx, jobs, filter.Flow); err != nil {
		return nil, err
	}
	var count actCount
	for page := range slices.Chunk(jobs, actPage) {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if err := a.actPage(ctx, in, page, &count); err != nil {
			return nil, err
		}
		Progress(ctx, count.Jobs, len(jobs), fmt.Sprintf("%s: %s", in.Verb, count))
	}
	return json.Marshal(count)
}

// findAll returns all jobs of a filter, newest first, without inputs and results.
func (a *App) findAll(ctx context.Context, f store.Filter) (jobs []store.Job, err error) {
	for f.Max = existingPage; ; {
		page, err := a.store.Find(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("find jobs: %w", err)
		}
		for i := range page {
			page[i].Input, page[i].Result = nil, nil
		}
		jobs = append(jobs, page...)
		if len(page) < f.Max {
			return jobs, nil
		}
		f.Before = page[len(page)-1].ID
	}
}

// inOrder sorts jobs of a flow so that each comes after those that it is to run after.
func (a *App) inOrder(ctx context.Context, jobs []store.Job, flow ID) ([]store.Job, error) {
	batches, err := a.findAll(ctx, store.Filter{Flow: flow, Tasks: []string{store.BatchTask}, Queues: []string{store.SystemQueue}})
	if err != nil {
		return nil, err
	}
	slices.Reverse(jobs)
	parent := make(map[ID]ID, len(batches))
	for i := range batches {
		parent[batches[i].ID] = batches[i].Terms.Batch
	}
	stands := map[ID][]int{} // for an upstream: which of the jobs
	for i := range jobs {
		stands[jobs[i].ID] = append(stands[jobs[i].ID], i)
		for batch := jobs[i].Terms.Batch; !batch.IsZero(); batch = parent[batch] {
			stands[batch] = append(stands[batch], i)
		}
	}
	needs := make([][]int, len(jobs))
	for page := range slices.Chunk(jobs, existingPage) {
		ids := make([]ID, len(page))
		for i := range page {
			ids[i] = page[i].ID
		}
		edges, err := a.store.Edges(ctx, ids...)
		if err != nil {
			return nil, fmt.Errorf("read what jobs are after: %w", err)
		}
		for _, e := range edges {
			at := stands[e.Job][0]
			needs[at] = append(needs[at], stands[e.Upstream]...)
		}
	}
	order, circle := sortByNeed(needs)
	if circle != nil {
		return nil, Discard(fmt.Errorf("the jobs of flow %s wait for each other in a circle", flow))
	}
	sorted := make([]store.Job, len(jobs))
	for i, n := range order {
		sorted[i] = jobs[n]
	}
	return sorted, nil
}
