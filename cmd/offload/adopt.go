package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/operate"
)

func newAdopt(s *session) *cobra.Command {
	var discard bool
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Let the jobs of a restored or copied database run",
		Long: `A database knows the file or the server that it was made on. A copy of it, restored from a
backup, copied, or read in from a dump, takes jobs, and runs none: it may be that the original
runs them, or has run them since. Adopt says that this is now the one to work on.

With --discard-waiting all that has not ended is cancelled first, so that a copy for a test does
nothing that the original will do: no mail goes out twice. Schedules stay, and tick from then on.`,
		Example: "  offload adopt\n  offload --db postgres://app@staging/shop adopt --discard-waiting",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&discard, "discard-waiting", false, "cancel all jobs that have not ended, and refuse what is in the inbox, first")
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			if discard {
				n, err := o.DiscardWaiting(cmd.Context())
				if err != nil {
					return err
				}
				fmt.Fprintf(s.out, "cancelled: %d jobs\n", n)
			}
			adopted, err := o.Adopt(cmd.Context())
			if err != nil {
				return err
			}
			text := "adopted: its jobs run here from now on"
			if !adopted {
				text = "nothing to do: this database is no copy, or was adopted"
			}
			_, err = fmt.Fprintln(s.out, text)
			return err
		})
	})
	return cmd
}
