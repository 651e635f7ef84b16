package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

func newQueue(s *session) *cobra.Command {
	return s.group(
		&cobra.Command{
			Use:     "queue",
			Short:   "Pause and resume queues",
			Example: "  offload queue pause mail\n  offload queue resume mail",
		},
		s.newQueueAct("pause", "paused", "Start no more jobs of a queue, until it is resumed",
			"Processes obey within a second. What runs goes on; jobs are still taken in.", (*operate.Operator).PauseQueue),
		s.newQueueAct("resume", "resumed", "Start jobs of a paused queue again", "", (*operate.Operator).ResumeQueue),
	)
}

func (s *session) newQueueAct(verb, past, short, long string, act func(*operate.Operator, context.Context, string) error) *cobra.Command {
	var unseen bool
	cmd := &cobra.Command{
		Use:     verb + " NAME",
		Short:   short,
		Long:    short + ".\n\n" + long,
		Example: fmt.Sprintf("  offload queue %[1]s mail\n  offload queue %[1]s import --new", verb),
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVar(&unseen, "new", false, "even if there is no such queue yet")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			if !unseen {
				if err := findQueue(cmd.Context(), o, args[0]); err != nil {
					return err
				}
			}
			if err := act(o, cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(s.out, "%s: queue %s\n", past, args[0])
			return err
		})
	})
	return cmd
}

// findQueue returns ErrNotFound for a queue that nothing has been heard of: a misspelt name
// would be paused, and nobody would notice.
func findQueue(ctx context.Context, o *operate.Operator, name string) error {
	queues, err := o.Queues(ctx)
	if err != nil {
		return err
	}
	if name == store.SystemQueue || slices.ContainsFunc(queues, func(q operate.Queue) bool { return q.Name == name }) {
		return nil
	}
	tasks, err := o.Tasks(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(tasks, func(t operate.Task) bool { return t.Queue == name }) {
		return nil
	}
	return fmt.Errorf("queue %q: %w; it has no jobs, no worker and no task; --new means it all the same", name, offload.ErrNotFound)
}
