package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newTask(s *session) *cobra.Command {
	return s.group(
		&cobra.Command{
			Use:     "task",
			Short:   "Pause and resume tasks",
			Example: "  offload task pause http\n  offload task resume http",
		},
		s.newTaskAct("pause", "paused", "Start no more jobs of a task, until it is resumed",
			"Processes obey within a second. What runs goes on. Its jobs are put aside, so that nothing\nelse in their queue waits for them.", (*operate.Operator).PauseTask),
		s.newTaskAct("resume", "resumed", "Start jobs of a paused task again", "", (*operate.Operator).ResumeTask),
	)
}

func (s *session) newTaskAct(verb, past, short, long string, act func(*operate.Operator, context.Context, string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:               verb + " NAME",
		Short:             short,
		Long:              short + ".\n\n" + long,
		Example:           "  offload task " + verb + " http",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeTasks,
	}
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			if err := findTask(cmd.Context(), o, args[0]); err != nil {
				return err
			}
			if err := act(o, cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(s.out, "%s: task %s\n", past, args[0])
			return err
		})
	})
	return cmd
}

// findTask returns ErrUnknownTask for a name that no process has made known.
func findTask(ctx context.Context, o *operate.Operator, name string) error {
	tasks, err := o.Tasks(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, t := range tasks {
		names = append(names, t.Name)
	}
	if slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("%w %q; known: %s", offload.ErrUnknownTask, name, cmp.Or(strings.Join(names, ", "), "none"))
}
