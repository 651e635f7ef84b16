package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
)

func newJobWait(s *session) *cobra.Command {
	var timeout durationFlag
	cmd := &cobra.Command{
		Use:   "wait ID…",
		Short: "Wait until jobs have ended, and print their results",
		Long: `Wait waits until all jobs that are named have ended, in whatever process, and prints the results of
those that completed, one a line, in the order of the ids: null for a job without one.

The exit code is 0 if all have completed, 1 if one ended otherwise, 3 if there is no such job, and
else 4 if one had not ended within --timeout. Ending the wait does nothing to the jobs.`,
		Example: `  offload job wait 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e
  offload job wait 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e --timeout 5m | jq .`,
		Args: cobra.MinimumNArgs(1),
	}
	cmd.Flags().Var(&timeout, "timeout", "wait no longer than that: 30s, 5m, 1d")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		ids, err := parseIDs(args)
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if cmd.Flags().Changed("timeout") {
			if timeout.Duration <= 0 {
				return wrong("--timeout %s: want more than 0", lasting(timeout.Duration))
			}
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout.Duration)
			defer cancel()
		}
		return s.with(cmd.Context(), func(app *offload.App) error { return s.results(ctx, app, ids) })
	})
	return cmd
}

// results waits for jobs, and prints the results of those that completed, in order.
func (s *session) results(ctx context.Context, app *offload.App, ids []offload.ID) error {
	var errs []error
	for _, id := range ids {
		job, err := app.Wait(ctx, id)
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			job, err = lastLook(ctx, app, id)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		result := job.Result
		if len(result) == 0 {
			result = json.RawMessage("null")
		}
		if err := s.object(result); err != nil {
			errs = append(errs, err)
		}
		errs = append(errs, s.out.Flush())
	}
	return errors.Join(errs...)
}

// lastLook returns a job that is not waited for any longer, and if it has not completed an error.
func lastLook(ctx context.Context, app *offload.App, id offload.ID) (*offload.Job, error) {
	job, err := app.Job(context.WithoutCancel(ctx), id)
	switch {
	case err != nil:
		return nil, err
	case job.State == offload.Completed:
		return job, nil
	case job.State.Ended():
		return nil, &offload.EndedError{Job: job}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, &notYetError{fmt.Sprintf("the wait took too long: job %s is %s", id, stateOf(job))}
	}
	return nil, fmt.Errorf("the wait was interrupted: job %s is %s", id, stateOf(job))
}
