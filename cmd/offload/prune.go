package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/operate"
)

func newPrune(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove ended jobs that have had their time",
		Long: `Prune removes at once what is due to be removed: ended jobs whose time to be kept is over (a day
for completed, 7 days for cancelled and expired, 30 for discarded ones, unless their task or
job says otherwise), old figures and records. It prints how many jobs that were.

Processes that work jobs do the same each half minute: prune is for a database that none works.`,
		Example: "  offload prune\n  offload prune --json | jq .removed",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			removed, err := o.Prune(cmd.Context())
			if err != nil {
				return fmt.Errorf("%w (%s removed before that)", err, jobCount(removed))
			}
			if *asJSON {
				return s.object(struct {
					Removed int `json:"removed"`
				}{removed})
			}
			_, err = fmt.Fprintf(s.out, "removed: %s\n", jobCount(removed))
			return err
		})
	})
	return cmd
}
