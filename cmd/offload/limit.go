package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newLimit(s *session) *cobra.Command {
	return s.group(
		&cobra.Command{
			Use:     "limit",
			Short:   "Change, pause and reset limits",
			Example: "  offload limit set crm 5\n  offload limit pause crm acme --for 10m",
		},
		newLimitSet(s), newLimitReset(s), newLimitPause(s), newLimitSkip(s),
	)
}

// limitAct gives a command of one limit what they share.
func (s *session) limitAct(cmd *cobra.Command, act func(ctx context.Context, o *operate.Operator, args []string) (done string, err error)) *cobra.Command {
	cmd.Long = cmd.Short + ".\n\n" + cmd.Long
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return s.completeLimits(cmd, args, typed)
	}
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			done, err := act(cmd.Context(), o, args)
			if err != nil {
				return toList("limits", err)
			}
			_, err = fmt.Fprintln(s.out, done)
			return err
		})
	})
	return cmd
}

func newLimitSet(s *session) *cobra.Command {
	return s.limitAct(&cobra.Command{
		Use:   "set NAME N",
		Short: "Let a limit allow N jobs at once, or N starts in its period",
		Long: `It holds at once, for each key and over all processes, whatever programs say of the limit, until
offload limit reset. Jobs that hold more than a smaller one allows go on.`,
		Example: "  offload limit set crm 5",
		Args:    cobra.ExactArgs(2),
	}, func(ctx context.Context, o *operate.Operator, args []string) (string, error) {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return "", &offload.InputError{Field: "N", Got: args[1], Want: "a number, 1 or more"}
		}
		return fmt.Sprintf("set: limit %s to %d", args[0], n), o.SetLimit(ctx, args[0], n)
	})
}

func newLimitReset(s *session) *cobra.Command {
	return s.limitAct(&cobra.Command{
		Use:     "reset NAME",
		Short:   "Let a limit allow what programs say again",
		Long:    "It takes offload limit set back.",
		Example: "  offload limit reset crm",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, o *operate.Operator, args []string) (string, error) {
		return "reset: limit " + args[0], o.ResetLimit(ctx, args[0])
	})
}

func newLimitPause(s *session) *cobra.Command {
	var lasts durationFlag
	cmd := s.limitAct(&cobra.Command{
		Use:     "pause NAME [KEY] --for DURATION",
		Short:   "Start no job of a limit's key for a while",
		Long:    "What runs goes on. Without KEY it is the key of a limit that has none. --for 0 ends a pause.",
		Example: "  offload limit pause crm --for 10m\n  offload limit pause crm acme --for 0s",
		Args:    cobra.RangeArgs(1, 2),
	}, func(ctx context.Context, o *operate.Operator, args []string) (string, error) {
		name, key := nameAndKey(args)
		err := o.PauseLimit(ctx, name, key, lasts.Duration)
		if lasts.Duration == 0 {
			return "resumed: limit " + ofKey(name, key), err
		}
		return fmt.Sprintf("paused: limit %s for %s", ofKey(name, key), period(lasts.Duration)), err
	})
	cmd.Flags().Var(&lasts, "for", "for so long: 30s, 10m, 1d; 0 ends a pause")
	_ = cmd.MarkFlagRequired("for") // fails only for a flag that is not there
	return cmd
}

func newLimitSkip(s *session) *cobra.Command {
	return s.limitAct(&cobra.Command{
		Use:   "skip NAME [KEY]",
		Short: "Let a strict limit's key go on that a discarded job has stopped",
		Long: `The job stays discarded. To run it again instead, offload job retry: the others then wait for
it as before. offload limits shows what stops a key.`,
		Example: "  offload limit skip ledger account-7",
		Args:    cobra.RangeArgs(1, 2),
	}, func(ctx context.Context, o *operate.Operator, args []string) (string, error) {
		name, key := nameAndKey(args)
		return "skipped: limit " + ofKey(name, key), o.SkipLimit(ctx, name, key)
	})
}

func nameAndKey(args []string) (name, key string) {
	if len(args) > 1 {
		key = args[1]
	}
	return args[0], key
}
