package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/operate"
)

func newQueues(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queues",
		Short: "List queues: what waits, what runs, who works them",
		Long: `Queues lists the queues that have jobs, are worked by a process, or are paused. Counts are
exact up to 1,000. WAITED is how long the oldest available job has been due.`,
		Example: "  offload queues\n  offload queues --json | jq -r 'select(.workers == 0) | .name'",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error { return s.queues(cmd.Context(), o, *asJSON) })
	})
	return cmd
}

func (s *session) queues(ctx context.Context, o *operate.Operator, asJSON bool) error {
	queues, err := o.Queues(ctx)
	if err != nil {
		return err
	}
	table := s.table("QUEUE", "STATE", "AVAILABLE", "RUNNING", "WORKERS", "SCHEDULED", "RETRYABLE", "BLOCKED", "WAITED")
	for _, q := range queues {
		if asJSON {
			if err := s.object(q); err != nil {
				return err
			}
			continue
		}
		state, waited := "active", ""
		switch {
		case q.Paused:
			state = "paused"
		case q.Workers == 0:
			state = "unworked"
		}
		if !q.Oldest.IsZero() {
			waited = lasting(time.Since(q.Oldest))
		}
		table.row(q.Name, state, bounded(q.Available), bounded(q.Running), strconv.Itoa(q.Workers),
			bounded(q.Scheduled), bounded(q.Retryable), bounded(q.Blocked), waited)
	}
	if asJSON {
		return nil
	}
	return table.end()
}

// bounded writes a count that stops above 1,000.
func bounded(n int) string {
	if n > 1000 {
		return "1,000+"
	}
	return strconv.Itoa(n)
}
