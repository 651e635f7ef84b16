package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
)

func newJobLogs(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs ID",
		Short: "Show what a job has logged",
		Long: `Logs shows what a job's handler has logged, over all attempts, oldest line first. With --follow
it goes on with new lines until the job has ended.`,
		Example: `  offload job logs 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e
  offload job logs -f 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e`,
		Args: cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(cmd)
	follow := cmd.Flags().BoolP("follow", "f", false, "go on until the job has ended")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		ids, err := parseIDs(args)
		if err != nil {
			return err
		}
		return s.with(cmd.Context(), func(app *offload.App) error { return s.logs(cmd.Context(), app, ids[0], *follow, *asJSON) })
	})
	return cmd
}

func (s *session) logs(ctx context.Context, app *offload.App, id offload.ID, follow, asJSON bool) error {
	for line, err := range app.Logs(ctx, id, follow) {
		switch {
		case err != nil:
			return err
		case asJSON:
			err = s.object(line)
		default:
			_, err = fmt.Fprintf(s.out, "%s  %d  %-5s  %s", line.Time.Local().Format(time.DateTime), line.Attempt, clean(line.Level), clean(line.Text))
			if err == nil && len(line.Attrs) > 0 {
				_, err = fmt.Fprintf(s.out, "  %s", clean(string(line.Attrs)))
			}
			if err == nil {
				_, err = fmt.Fprintln(s.out)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
