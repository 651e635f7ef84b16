package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

func newJobShow(s *session) *cobra.Command {
	show := &jobShow{session: s}
	cmd := &cobra.Command{
		Use:   "show ID…",
		Short: "Show all that is known of jobs, failures included",
		Example: `  offload job show 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e
  offload job show 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e --stacks
  offload job show 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e --json | jq .history`,
		Args: cobra.MinimumNArgs(1),
	}
	show.json = jsonFlag(cmd)
	cmd.Flags().BoolVar(&show.stacks, "stacks", false, "print the stacks of failures")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		ids, err := parseIDs(args)
		if err != nil {
			return err
		}
		return s.with(cmd.Context(), func(app *offload.App) error { return show.all(cmd.Context(), app, ids) })
	})
	return cmd
}

// jobShow is one call of the command.
type jobShow struct {
	*session
	json   *bool
	stacks bool
}

// all shows jobs, and those that are there even if others are not.
func (s *jobShow) all(ctx context.Context, app *offload.App, ids []offload.ID) error {
	var errs []error
	for i, id := range ids {
		job, err := app.Job(ctx, id)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		failures, err := app.Failures(ctx, id)
		if err != nil {
			return err
		}
		why, err := waitsFor(ctx, app, job)
		if err != nil {
			return err
		}
		if *s.json {
			err = s.object(struct {
				*jobFields
				Why     *reasonFields `json:"why"`
				History []failure     `json:"history"`
			}{jobLine(job), why, history(failures)})
			if err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		s.one(job, why, failures)
	}
	return errors.Join(errs...)
}

// waitsFor returns why a job is not running that waits; nil for any other.
func waitsFor(ctx context.Context, app *offload.App, job *offload.Job) (*reasonFields, error) {
	if job.State == offload.Running || job.State.Ended() {
		return nil, nil
	}
	reason, err := app.Why(ctx, job.ID)
	if errors.Is(err, offload.ErrNotFound) { // it is gone since
		return nil, nil
	}
	line := reasonLine(&reason)
	return &line, err
}

// failure is a failed attempt as --json writes it.
type failure struct {
	offload.Failure
	StartedAt *moment `json:"started_at"`
	FailedAt  *moment `json:"failed_at"`
}

func history(failures []offload.Failure) []failure {
	all := make([]failure, len(failures))
	for i, f := range failures {
		all[i] = failure{f, momentOf(f.StartedAt), momentOf(f.FailedAt)}
	}
	return all
}

// one shows a job to people.
func (s *jobShow) one(job *offload.Job, why *reasonFields, failures []offload.Failure) {
	s.field("id", job.ID.String())
	s.field("task", job.Task)
	s.field("queue", job.Queue)
	s.paintedField("state", stateColour(job.State), stateOf(job))
	if why != nil {
		s.field("why", why.Text)
	}
	s.field("priority", strconv.Itoa(job.Priority))
	s.field("attempts", fmt.Sprintf("%d started, %d failed of %d", job.Attempt, job.Failures, job.MaxAttempts))
	s.field("created", when(job.CreatedAt))
	s.field("run at", when(job.RunAt))
	s.field("started", when(job.StartedAt))
	s.field("finished", when(job.FinishedAt))
	if !job.FinishedAt.IsZero() && !job.StartedAt.IsZero() {
		s.field("took", lasting(job.FinishedAt.Sub(job.StartedAt)))
	}
	s.field("process", job.Process)
	if p := job.Progress; p != nil {
		s.field("progress", progressOf(p))
	}
	var tags []string
	for _, name := range slices.Sorted(maps.Keys(job.Tags)) {
		tags = append(tags, name+"="+job.Tags[name])
	}
	s.field("tags", strings.Join(tags, ", "))
	s.terms(job)
	s.field("input", pretty(job.Input))
	s.field("result", pretty(job.Result))
	for _, f := range failures {
		s.failure(&f)
	}
}

// terms shows what says when a job may run, and where it comes from.
func (s *jobShow) terms(job *offload.Job) {
	for _, l := range job.Limits {
		if strings.HasPrefix(l.Name, store.OwnLimit) {
			continue
		}
		text := ofKey(l.Name, l.Key)
		if l.Cost > 1 {
			text += fmt.Sprintf(", cost %d", l.Cost)
		}
		if l.Waits {
			text += ", waits for it"
		}
		s.field("limit", text)
	}
	s.field("unique", job.UniqueKey)
	s.field("turn", job.FairKey)
	if job.Expire > 0 {
		s.field("expires", period(job.Expire)+" after it was first due, unless it has started")
	}
	schedule := job.Schedule
	if !job.Tick.IsZero() {
		schedule += ", tick " + when(job.Tick)
	}
	s.field("schedule", schedule)
	if !job.Flow.IsZero() {
		s.field("flow", job.Flow.String())
	}
	if !job.Batch.IsZero() {
		s.field("batch", job.Batch.String())
	}
}

// field prints a field that is not empty; further lines of its text stand below the first.
func (s *session) field(name, text string) { s.paintedField(name, "", text) }

func (s *session) paintedField(name, colour, text string) {
	if text == "" {
		return
	}
	text = strings.ReplaceAll(clean(text), "\n", "\n           ")
	fmt.Fprintf(s.out, "%-10s %s\n", name, s.paint(colour, text))
}

// failure prints a failed attempt, with its stack folded to a word unless it is asked for.
func (s *jobShow) failure(f *offload.Failure) {
	fmt.Fprintln(s.out)
	s.field("attempt", fmt.Sprintf("%d failed %s after %s in %s", f.Attempt, when(f.FailedAt), lasting(f.FailedAt.Sub(f.StartedAt)), f.Process))
	s.field("kind", f.Kind)
	s.paintedField("error", red, strings.TrimRight(f.Error, "\n"))
	switch stack := strings.TrimRight(f.Stack, "\n"); {
	case stack == "":
	case s.stacks:
		s.field("stack", stack)
	default:
		s.field("stack", fmt.Sprintf("%d lines; --stacks prints them", strings.Count(stack, "\n")+1))
	}
}

func stateColour(state offload.State) string {
	switch state {
	case offload.Completed:
		return green
	case offload.Discarded:
		return red
	case offload.Retryable, offload.Blocked:
		return yellow
	}
	return ""
}

func progressOf(p *offload.ProgressInfo) string {
	text := strconv.Itoa(p.Done)
	if p.Total > 0 {
		text = fmt.Sprintf("%d of %d (%d %%)", p.Done, p.Total, 100*int64(p.Done)/int64(p.Total))
	}
	if p.Note != "" {
		text += ", " + p.Note
	}
	return text
}

// pretty indents JSON that is longer than a line.
func pretty(data json.RawMessage) string {
	if len(data) <= 100 && !bytes.ContainsRune(data, '\n') {
		return string(data)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, data, "", "  "); err != nil {
		return string(data)
	}
	return indented.String()
}
