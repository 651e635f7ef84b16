package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newJobEdit(s *session) *cobra.Command {
	m := &many{session: s, verb: "edit"}
	var input, queue string
	var priority int
	var runAt timeFlag
	cmd := &cobra.Command{
		Use:   "edit ID… | --all-matching FLAGS",
		Short: "Change input, queue, priority or time of jobs that wait",
		Long: `Edit changes jobs that are neither running nor completed. What is not given stays. An edited
job that has been discarded or cancelled is run again by offload job retry.

` + manyLong + `
Their input can't be changed so.`,
		Example: `  offload job edit 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e --input '{"url":"https://crm.example/ping"}'
  offload job edit --all-matching --from-queue default --task import --queue slow --priority 9`,
	}
	m.flags(cmd, "from-queue")
	flags := cmd.Flags()
	flags.StringVar(&input, "input", "", "the new input, JSON")
	flags.StringVar(&queue, "queue", "", "move it to this queue")
	flags.IntVar(&priority, "priority", 5, "0 (first) to 9 (last)")
	flags.Var(&runAt, "run-at", "run it at that time at the earliest; local time if no zone is given")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		var edit operate.Edit
		if flags.Changed("input") {
			edit.Input = json.RawMessage(input)
		}
		if flags.Changed("queue") {
			if queue == "" {
				return &offload.InputError{Field: "--queue", Got: "", Want: "the name of a queue"}
			}
			edit.Queue = queue
		}
		if flags.Changed("priority") {
			edit.Priority = &priority
		}
		edit.RunAt = runAt.Time
		ctx := cmd.Context()
		return m.run(ctx, args, func(o *operate.Operator, ids []offload.ID) error {
			var errs []error
			edited := 0
			for _, id := range ids {
				if err := o.Edit(ctx, id, edit); err != nil {
					errs = append(errs, err)
					continue
				}
				edited++
			}
			if edited > 0 {
				fmt.Fprintf(s.out, "edited: %s\n", jobCount(edited))
			}
			return errors.Join(errs...)
		}, func(o *operate.Operator, f offload.Filter) (*offload.Job, error) { return o.EditAll(ctx, f, edit) })
	})
	return cmd
}
