package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

const ticksLong = `--cron takes five fields (minute, hour, day, month, weekday), or six with the second in front,
or @hourly, @daily, @weekly, @monthly, @yearly, read by the clock of --zone: offload schedule
preview shows when that is. --every counts time. A time without a zone is one of --zone.

--overlap says what a tick does while an earlier job has not ended: skip (nothing), allow (its
job runs beside it), behind (it waits for it), cancel (it takes its place). --missed says what
happens to ticks that no process was there for: once (one job for all), skip, all (a job each).`

func newScheduleAdd(s *session) *cobra.Command {
	set := &scheduleSet{session: s}
	replace := false
	cmd := &cobra.Command{
		Use:   "add NAME TASK [INPUT]",
		Short: "Make a schedule that enqueues a task again and again",
		Long: `Add makes a schedule. It ticks while any process works jobs: each tick is one job of the task
with that input, JSON, null if it is left out.

` + ticksLong + `

With --replace it takes the place of a schedule of that name, and wins over one in code.`,
		Example: `  offload schedule add nightly command '{"argv":["./backup"]}' --cron "0 3 * * *" --zone Europe/Berlin
  offload schedule add ping http '{"url":"https://crm.example/ping"}' --every 5m --jitter 30s --expires 1m`,
		Args:              cobra.RangeArgs(2, 3),
		ValidArgsFunction: s.completeScheduled,
	}
	set.flags(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "even if there is one of that name")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		input := "null"
		if len(args) == 3 {
			input = args[2]
		}
		opts, err := set.job.options(cmd)
		if err != nil {
			return err
		}
		schedule := offload.Schedule{Name: args[0], Call: offload.NewCall(args[1], json.RawMessage(input), opts...)}
		if err := set.change(cmd, &schedule); err != nil {
			return err
		}
		return set.add(cmd.Context(), schedule, replace)
	})
	return cmd
}

func newScheduleEdit(s *session) *cobra.Command {
	set := &scheduleSet{session: s}
	cmd := &cobra.Command{
		Use:   "edit NAME",
		Short: "Change when a schedule ticks, or what shapes its jobs",
		Long: `Edit changes a schedule; what is not given stays, and an empty --zone, --from or --to takes
that away. Task and input are changed by offload schedule add --replace.

` + ticksLong + `

One that a program declares is so made one of run time, which wins over code until offload
schedule remove takes it away.`,
		Example: `  offload schedule edit nightly --cron "30 3 * * *"
  offload schedule edit ping --every 1m --queue slow`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeSchedules,
	}
	set.flags(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().NFlag() == 0 || cmd.Flags().NFlag() == 1 && cmd.Flags().Changed("db") {
			return wrong("nothing to change; want a flag, such as --cron")
		}
		return set.edit(cmd, args[0])
	})
	return cmd
}

// scheduleSet is one call of the commands that set a schedule.
type scheduleSet struct {
	*session
	job             jobFlags
	cron, zone      string
	every, jitter   durationFlag
	overlap, missed string
	from, to        string
}

func (c *scheduleSet) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&c.cron, "cron", "", "tick when the clock shows what this expression says")
	flags.Var(&c.every, "every", "tick each time so much has passed: 30s, 5m, 1d")
	flags.StringVar(&c.zone, "zone", "", "time zone of --cron, such as Europe/Berlin (default UTC)")
	flags.StringVar(&c.overlap, "overlap", "", "while an earlier job has not ended: skip, allow, behind or cancel (default skip)")
	flags.StringVar(&c.missed, "missed", "", "ticks that no process was there for: once, skip or all (default once)")
	flags.Var(&c.jitter, "jitter", "each job is due up to so much after its tick")
	flags.StringVar(&c.from, "from", "", "no tick before that time")
	flags.StringVar(&c.to, "to", "", "no tick after that time")
	c.job.flags(cmd)
	for flag, words := range map[string][]string{
		"overlap": {string(offload.OverlapSkip), string(offload.OverlapAllow), string(offload.OverlapBehind), string(offload.OverlapCancel)},
		"missed":  {string(offload.MissedOnce), string(offload.MissedSkip), string(offload.MissedAll)},
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	}
}

