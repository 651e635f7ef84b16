package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

func newFlow(s *session) *cobra.Command {
	return s.group(
		&cobra.Command{
			Use:   "flow",
			Short: "Show, cancel and retry jobs that are after each other",
			Example: `  offload flow show 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e
  offload flow retry 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e --wait`,
		},
		newFlowShow(s),
		newFlowAct(s, "cancel", "End all jobs of a flow for good",
			"Those that run have their context ended. To end the members of one batch only, offload job\ncancel --all-matching --batch ID.", (*operate.Operator).CancelFlow),
		newFlowAct(s, "retry", "Let a flow go on where it failed or was cancelled",
			"Jobs that were discarded, cancelled or expired run again, with new attempts, those that are\nafter others when these have run. What has completed stays as it is.", (*operate.Operator).RetryFlow),
	)
}

const flowNamed = "The flow is named by its own id, or that of any job or batch of it."

func newFlowAct(s *session, verb, short, long string, act func(*operate.Operator, context.Context, offload.ID) (*offload.Job, error)) *cobra.Command {
	m := &many{session: s, verb: verb}
	cmd := &cobra.Command{
		Use:   verb + " ID",
		Short: short,
		Long: short + ".\n\n" + long + "\n\n" + flowNamed + ` A job
of offload's own does it in any process that works jobs: its id is printed. --wait waits for it.`,
		Example: "  offload flow " + verb + " 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e --wait",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVar(&m.wait, "wait", false, "wait until it is done")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		id, err := parseID(args[0])
		if err != nil {
			return err
		}
		return s.with(ctx, func(app *offload.App) error {
			return m.all(ctx, app, operate.As(app, who()), offload.Filter{}, func(o *operate.Operator, _ offload.Filter) (*offload.Job, error) {
				return act(o, ctx, id)
			})
		})
	})
	return cmd
}

func newFlowShow(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show the jobs of a flow, what each is after, and how they stand",
		Long: `Show lists the batches of a flow, and its jobs so that each comes below what it is after. AFTER
names that, with numbers of this list: 1 has to complete, end(1) to end in whatever way,
fail(1) to fail for good; hold(1) has to complete, or the job waits for a person. What
is no part of the list stands with its id.

` + flowNamed + `
With --json it is one object with jobs, batches and edges.`,
		Example: `  offload flow show 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e
  offload flow show 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e --json | jq '.edges[] | select(.state == "discarded")'`,
		Args: cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		id, err := parseID(args[0])
		if err != nil {
			return err
		}
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			flow, err := o.Flow(cmd.Context(), id)
			switch {
			case errors.Is(err, offload.ErrNotFound):
				return fmt.Errorf("%w; `offload batches` lists batches, `offload jobs --json` names the flow of each job", err)
			case err != nil:
				return err
			case *asJSON:
				return s.object(flowLine(flow))
			}
			return s.flow(flow)
		})
	})
	return cmd
}

// flowFields are a flow as --json writes it.
type flowFields struct {
	*operate.Flow
	Jobs    []*jobFields   `json:"jobs"`
	Batches []*batchFields `json:"batches"`
}

func flowLine(flow *operate.Flow) *flowFields {
	line := &flowFields{flow, make([]*jobFields, len(flow.Jobs)), make([]*batchFields, len(flow.Batches))}
	for i, job := range flow.Jobs {
		line.Jobs[i] = jobLine(job)
	}
	for i := range flow.Batches {
		line.Batches[i] = batchLine(&flow.Batches[i])
	}
	return line
}

// flow shows a flow to people.
func (s *session) flow(flow *operate.Flow) error {
	v := viewOf(flow)
	fmt.Fprintf(s.out, "flow %s\n\n", flow.ID)
	table := s.table("#", "ID", "STATE", "TASK", "BATCH", "AFTER", "ERROR")
	for _, row := range v.rows {
		if b := row.batch; b != nil {
			table.row(v.number[b.ID], b.ID.String(), string(b.State), "batch: "+standing(b), v.number[b.Batch], "", "")
			continue
		}
		job := row.job
		table.row(v.number[job.ID], job.ID.String(), stateOf(job), job.Task, v.number[job.Batch], v.after(job.ID), cut(errorOf(job), 100))
	}
	if err := table.end(); err != nil {
		return err
	}
	if flow.More {
		s.note("there are more jobs: offload jobs --flow %s lists all", flow.ID)
	}
	return nil
}

// errorOf is what went wrong with a job, without what only says that another did.
func errorOf(job *offload.Job) string {
	if job.State == offload.Completed {
		return ""
	}
	return job.Error
}

// A flowView is a flow in the order in which it is shown.
type flowView struct {
	rows   []flowRow
	number map[offload.ID]string // of a row
	edges  map[offload.ID][]operate.Edge
}

type flowRow struct {
	job   *offload.Job
	batch *operate.Batch
}

// viewOf sorts a flow: each job comes below what it is after and its batch, otherwise the
// oldest first.
func viewOf(flow *operate.Flow) *flowView {
	v := &flowView{number: map[offload.ID]string{}, edges: map[offload.ID][]operate.Edge{}}
	rows := map[offload.ID]flowRow{}
	var ids []offload.ID
	for i := range flow.Batches {
		rows[flow.Batches[i].ID] = flowRow{batch: &flow.Batches[i]}
		ids = append(ids, flow.Batches[i].ID)
	}
	for _, job := range flow.Jobs {
		rows[job.ID] = flowRow{job: job}
		ids = append(ids, job.ID)
	}
	for _, e := range flow.Edges {
		v.edges[e.Job] = append(v.edges[e.Job], e)
	}
	entered := map[offload.ID]bool{}
	var place func(id offload.ID)
	place = func(id offload.ID) {
		row, there := rows[id]
		if !there || entered[id] {
			return
		}
		entered[id] = true
		if row.job != nil {
			place(row.job.Batch)
		} else {
			place(row.batch.Batch)
		}
		for _, e := range v.edges[id] {
			place(e.Upstream)
		}
		v.rows = append(v.rows, row)
		v.number[id] = fmt.Sprint(len(v.rows))
	}
	for _, id := range ids {
		place(id)
	}
	return v
}

// mostShown is how many upstreams are named of a job.
const mostShown = 5

// after names what a job is after.
func (v *flowView) after(id offload.ID) string {
	var names []string
	for _, e := range v.edges[id] {
		name := v.number[e.Upstream]
		if name == "" {
			name = e.Upstream.String()
		}
		switch {
		case e.On == store.OnEnded:
			name = "end(" + name + ")"
		case e.On == store.OnFailed:
			name = "fail(" + name + ")"
		case e.Else == store.ElseHold:
			name = "hold(" + name + ")"
		}
		names = append(names, name)
	}
	if more := len(names) - mostShown; more > 0 {
		names = append(names[:mostShown], fmt.Sprintf("+%d", more))
	}
	return strings.Join(names, " ")
}
