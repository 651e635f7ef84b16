package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/operate"
)

func newProcesses(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "processes",
		Short: "List processes that work jobs",
		Long: `Processes lists the programs that work jobs of this database: where they run, the queues they
work now with the number of jobs at once, and how long ago each showed that it lives.`,
		Example: "  offload processes\n  offload processes --json | jq -r 'select(.stuck) | .host'",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error { return s.processes(cmd.Context(), o, *asJSON) })
	})
	return cmd
}

func (s *session) processes(ctx context.Context, o *operate.Operator, asJSON bool) error {
	processes, err := o.Processes(ctx)
	if err != nil {
		return err
	}
	table := s.table("ID", "PROCESS", "STATE", "RUNNING", "QUEUES", "MEMORY", "UP", "BEAT", "VERSION")
	for _, p := range processes {
		if asJSON {
			if err := s.object(p); err != nil {
				return err
			}
			continue
		}
		table.row(p.ID.String(), processName(&p), processState(&p), strconv.Itoa(p.Running), queuesOf(&p),
			fmt.Sprintf("%d MiB", p.Memory>>20), lasting(time.Since(p.Started)), lasting(time.Since(p.Beat))+" ago", p.Version)
	}
	if asJSON {
		return nil
	}
	return table.end()
}

// processName is how people know a process: "web@host/1234".
func processName(p *operate.Process) string {
	name := p.Host + "/" + strconv.Itoa(p.PID)
	if p.Name != "" {
		name = p.Name + "@" + name
	}
	return name
}

func processState(p *operate.Process) string {
	state := "working"
	switch {
	case p.Lost:
		state = "lost"
	case p.Stop:
		state = "stopping"
	case p.Quiet:
		state = "quiet"
	}
	if n := len(p.Stuck); n > 0 {
		state += fmt.Sprintf(", %d stuck", n)
	}
	return state
}

func queuesOf(p *operate.Process) string {
	var queues []string
	for _, name := range slices.Sorted(maps.Keys(p.Queues)) {
		queues = append(queues, fmt.Sprintf("%s=%d", name, p.Queues[name]))
	}
	return strings.Join(queues, ",")
}
