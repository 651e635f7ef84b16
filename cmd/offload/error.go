package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newError(s *session) *cobra.Command {
	commands := []*cobra.Command{newErrorShow(s)}
	for _, act := range errorJobActs {
		commands = append(commands, newErrorJobAct(s, &act))
	}
	for _, act := range errorActs {
		commands = append(commands, newErrorAct(s, &act))
	}
	return s.group(
		&cobra.Command{
			Use:     "error",
			Short:   "Show, retry, discard, mute and resolve errors",
			Example: "  offload error show 72d711658927de56\n  offload error retry 72d711658927de56 --wait",
		},
		commands...,
	)
}

// completeErrors offers the groups that there are.
func (s *session) completeErrors(cmd *cobra.Command, args []string, _ string) (groups []string, _ cobra.ShellCompDirective) {
	_ = s.operate(cmd.Context(), func(o *operate.Operator) error {
		found, err := o.Errors(cmd.Context(), operate.ErrorQuery{})
		for i := range found {
			groups = append(groups, found[i].Group+"\t"+cut(clean(errorTitle(&found[i])), 60))
		}
		return err
	})
	return groups, cobra.ShellCompDirectiveNoFileComp
}

func newErrorShow(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show GROUP…",
		Short: "Show groups of failures: a sample, whom it meets, when",
		Example: `  offload error show 72d711658927de56
  offload error show 72d711658927de56 --json | jq .keys`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeErrors,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error { return s.showErrors(cmd.Context(), o, args, *asJSON) })
	})
	return cmd
}

// showErrors shows groups, and those that are there even if others are not.
func (s *session) showErrors(ctx context.Context, o *operate.Operator, groups []string, asJSON bool) error {
	var errs []error
	for i, group := range groups {
		g, err := o.Error(ctx, group)
		switch {
		case err != nil:
			errs = append(errs, toList("errors", err))
		case asJSON:
			errs = append(errs, s.object(errorLine(g)))
		default:
			if i > 0 {
				fmt.Fprintln(s.out)
			}
			s.errorGroup(g)
		}
	}
	return errors.Join(errs...)
}

// errorGroup shows a group to people.
func (s *session) errorGroup(g *operate.ErrorGroup) {
	s.field("group", g.Group)
	s.field("task", g.Task)
	s.field("kind", g.Kind)
	s.field("error", errorTitle(g))
	status := string(g.Status)
	if !g.Changed.IsZero() {
		status += " since " + when(g.Changed)
	}
	s.field("status", status)
	s.field("count", strconv.FormatInt(g.Count, 10))
	s.field("first", when(g.First))
	s.field("last", when(g.Last))
	s.field("24 hours", strconv.FormatInt(sumOf(g.Hours, 24), 10))
	var days []string
	for _, n := range daysOf(g.Hours) {
		days = append(days, strconv.FormatInt(n, 10))
	}
	s.field("14 days", strings.Join(days, " "))
	var keys []string
	for _, k := range g.Keys {
		keys = append(keys, fmt.Sprintf("%s (%d)", k.Key, k.Count))
	}
	if g.OtherKeys > 0 {
		keys = append(keys, fmt.Sprintf("others (%d)", g.OtherKeys))
	}
	s.field("keys", strings.Join(keys, ", "))
	s.field("job", fmt.Sprintf("%s, attempt %d", g.Job, g.Attempt))
	s.field("sample", g.Error)
}

// An errorAct gives groups a status.
type errorAct struct {
	use, past, short, long string
	act                    func(o *operate.Operator, ctx context.Context, group string) error
}

var errorActs = []errorAct{
	{
		"mute", "muted", "Want to hear of errors no more",
		"They go on to be counted, and stay muted until offload error open.",
		(*operate.Operator).MuteError,
	},
	{
		"resolve", "resolved", "Say that errors are mended",
		"The group is open again with the first failure after that.",
		(*operate.Operator).ResolveError,
	},
	{
		"open", "opened", "Take mute and resolve back",
		"The group is listed by offload errors again.",
		(*operate.Operator).OpenError,
	},
}

func newErrorAct(s *session, act *errorAct) *cobra.Command {
	cmd := &cobra.Command{
		Use:               act.use + " GROUP…",
		Short:             act.short,
		Long:              act.short + ".\n\n" + act.long,
		Example:           "  offload error " + act.use + " 72d711658927de56",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeErrors,
	}
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			var errs []error
			for _, group := range args {
				err := act.act(o, cmd.Context(), group)
				if err == nil {
					_, err = fmt.Fprintf(s.out, "%s: error %s\n", act.past, group)
				}
				errs = append(errs, toList("errors", err))
			}
			return errors.Join(errs...)
		})
	})
	return cmd
}

// An errorJobAct acts on the jobs of a group.
type errorJobAct struct {
	use, short, long string
	act              func(o *operate.Operator, ctx context.Context, group string) (*offload.Job, error)
}

var errorJobActs = []errorJobAct{
	{
		"retry", "Run all jobs of an error again",
		"These are the jobs that failed last as the group says, and were discarded or wait for a retry.",
		(*operate.Operator).RetryError,
	},
	{
		"discard", "Cancel all jobs of an error that would be tried again",
		"These are the jobs that failed last as the group says and have not ended.",
		(*operate.Operator).DiscardError,
	},
}

func newErrorJobAct(s *session, act *errorJobAct) *cobra.Command {
	m := &many{session: s, verb: act.use}
	cmd := &cobra.Command{
		Use:   act.use + " GROUP",
		Short: act.short,
		Long: act.short + ".\n\n" + act.long + `

A job of offload's own does it in any process that works jobs: its id is printed, offload job
show shows how far it is, and offload job cancel ends it. --wait waits for it. For other jobs of
a group there is the flag --group of offload jobs and offload job.`,
		Example:           fmt.Sprintf("  offload error %[1]s 72d711658927de56\n  offload error %[1]s 72d711658927de56 --wait", act.use),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeErrors,
	}
	cmd.Flags().BoolVar(&m.wait, "wait", false, "wait until it is done")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		return s.with(ctx, func(app *offload.App) error {
			all := func(o *operate.Operator, f offload.Filter) (*offload.Job, error) { return act.act(o, ctx, f.Group) }
			return toList("errors", m.all(ctx, app, operate.As(app, who()), offload.Filter{Group: args[0]}, all))
		})
	})
	return cmd
}
