package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
)

func newJobWhy(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why ID…",
		Short: "Say in a sentence why a job is not running",
		Long: `Why says why a job is not running: its time, a pause, a limit and who holds it, its place in
line, nobody who works its queue or knows its task, or what comes before it. With --json it
prints the facts that the sentence is made of.`,
		Example: `  offload job why 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e
  offload job why 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e --json | jq -r .by[]`,
		Args: cobra.MinimumNArgs(1),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		ids, err := parseIDs(args)
		if err != nil {
			return err
		}
		return s.with(cmd.Context(), func(app *offload.App) error { return s.why(cmd.Context(), app, ids, *asJSON) })
	})
	return cmd
}

// why says it of jobs, and of those that are there even if others are not.
func (s *session) why(ctx context.Context, app *offload.App, ids []offload.ID, asJSON bool) error {
	var errs []error
	for _, id := range ids {
		reason, err := app.Why(ctx, id)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case asJSON:
			err = s.object(struct {
				ID offload.ID `json:"id"`
				reasonFields
			}{id, reasonLine(&reason)})
		case len(ids) > 1:
			_, err = fmt.Fprintf(s.out, "%s: %s\n", id, clean(reason.Text))
		default:
			_, err = fmt.Fprintln(s.out, clean(reason.Text))
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// reasonFields are a Reason as --json writes it.
type reasonFields struct {
	offload.Reason
	At *moment `json:"at,omitempty"`
}

func reasonLine(r *offload.Reason) reasonFields { return reasonFields{*r, momentOf(r.At)} }
