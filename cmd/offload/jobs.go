package main

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

func newJobs(s *session) *cobra.Command {
	l := &jobList{session: s}
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "List jobs, newest first",
		Long: `Jobs lists jobs that match all flags given, newest first. Flags that may be repeated, or
take several values with commas between, match any of them. Jobs of offload's own queue,
called offload, are listed only if that queue is named.

To look into inputs, or for text, a task or a tag among many jobs, takes long: --budget stops after that
time, and says how to go on. Inputs are searched as they are shown: without what is secret or encrypted.
With --soonest, jobs that wait for a time are listed by it.

With --json, all fields are there in each line, null where there is nothing; inputs and
results over 4 KiB are left out: offload job show has them.

--all --json writes everything that is stored, oldest job first: whole inputs and results, failures,
logs, and then schedules, limits, tasks and keys (docs/leaving.md says what is in a line).`,
		Example: `  offload jobs
  offload jobs --state discarded,retryable --task http --since 1d
  offload jobs --search 'connection refused' --json | jq -r .id
  offload jobs --input order.id=42 --budget 3s
  offload jobs --soonest --state retryable
  offload jobs --limit crm --key acme --state blocked
  offload jobs --all --json | gzip >everything.jsonl.gz
  offload jobs --max 50 --before 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e`,
		Args: cobra.NoArgs,
	}
	l.json = jsonFlag(cmd)
	l.filter.flags(cmd, "queue")
	cmd.Flags().IntVar(&l.max, "max", 100, "how many")
	cmd.Flags().BoolVar(&l.all, "all", false, "with --json: everything that is stored, with failures and logs")
	cmd.Flags().StringVar(&l.before, "before", "", "go on after the job with this id")
	cmd.Flags().BoolVar(&l.soonest, "soonest", false, "by the time that they are due: scheduled and retryable jobs alone")
	cmd.Flags().Var(&l.budget, "budget", "stop looking after so long; 0 is never")
	cmd.Flags().StringVar(&l.after, "after", "", "go on where a search has stopped, which says from where")
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error { return l.run(cmd.Context()) })
	return cmd
}

// jobList is one call of the command.
type jobList struct {
	*session
	filter filter
	json   *bool
	all    bool
	max    int
	before string

	soonest bool
	budget  durationFlag
	after   string
}

// jobPage is how many jobs are read at a time.
const jobPage = 1000

func (l *jobList) run(ctx context.Context) error {
	f, err := l.filter.filter()
	if err != nil {
		return err
	}
	switch {
	case l.all && !*l.json:
		return wrong("--all writes JSON: give --json too")
	case l.all && (!l.filter.empty() || l.soonest || l.before+l.after != "" || l.budget.Duration != 0):
		return wrong("--all is everything; a filter, an order, a budget or a place to go on from excludes it")
	case l.all:
		return l.with(ctx, func(app *offload.App) error { return l.everything(ctx, app) })
	}
	if l.max < 1 {
		return &offload.InputError{Field: "--max", Got: l.max, Want: "1 or more"}
	}
	if l.before != "" {
		if f.Before, err = parseID(l.before); err != nil {
			return err
		}
	}
	if f.After, err = offload.ParseCursor(l.after); err != nil {
		return &offload.InputError{Field: "--after", Got: l.after, Want: "what an earlier call has said"}
	}
	f.Soonest = l.soonest
	return l.with(ctx, func(app *offload.App) error {
		if *l.json {
			return l.pages(ctx, app, f, func(job *offload.Job) error { return l.object(jobLine(job)) })
		}
		table := l.table("ID", "STATE", "TASK", "QUEUE", "PRIORITY", "FAILURES", "RUN AT", "ERROR")
		err := l.pages(ctx, app, f, func(job *offload.Job) error {
			table.row(job.ID.String(), stateOf(job), job.Task, job.Queue, strconv.Itoa(job.Priority),
				strconv.Itoa(job.Failures)+"/"+strconv.Itoa(job.MaxAttempts), when(job.RunAt), cut(job.Error, 60))
			return nil
		})
		if err != nil {
			return err
		}
		return table.end()
	})
}

