package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newKeys(s *session) *cobra.Command {
	m := &many{session: s, verb: "keys", wait: true}
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Count by which keys it is encrypted what jobs say",
		Long: `Keys counts texts by the id of the key that they are encrypted with: inputs, results, what jobs
have kept and logged, and inputs of schedules. A key that is not listed can be taken out of
offload.Keys, once no program encrypts with it. A job of offload's own counts, in any process that
works jobs. See offload job re-encrypt.`,
		Example: "  offload keys\n  offload keys --json",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		app, err := s.open(cmd.Context())
		if err != nil {
			return err
		}
		return errors.Join(m.keys(cmd.Context(), app, *asJSON), app.Close())
	})
	return cmd
}

func (m *many) keys(ctx context.Context, app *offload.App, asJSON bool) error {
	o := operate.As(app, who())
	processes, err := o.Processes(ctx)
	if err != nil {
		return err
	}
	if len(processes) == 0 {
		return errors.New("no process works jobs now, which would count: start `offload work`, or your program")
	}
	job, err := o.CountKeys(ctx, offload.Filter{All: true})
	if err != nil {
		return err
	}
	if err := m.follow(ctx, app, job.ID); err != nil {
		return err
	}
	if job, err = app.Job(ctx, job.ID); err != nil {
		return err
	}
	var count operate.KeyCount
	if err := json.Unmarshal(job.Result, &count); err != nil {
		return fmt.Errorf("read the count: %w", err)
	}
	if asJSON {
		return m.object(count)
	}
	table := m.table("KEY", "TEXTS")
	for _, id := range slices.Sorted(maps.Keys(count.Keys)) {
		table.row(clean(id), fmt.Sprint(count.Keys[id]))
	}
	return table.end()
}
