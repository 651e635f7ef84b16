package main

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newSchedules(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedules",
		Short: "List schedules: what ticks, when it ticks next, how it went last",
		Long: `Schedules lists the schedules, those that programs declare in code and those that were made
at run time, by name. ORIGIN says which: one made at run time (api) wins over one of the same
name in code. An orphaned one ticks no more, since no program declares it.

LAST is the tick taken last, OUTCOME the state of its job. With --json, durations are
nanoseconds.`,
		Example: "  offload schedules\n  offload schedules --json | jq -r 'select(.outcome == \"discarded\") | .name'",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error { return s.schedules(cmd.Context(), o, *asJSON) })
	})
	return cmd
}

func (s *session) schedules(ctx context.Context, o *operate.Operator, asJSON bool) error {
	schedules, err := o.Schedules(ctx)
	if err != nil {
		return err
	}
	table := s.table("SCHEDULE", "STATE", "TICKS", "ZONE", "TASK", "NEXT", "LAST", "OUTCOME", "ORIGIN")
	for i := range schedules {
		c := &schedules[i]
		if asJSON {
			if err := s.object(scheduleLine(c)); err != nil {
				return err
			}
			continue
		}
		table.row(c.Name, scheduleState(c), ticksOf(&c.Schedule), c.Zone, c.Call.Task(), when(c.Next), when(c.Last),
			string(c.LastState), string(c.Origin))
	}
	if asJSON {
		return nil
	}
	return table.end()
}

// ticksOf says when a schedule ticks, as somebody wrote it.
func ticksOf(c *offload.Schedule) string {
	if c.Every > 0 {
		return "every " + period(c.Every)
	}
	return c.Cron
}

func scheduleState(c *operate.Schedule) string {
	switch {
	case c.Paused && c.Orphaned:
		return "paused, orphaned"
	case c.Paused:
		return "paused"
	case c.Orphaned:
		return "orphaned"
	case c.Next.IsZero():
		return "ended"
	}
	return "active"
}

// scheduleFields are a schedule as --json writes it: fields are null where there is nothing.
type scheduleFields struct {
	Name     string          `json:"name"`
	Cron     *string         `json:"cron"`
	Every    time.Duration   `json:"every,omitempty"` // nanoseconds
	Zone     string          `json:"zone"`
	Task     string          `json:"task"`
	Input    json.RawMessage `json:"input"`
	Overlap  offload.Overlap `json:"overlap"`
	Missed   offload.Missed  `json:"missed"`
	Jitter   time.Duration   `json:"jitter,omitempty"`
	From     *moment         `json:"from"`
	To       *moment         `json:"to"`
	Origin   operate.Origin  `json:"origin"`
	Paused   bool            `json:"paused"`
	Orphaned bool            `json:"orphaned"`
	Next     *moment         `json:"next"`
	Last     *moment         `json:"last"`
	LastJob  *offload.ID     `json:"last_job"`
	Outcome  *string         `json:"outcome"`
}

func scheduleLine(c *operate.Schedule) *scheduleFields {
	f := &scheduleFields{
		Name: c.Name, Cron: textOf(c.Cron), Every: c.Every, Zone: cmp.Or(c.Zone, "UTC"), Task: c.Call.Task(), Input: c.Call.Input(),
		Overlap: cmp.Or(c.Overlap, offload.OverlapSkip), Missed: cmp.Or(c.Missed, offload.MissedOnce), Jitter: c.Jitter,
		From: momentOf(c.From), To: momentOf(c.To), Origin: c.Origin, Paused: c.Paused, Orphaned: c.Orphaned,
		Next: momentOf(c.Next), Last: momentOf(c.Last), Outcome: textOf(string(c.LastState)),
	}
	if !c.LastJob.IsZero() {
		f.LastJob = &c.LastJob
	}
	return f
}