// pages calls f with each job, page after page.
func (l *jobList) pages(ctx context.Context, app *offload.App, selected offload.Filter, f func(*offload.Job) error) error {
	searching := len(selected.Input) > 0 || selected.Soonest || l.budget.Duration > 0 || l.after != ""
	until := time.Now().Add(l.budget.Duration)
	for left := l.max; left > 0; {
		selected.Max = min(left, jobPage)
		var page offload.Found
		var err error
		if searching {
			page, err = app.Search(ctx, selected, l.left(until))
		} else {
			page.Jobs, err = app.Jobs(ctx, selected)
		}
		if err != nil {
			return err
		}
		for _, job := range page.Jobs {
			if err := f(job); err != nil {
				return err
			}
		}
		left -= len(page.Jobs)
		switch {
		case searching && page.Reached.IsZero() || !searching && len(page.Jobs) < selected.Max:
			return nil
		case !searching:
			selected.Before = page.Jobs[len(page.Jobs)-1].ID
		default:
			selected.Before, selected.After = offload.ID{}, page.Reached
			if left > 0 && l.budget.Duration > 0 && !time.Now().Before(until) {
				l.note("stopped after %s with %d found: go on with --after %s", lasting(l.budget.Duration), l.max-left, page.Reached)
				return nil
			}
		}
	}
	switch {
	case l.live && searching:
		l.note("%d shown; there may be more: --max N, or --after %s", l.max, selected.After)
	case l.live:
		l.note("%d shown; there may be more: --max N, or --before %s", l.max, selected.Before)
	}
	return nil
}

// left is what is left of the budget, 0 if there is none.
func (l *jobList) left(until time.Time) time.Duration {
	if l.budget.Duration == 0 {
		return 0
	}
	return max(time.Until(until), 1)
}

// stateOf writes the state of a job, and why it is so where that is known.
func stateOf(job *offload.Job) string {
	text := string(job.State)
	switch {
	case job.Cancelling:
		text += ", cancelling"
	case job.Waits == "task":
		text += ": no process has its task"
	case job.Waits == "paused":
		text += ": task paused"
	case job.Waits == "alone":
		text += ": runs alone, its process was lost"
	case job.Waits == store.WaitsAfter:
		text += ": after other jobs"
	case job.Waits == store.WaitsHeld:
		text += ": held, an earlier job ended otherwise"
	case job.Waits == store.WaitsLimit:
		text += ": " + limitOf(job)
	case job.Waits != "":
		text += ": " + job.Waits
	}
	return text
}

// limitOf names the limit that a job waits for: one of offload's own keeps it behind another job.
func limitOf(job *offload.Job) string {
	for _, l := range job.Limits {
		if l.Waits && !strings.HasPrefix(l.Name, store.OwnLimit) {
			return "limit " + ofKey(l.Name, l.Key)
		}
	}
	return "behind another job"
}

// jobFields are a job as --json writes it: the fields that the command promises are always there.
type jobFields struct {
	*offload.Job
	RunAt      *moment           `json:"run_at"`
	CreatedAt  *moment           `json:"created_at"`
	StartedAt  *moment           `json:"started_at"`
	FinishedAt *moment           `json:"finished_at"`
	Process    *string           `json:"process"`
	Tags       map[string]string `json:"tags"`
	Error      *string           `json:"error"`
	Tick       *moment           `json:"tick,omitempty"`
	Input      json.RawMessage   `json:"input"`
}

func jobLine(job *offload.Job) *jobFields {
	tags := job.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return &jobFields{
		Job: job, RunAt: momentOf(job.RunAt), CreatedAt: momentOf(job.CreatedAt),
		StartedAt: momentOf(job.StartedAt), FinishedAt: momentOf(job.FinishedAt),
		Process: textOf(job.Process), Tags: tags, Error: textOf(job.Error), Tick: momentOf(job.Tick), Input: job.Input,
	}
}

// A moment is a time in UTC, always with as many digits, so that it sorts as text.
type moment time.Time

// MarshalText writes the time in RFC 3339.
func (m moment) MarshalText() ([]byte, error) {
	return time.Time(m).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000000Z07:00"), nil
}

func momentOf(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	return (*moment)(&t)
}

func textOf(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
