package offload

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/offloadhq/offload/store"
)

// Upstream returns, inside a handler, the results of the jobs of this task that the running job
// was after, in the order they were given to After and its sisters. A batch stands for its
// members, in the order they were enqueued. Jobs that have not completed have no result and are
// left out. Outside a handler there are none.
func (f *Func[In, Out]) Upstream(ctx context.Context) ([]Out, error) {
	at := attemptOf(ctx)
	switch {
	case f == nil || f.Task == nil:
		return nil, &InputError{Field: "Upstream", Got: "a nil task", Want: "a task made by NewFunc or DeclareFunc"}
	case at == nil:
		return nil, nil
	case at.many:
		return nil, errMany(at.job.Task, "Upstream")
	}
	jobs, err := at.app.upstream(ctx, at.job.ID, f.def)
	if err != nil {
		return nil, err
	}
	results := make([]Out, len(jobs))
	for i := range jobs {
		if err := json.Unmarshal(jobs[i].Result, &results[i]); err != nil {
			return nil, fmt.Errorf("offload: decode result of upstream job %s of task %q: %w", jobs[i].ID, jobs[i].Task, err)
		}
	}
	return results, nil
}

// upstream returns the jobs of a task that have completed with a result and that a job was after.
func (a *App) upstream(ctx context.Context, id ID, def *definition) ([]store.Job, error) {
	edges, err := a.store.Edges(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("offload: read what job %s was after: %w", id, err)
	}
	var ids []ID
	named := make(map[ID]bool, len(edges)) // two edges may have one upstream
	for _, e := range edges {
		if !named[e.Upstream] {
			ids = append(ids, e.Upstream)
		}
		named[e.Upstream] = true
	}
	return a.results(ctx, ids, def)
}

// results returns jobs of a task with their results, in the order of the ids, members in place
// of batches.
func (a *App) results(ctx context.Context, ids []ID, def *definition) (jobs []store.Job, err error) {
	found, err := a.byID(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		job, there := found[id]
		switch {
		case !there:
		case job.Task == store.BatchTask:
			members, err := a.members(ctx, id)
			if err != nil {
				return nil, err
			}
			of, err := a.results(ctx, members, def)
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, of...)
		case job.State == Completed && len(job.Result) > 0 && a.isOf(job.Task, def):
			jobs = append(jobs, job)
		}
	}
	return jobs, nil
}

// isOf reports whether a name is that of a task, or an alias that this app knows of it.
func (a *App) isOf(name string, def *definition) bool {
	bound := a.tasks[name]
	return name == def.name || bound != nil && bound.definition == def
}

// members returns the members of a batch, batches in it among them, oldest first.
func (a *App) members(ctx context.Context, batch ID) (ids []ID, err error) {
	for _, f := range []store.Filter{{Batch: batch}, {Batch: batch, Queues: []string{store.SystemQueue}, Tasks: []string{store.BatchTask}}} {
		jobs, err := a.findAll(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("offload: members of batch %s: %w", batch, err)
		}
		for i := range jobs {
			ids = append(ids, jobs[i].ID)
		}
	}
	slices.SortFunc(ids, func(a, b ID) int { return a.Compare(b) })
	return ids, nil
}
