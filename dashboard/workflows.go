package dashboard

import (
	"context"
	"time"

	"github.com/offloadhq/offload"
)

// workflowsView is what the page of workflows shows.
type workflowsView struct {
	Flows []flowRow
	More  more
}

// A flowRow is a workflow in a line.
type flowRow struct {
	ID     offload.ID
	Title  string // the tasks it begins with
	Since  time.Time
	Counts []stateCount
	More   bool
}

// A stateCount is how many jobs are in a state.
type stateCount struct {
	State offload.State
	N     int
}

const (
	flowsShown   = 25
	flowJobsRead = 200 // of each flow in the list
)

// workflows shows the newest workflows, and how their jobs stand.
func (d *dashboard) workflows(r *request) (*content, error) {
	before, err := idOf("before", r.URL.Query().Get("before"))
	if err != nil {
		return nil, err
	}
	ids, err := r.op.Flows(r.Context(), before, flowsShown)
	if err != nil {
		return nil, err
	}
	var v workflowsView
	for _, id := range ids {
		row, err := d.flowRow(r.Context(), id)
		if err != nil {
			return nil, err
		}
		v.Flows = append(v.Flows, row)
	}
	if !before.IsZero() {
		v.More.First = r.link("/workflows")
	}
	if len(ids) == flowsShown {
		v.More.Next = r.link("/workflows", "before", ids[len(ids)-1].String())
	}
	return &content{view: "workflows", title: "Workflows", data: &v}, nil
}

// idOf reads an id of an address, the zero one for "".
func idOf(field, text string) (offload.ID, error) {
	if text == "" {
		return offload.ID{}, nil
	}
	id, err := offload.ParseID(text)
	if err != nil {
		return id, badField(field, shortened(text, 60), "the id of a job")
	}
	return id, nil
}

// needID is idOf for an id that must be given.
func needID(field, text string) (offload.ID, error) {
	id, err := idOf(field, text)
	if err == nil && id.IsZero() {
		err = badField(field, `""`, "the id of one")
	}
	return id, err
}

func (d *dashboard) flowRow(ctx context.Context, id offload.ID) (flowRow, error) {
	row := flowRow{ID: id}
	jobs, err := d.app.Jobs(ctx, offload.Filter{Flow: id, Max: flowJobsRead})
	if err != nil {
		return row, err
	}
	row.More = len(jobs) == flowJobsRead
	row.Counts = countStates(jobs)
	if len(jobs) > 0 {
		first := jobs[len(jobs)-1]
		row.Title, row.Since = first.Task, first.CreatedAt
		if last := jobs[0]; last.Task != first.Task {
			row.Title += " … " + last.Task
		}
	}
	return row, nil
}

// countStates counts jobs by state, in the order of their lives.
func countStates(jobs []*offload.Job) (counts []stateCount) {
	n := map[offload.State]int{}
	for _, job := range jobs {
		n[job.State]++
	}
	for _, state := range states {
		if n[state] > 0 {
			counts = append(counts, stateCount{state, n[state]})
		}
	}
	return counts
}

// states are all states in the order of a job's life.
var states = []offload.State{
	offload.Scheduled, offload.Available, offload.Blocked, offload.Running, offload.Retryable,
	offload.Completed, offload.Discarded, offload.Cancelled, offload.Expired,
}

// workflowView is what the page of one workflow shows.
type workflowView struct {
	ID     offload.ID
	Graph  graph
	Jobs   []*offload.Job
	Counts []stateCount
	Acts   []act
	More   bool // there are more jobs than are drawn
}

// workflow shows one workflow: what is after what, and how far it is.
func (d *dashboard) workflow(r *request) (*content, error) {
	id, err := idOf("workflow", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	flow, err := r.op.Flow(r.Context(), id)
	if err != nil {
		return nil, err
	}
	v := workflowView{ID: flow.ID, Jobs: flow.Jobs, Counts: countStates(flow.Jobs), More: flow.More || len(flow.Jobs) > mostNodes}
	v.Graph = drawFlow(flow, r.base)
	v.Jobs = v.Jobs[:min(len(v.Jobs), mostNodes)]
	of := []string{"flow", flow.ID.String()}
	open, failed := 0, 0
	for _, c := range v.Counts {
		switch {
		case !c.State.Ended():
			open += c.N
		case c.State != offload.Completed:
			failed += c.N
		}
	}
	if failed > 0 {
		v.Acts = append(v.Acts, do("Let it go on", "/workflows/retry", Operator, of...).main().asking(
			"What was discarded, cancelled or expired runs again, and then what is after it. What has completed stays."))
	}
	if open > 0 {
		v.Acts = append(v.Acts, do("Cancel", "/workflows/cancel", Operator, of...).asking("Jobs of it that have not ended are cancelled, those that run are asked to end."))
	}
	return &content{view: "workflow", title: "Workflow", data: &v}, nil
}

func (d *dashboard) retryWorkflow(r *request) (*done, error) {
	return d.actOnFlow(r, r.op.RetryFlow, "The workflow goes on; a job sees to it.")
}

func (d *dashboard) cancelWorkflow(r *request) (*done, error) {
	return d.actOnFlow(r, r.op.CancelFlow, "The workflow is being cancelled; a job sees to it.")
}

func (d *dashboard) actOnFlow(r *request, f func(context.Context, offload.ID) (*offload.Job, error), text string) (*done, error) {
	id, err := needID("flow", r.PostForm.Get("flow"))
	if err != nil {
		return nil, err
	}
	if _, err = f(r.Context(), id); err != nil {
		return nil, err
	}
	return &done{text: text}, nil
}
