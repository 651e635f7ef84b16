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
// it is to run after, which then has not ended. So are batches, before what is after them.
func (a *App) retryFlow(ctx context.Context, in inside.ActInput, filter store.Filter) ([]byte, error) {
	jobs, err := a.findAll(ctx, filter)
	if err != nil {
		return nil, err
	}
	if jobs, err = a.inOrder(ctx, jobs, filter); err != nil {
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

// inOrder sorts jobs of a flow so that each comes after those that it is to run after, and adds
// batches that have ended otherwise than completed, each after its members.
func (a *App) inOrder(ctx context.Context, jobs []store.Job, f store.Filter) ([]store.Job, error) {
	batches, err := a.findAll(ctx, store.Filter{Flow: f.Flow, Tasks: []string{store.BatchTask}, Queues: []string{store.SystemQueue}})
	if err != nil {
		return nil, err
	}
	slices.Reverse(jobs)
	parent := make(map[ID]ID, len(batches))
	place := map[ID]int{}
	for i := range batches {
		b := &batches[i]
		if parent[b.ID] = b.Terms.Batch; b.State.Ended() && b.State != Completed {
			jobs = append(jobs, *b)
		}
	}
	stands := map[ID][]int{} // for an upstream: which of the jobs
	for i := range jobs {
		place[jobs[i].ID] = i
		if jobs[i].Task == store.BatchTask {
			continue
		}
		stands[jobs[i].ID] = append(stands[jobs[i].ID], i)
		if jobs[i].Terms == nil { // it was enqueued alone
			continue
		}
		for batch := jobs[i].Terms.Batch; !batch.IsZero(); batch = parent[batch] {
			stands[batch] = append(stands[batch], i)
		}
	}
	needs, err := a.needs(ctx, jobs, place, stands)
	if err != nil {
		return nil, err
	}
	order, circle := sortByNeed(needs)
	if circle != nil {
		return nil, Discard(fmt.Errorf("the jobs of flow %s wait for each other in a circle", f.Flow))
	}
	sorted := make([]store.Job, len(jobs))
	for i, n := range order {
		sorted[i] = jobs[n]
	}
	return sorted, nil
}

// needs returns for each job which of them come before it, for a batch its members,
// batches among them.
func (a *App) needs(ctx context.Context, jobs []store.Job, place map[ID]int, stands map[ID][]int) ([][]int, error) {
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
			at := place[e.Job]
			needs[at] = append(needs[at], stands[e.Upstream]...)
			if up, here := place[e.Upstream]; here {
				needs[at] = append(needs[at], up)
			}
		}
	}
	for i := range jobs {
		if jobs[i].Task != store.BatchTask {
			continue
		}
		needs[i] = append(needs[i], stands[jobs[i].ID]...)
		if outer, here := place[jobs[i].Terms.Batch]; here {
			needs[outer] = append(needs[outer], i)
		}
	}
	return needs, nil
}
