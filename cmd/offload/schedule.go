package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newSchedule(s *session) *cobra.Command {
	return s.group(
		&cobra.Command{
			Use:   "schedule",
			Short: "Add, change, pause and run schedules",
			Example: `  offload schedule add nightly command '{"argv":["./backup"]}' --cron "0 3 * * *" --zone Europe/Berlin
  offload schedule pause nightly
  offload schedule preview "0 9 * * MON#1" --zone Europe/Berlin`,
		},
		newScheduleAdd(s), newScheduleEdit(s),
		s.newScheduleAct("pause", "paused", "Let a schedule tick no more, until it is resumed",
			"Jobs that it has enqueued go on.", (*operate.Operator).PauseSchedule),
		s.newScheduleAct("resume", "resumed", "Let a paused schedule tick again",
			"Ticks that have passed meanwhile are not made up for.", (*operate.Operator).ResumeSchedule),
		newScheduleRun(s),
		s.newScheduleAct("remove", "removed", "Remove a schedule that was made at run time",
			"Jobs that it has enqueued stay. One of the same name in code comes back. One that a program\ndeclares can't be removed, but paused.", (*operate.Operator).RemoveSchedule),
		newSchedulePreview(s),
	)
}

func (s *session) newScheduleAct(verb, past, short, long string, act func(*operate.Operator, context.Context, string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:               verb + " NAME",
		Short:             short,
		Long:              short + ".\n\n" + long,
		Example:           "  offload schedule " + verb + " nightly",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeSchedules,
	}
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			if err := act(o, cmd.Context(), args[0]); err != nil {
				return toList("schedules", err)
			}
			_, err := fmt.Fprintf(s.out, "%s: schedule %s\n", past, args[0])
			return err
		})
	})
	return cmd
}

func newScheduleRun(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Enqueue the job of a schedule now",
		Long: `Run enqueues the job of a schedule now, also of one that is paused or has ended, and prints
its id. The schedule's own ticks stay as they are.

It does as a tick of now would if an earlier job has not ended: with overlap skip, or where
one waits behind that already, it is refused.`,
		Example:           "  offload schedule run nightly",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeSchedules,
	}
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			job, err := o.RunSchedule(cmd.Context(), args[0])
			if job != nil {
				fmt.Fprintln(s.out, job.ID)
			}
			return toList("schedules", err)
		})
	})
	return cmd
}

// toList adds to an error of something that is not there which command lists what is.
func toList(command string, err error) error {
	if errors.Is(err, offload.ErrNotFound) {
		return fmt.Errorf("%w; `offload %s` lists them", err, command)
	}
	return err
}

// completeSchedules completes the first argument as a schedule.
func (s *session) completeSchedules(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	_ = s.operate(cmd.Context(), func(o *operate.Operator) error { // nothing to complete is no news
		schedules, err := o.Schedules(cmd.Context())
		for _, c := range schedules {
			names = append(names, c.Name)
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
