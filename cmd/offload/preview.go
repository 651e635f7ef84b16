package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/operate"
)

func newSchedulePreview(s *session) *cobra.Command {
	p := &preview{session: s}
	cmd := &cobra.Command{
		Use:   "preview EXPR | NAME",
		Short: "Show when an expression or a schedule ticks",
		Long: `Preview prints the next ticks of an expression, or of a schedule, after --from: a time per line,
RFC 3339, in its zone. An expression needs no database: it is one of five fields (minute, hour,
day, month, weekday), of six with the second in front, @daily and the like, or "@every 5m".

When the clock of the zone is put forward or back, an expression with a * or a step in second,
minute or hour goes on by elapsed time. Any other names fixed times that each run once: at the
end of the gap that swallows them, or at the first of the two.`,
		Example: `  offload schedule preview "30 2 * * *" --zone America/New_York --from 2026-03-07
  offload schedule preview "0 9 * * MON#1" --zone Europe/Berlin --count 12
  offload schedule preview nightly`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeSchedules,
	}
	p.json = jsonFlag(cmd)
	cmd.Flags().StringVar(&p.zone, "zone", "", "time zone of the clock, such as Europe/Berlin (default UTC, or the schedule's)")
	cmd.Flags().StringVar(&p.from, "from", "", "ticks after that time, one of --zone if it names none (default: now)")
	cmd.Flags().IntVar(&p.count, "count", 10, "how many, at most 10,000")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		if p.count < 1 || p.count > 10_000 {
			return &offload.InputError{Field: "--count", Got: p.count, Want: "1 to 10,000"}
		}
		schedule, err := p.schedule(cmd, args[0])
		if err != nil {
			return err
		}
		return p.print(schedule)
	})
	return cmd
}

// preview is one call of the command.
type preview struct {
	*session
	json       *bool
	zone, from string
	count      int
}

// schedule returns what ticks: each expression has a space or an @ in it, and no name has.
func (p *preview) schedule(cmd *cobra.Command, what string) (schedule offload.Schedule, err error) {
	if inside.CheckName("", what) != nil {
		return offload.Schedule{Cron: what, Zone: p.zone}, nil
	}
	err = p.operate(cmd.Context(), func(o *operate.Operator) error {
		found, err := o.Schedules(cmd.Context(), what)
		if err != nil {
			return toList("schedules", err)
		}
		schedule = found[0].Schedule
		return nil
	})
	if cmd.Flags().Changed("zone") {
		schedule.Zone = p.zone
	}
	return schedule, err
}

func (p *preview) print(schedule offload.Schedule) error {
	if _, err := schedule.Next(time.Now(), 0); err != nil { // before its zone is used
		return err
	}
	from := time.Now()
	if p.from != "" {
		var err error
		if from, err = parseIn("from", p.from, schedule.Zone); err != nil {
			return err
		}
	}
	ticks, err := schedule.Next(from, p.count)
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(schedule.Zone)
	if err != nil {
		return err
	}
	for _, tick := range ticks {
		text := tick.In(zone).Format(time.RFC3339Nano)
		if *p.json {
			err = p.object(struct {
				Tick string `json:"tick"`
			}{text})
		} else {
			_, err = fmt.Fprintln(p.out, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
