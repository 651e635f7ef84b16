package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

func newQueue(s *session) *cobra.Command {
	return s.group(
		&cobra.Command{
			Use:     "queue",
			Short:   "Pause and resume queues, set their workers",
			Example: "  offload queue pause mail\n  offload queue workers mail 20",
		},
		s.newQueueAct("pause", "paused", "Start no more jobs of a queue, until it is resumed",
			"Processes obey within a second. What runs goes on; jobs are still taken in.", (*operate.Operator).PauseQueue),
		s.newQueueAct("resume", "resumed", "Start jobs of a paused queue again", "", (*operate.Operator).ResumeQueue),
		newQueueWorkers(s),
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
		return s.onQueue(cmd.Context(), args[0], unseen, past+": queue "+args[0], act)
	})
	return cmd
}

func newQueueWorkers(s *session) *cobra.Command {
	var unseen, reset bool
	cmd := &cobra.Command{
		Use:   "workers NAME N",
		Short: "Set how many jobs of a queue each process runs at once",
		Long: `Set how many jobs of a queue each process runs at once.

It holds within a second, in all processes that work the queue and those that will, whatever programs
say of it, until --reset. What runs goes on; a process still runs no more of all queues together than
its program says.`,
		Example: "  offload queue workers mail 20\n  offload queue workers mail --reset",
		Args:    cobra.RangeArgs(1, 2),
	}
	cmd.Flags().BoolVar(&unseen, "new", false, "even if there is no such queue yet")
	cmd.Flags().BoolVar(&reset, "reset", false, "let programs say it again")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		name := args[0]
		switch {
		case reset && len(args) == 2:
			return &offload.InputError{Field: "N", Got: args[1], Want: "none beside --reset"}
		case reset:
			return s.onQueue(cmd.Context(), name, unseen, "reset: workers of queue "+name, (*operate.Operator).ResetWorkers)
		case len(args) == 1:
			return &offload.InputError{Field: "N", Got: "nothing", Want: "a number, 1 or more, or --reset"}
		}
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return &offload.InputError{Field: "N", Got: args[1], Want: "a number, 1 or more"}
		}
		done := fmt.Sprintf("set: queue %s to %d workers in each process", name, n)
		return s.onQueue(cmd.Context(), name, unseen, done, func(o *operate.Operator, ctx context.Context, name string) error {
			return o.SetWorkers(ctx, name, n)
		})
	})
	return cmd
}

// onQueue does something to a queue that there is, or to any, and says what was done.
func (s *session) onQueue(ctx context.Context, name string, unseen bool, done string, act func(*operate.Operator, context.Context, string) error) error {
	return s.operate(ctx, func(o *operate.Operator) error {
		if !unseen {
			if err := findQueue(ctx, o, name); err != nil {
				return err
			}
		}
		if err := act(o, ctx, name); err != nil {
			return err
		}
		_, err := fmt.Fprintln(s.out, done)
		return err
	})
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
