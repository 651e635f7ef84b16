package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// An inboxAct is what is done to rows of the inbox that were refused.
type inboxAct struct {
	use, past, short, long string
	some                   func(o *operate.Operator, ctx context.Context, rows ...int64) error
	all                    func(o *operate.Operator, ctx context.Context) (int, error)
}

var inboxActs = []inboxAct{
	{
		"retry", "to be looked at again", "Let refused rows of the inbox be looked at again",
		"A process that works jobs makes jobs of them within a second, or refuses them again: retry them\nonce the reason is gone, such as a task that no process had made known.",
		(*operate.Operator).RetryInbox, (*operate.Operator).RetryInboxAll,
	},
	{
		"drop", "dropped", "Remove refused rows of the inbox",
		"They are removed for good. Those that nobody drops go by themselves, 7 days after they were written.",
		(*operate.Operator).DropInbox, (*operate.Operator).DropInboxAll,
	},
}

func newInboxActs(s *session) []*cobra.Command {
	var commands []*cobra.Command
	for _, act := range inboxActs {
		cmd := &cobra.Command{
			Use:     act.use + " ROW… | --all",
			Short:   act.short,
			Long:    act.short + ".\n\n" + act.long + "\n\nROW is the number that offload inbox lists, the row's column id.",
			Example: fmt.Sprintf("  offload inbox %[1]s 3 7\n  offload inbox %[1]s --all", act.use),
		}
		all := cmd.Flags().Bool("all", false, "all rows that were refused, instead of ROW")
		cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
			rows, err := parseRows(args)
			switch {
			case err != nil:
				return err
			case *all && len(rows) > 0:
				return wrong("rows and --all exclude each other")
			case !*all && len(rows) == 0:
				return wrong("no row is named; want `offload inbox %s ROW…`, or --all", act.use)
			}
			return s.operate(cmd.Context(), func(o *operate.Operator) error {
				done := len(rows)
				if *all {
					done, err = act.all(o, cmd.Context())
				} else {
					err = act.some(o, cmd.Context(), rows...)
				}
				if err != nil {
					return toList("inbox", err)
				}
				_, err = fmt.Fprintf(s.out, "%s: %s\n", act.past, rowCount(done))
				return err
			})
		})
		commands = append(commands, cmd)
	}
	return commands
}

func parseRows(args []string) ([]int64, error) {
	rows := make([]int64, len(args))
	for i, arg := range args {
		n, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || n < 1 {
			return nil, &offload.InputError{Field: "ROW", Got: arg, Want: "the number of a row that `offload inbox` lists"}
		}
		rows[i] = n
	}
	return rows, nil
}

func rowCount(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
