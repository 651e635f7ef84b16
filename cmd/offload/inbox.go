package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/operate"
)

func newInbox(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inbox",
		Short: "List rows of the inbox that were refused, and why; retry or drop them",
		Long: `Any program that can write into the database enqueues jobs by inserting rows (task, input,
options) into its table offload_inbox, on PostgreSQL offload.inbox. A process that works jobs
makes jobs of them within a second. What can't be a job stays there with the reason: inbox lists
those rows, newest first. ROW is the column id.

A row that was mended is looked at again after offload inbox retry, or once its column error is
NULL. One that nobody wants goes with offload inbox drop, or 7 days after it was written.`,
		Example: "  offload inbox\n  offload inbox --json | jq -r '[.number, .error] | @tsv'\n  offload inbox retry 3\n  offload inbox drop --all",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			rows, err := o.Inbox(cmd.Context())
			if err != nil {
				return err
			}
			return s.inbox(rows, *asJSON)
		})
	})
	cmd.AddCommand(newInboxActs(s)...)
	return cmd
}

func (s *session) inbox(rows []operate.InboxRow, asJSON bool) error {
	table := s.table("ROW", "WRITTEN", "TASK", "INPUT", "ERROR")
	for _, r := range rows {
		if asJSON {
			err := s.object(struct {
				operate.InboxRow
				At *moment `json:"at"`
			}{r, momentOf(r.At)})
			if err != nil {
				return err
			}
			continue
		}
		table.row(strconv.FormatInt(r.Number, 10), when(r.At), cut(r.Task, 40), cut(r.Input, 40), r.Error)
	}
	if asJSON {
		return nil
	}
	return table.end()
}