// change sets what was given.
func (c *scheduleSet) change(cmd *cobra.Command, schedule *offload.Schedule) (err error) {
	if err := exclude(cmd, "cron", "every"); err != nil {
		return err
	}
	given := cmd.Flags().Changed
	switch {
	case given("cron"):
		schedule.Cron, schedule.Every = c.cron, 0
	case given("every"):
		schedule.Cron, schedule.Every = "", c.every.Duration
		schedule.Zone = "" // it knows none
	}
	if given("zone") {
		schedule.Zone = c.zone
	}
	if given("overlap") {
		schedule.Overlap = offload.Overlap(c.overlap)
	}
	if given("missed") {
		schedule.Missed = offload.Missed(c.missed)
	}
	if given("jitter") {
		schedule.Jitter = c.jitter.Duration
	}
	for _, bound := range []struct {
		flag, text string
		to         *time.Time
	}{{"from", c.from, &schedule.From}, {"to", c.to, &schedule.To}} {
		if given(bound.flag) {
			if *bound.to, err = parseIn(bound.flag, bound.text, schedule.Zone); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseIn reads the time of a flag in a zone; no text is the zero time.
func parseIn(flag, text, zone string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, &offload.InputError{Field: "--zone", Got: zone, Want: `a name of the time zone database, such as "Europe/Berlin"`}
	}
	t, err := parseTime(text, location)
	if err != nil {
		return time.Time{}, &offload.InputError{Field: "--" + flag, Got: text, Want: timeWant}
	}
	return t, nil
}

func (c *scheduleSet) add(ctx context.Context, schedule offload.Schedule, replace bool) error {
	if schedule.Cron == "" && schedule.Every == 0 {
		return wrong(`nothing says when schedule %q ticks; want --cron, such as --cron "0 3 * * *", or --every, such as --every 5m`, schedule.Name)
	}
	return c.with(ctx, func(app *offload.App) error {
		o := operate.As(app, who())
		found, err := o.Schedules(ctx, schedule.Name)
		switch {
		case errors.Is(err, offload.ErrNotFound):
		case err != nil:
			return err
		case !replace:
			return wrong("schedule %q is there already (origin %s); `offload schedule edit` changes it, --replace takes its place", schedule.Name, found[0].Origin)
		}
		return c.set(ctx, app, o, "added", schedule)
	}, kits()...) // which check the input
}

func (c *scheduleSet) edit(cmd *cobra.Command, name string) error {
	ctx := cmd.Context()
	opts, err := c.job.options(cmd)
	if err != nil {
		return err
	}
	return c.with(ctx, func(app *offload.App) error {
		o := operate.As(app, who())
		found, err := o.Schedules(ctx, name)
		if err != nil {
			return toList("schedules", err)
		}
		schedule := found[0].Schedule
		schedule.Call = schedule.Call.With(opts...)
		if err := c.change(cmd, &schedule); err != nil {
			return err
		}
		return c.set(ctx, app, o, "edited", schedule)
	}, kits()...)
}

// set stores a schedule and says when it ticks next.
func (c *scheduleSet) set(ctx context.Context, app *offload.App, o *operate.Operator, past string, schedule offload.Schedule) error {
	if err := o.SetSchedule(ctx, schedule); err != nil {
		return unknownTask(ctx, app, err)
	}
	found, err := o.Schedules(ctx, schedule.Name)
	if err != nil {
		return err
	}
	next := "it ticks no more"
	switch stored := &found[0]; {
	case stored.Paused:
		next = "it is paused"
	case !stored.Next.IsZero():
		zone, err := time.LoadLocation(stored.Zone)
		if err != nil {
			return err
		}
		next = "it ticks next at " + stored.Next.In(zone).Format(time.RFC3339)
	}
	_, err = fmt.Fprintf(c.out, "%s: schedule %s; %s\n", past, schedule.Name, next)
	return err
}

// completeScheduled completes the second argument as a task.
func (s *session) completeScheduled(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return s.completeTasks(cmd, nil, typed)
}
