package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newProcess(s *session) *cobra.Command {
	return s.group(
		&cobra.Command{
			Use:     "process",
			Short:   "Quiet and stop processes",
			Example: "  offload process quiet web1/4711\n  offload process stop 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e",
		},
		s.newProcessAct("quiet", "quiet", "Let a process end what it runs and start nothing more",
			"It stays so until it ends.", (*operate.Operator).QuietProcess),
		s.newProcessAct("stop", "told to stop", "Let a process stop as by TERM",
			"It claims nothing more, lets jobs end for its grace period, and gives back what is left.", (*operate.Operator).StopProcess),
	)
}

func (s *session) newProcessAct(verb, past, short, long string, act func(*operate.Operator, context.Context, offload.ID) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:     verb + " PROCESS",
		Short:   short,
		Long:    short + ".\n\n" + long + "\n\nThe process is named by its id, or as offload processes shows it.",
		Example: fmt.Sprintf("  offload process %[1]s web1/4711\n  offload process %[1]s 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e", verb),
		Args:    cobra.ExactArgs(1),
	}
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error {
			process, err := findProcess(cmd.Context(), o, args[0])
			if err != nil {
				return err
			}
			if err := act(o, cmd.Context(), process.ID); err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.out, "%s: process %s\n", past, clean(processName(process)))
			return err
		})
	})
	return cmd
}

// findProcess returns the process with the id or the name.
func findProcess(ctx context.Context, o *operate.Operator, named string) (*operate.Process, error) {
	processes, err := o.Processes(ctx)
	if err != nil {
		return nil, err
	}
	var found *operate.Process
	for i := range processes {
		p := &processes[i]
		if p.ID.String() == named {
			return p, nil
		}
		if processName(p) == named {
			if found != nil {
				return nil, wrong("several processes are called %q; name one by its id", named)
			}
			found = p
		}
	}
	if found == nil {
		return nil, fmt.Errorf("process %q: %w; `offload processes` lists them", named, offload.ErrNotFound)
	}
	return found, nil
}
