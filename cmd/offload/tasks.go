package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/command"
	"github.com/offloadhq/offload/kit/httpcall"
	"github.com/offloadhq/offload/operate"
)

func newTasks(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tasks",
		Short:   "List tasks that programs have made known",
		Long:    "Tasks lists the tasks that can be enqueued by name: those that programs have made known in this\ndatabase within the last 30 days. The built-in ones can be enqueued in any case.",
		Example: "  offload tasks\n  offload tasks --json",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error { return s.tasks(cmd.Context(), o, *asJSON) })
	})
	return cmd
}

func (s *session) tasks(ctx context.Context, o *operate.Operator, asJSON bool) error {
	tasks, err := o.Tasks(ctx)
	if err != nil {
		return err
	}
	table := s.table("TASK", "QUEUE", "STATE", "SEEN")
	for _, t := range tasks {
		if asJSON {
			if err := s.object(t); err != nil {
				return err
			}
			continue
		}
		state := "active"
		if t.Paused {
			state = "paused"
		}
		table.row(t.Name, t.Queue, state, when(t.Seen))
	}
	if asJSON {
		return nil
	}
	return table.end()
}

// taskNames are the tasks that can be enqueued; without an app, or when it can't tell, the
// built-in ones.
func taskNames(ctx context.Context, app *offload.App) []string {
	if app != nil {
		if tasks, err := operate.As(app, who()).Tasks(ctx); err == nil {
			names := make([]string, len(tasks))
			for i, t := range tasks {
				names[i] = t.Name
			}
			return names
		}
	}
	return []string{command.Run.Name(), httpcall.Call.Name()}
}

// unknownTask adds to an error of an unknown task which there are.
func unknownTask(ctx context.Context, app *offload.App, err error) error {
	if !errors.Is(err, offload.ErrUnknownTask) {
		return err
	}
	return fmt.Errorf("%w; known: %s", err, strings.Join(taskNames(ctx, app), ", "))
}

// completeTasks completes the first argument as a task.
func (s *session) completeTasks(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	app, err := s.open(cmd.Context())
	if err != nil {
		return taskNames(cmd.Context(), nil), cobra.ShellCompDirectiveNoFileComp
	}
	defer app.Close()
	return taskNames(cmd.Context(), app), cobra.ShellCompDirectiveNoFileComp
}
