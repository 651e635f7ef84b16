package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newErrors(s *session) *cobra.Command {
	list := &errorList{session: s}
	cmd := &cobra.Command{
		Use:   "errors",
		Short: "List errors: failures that are alike, how many, since when",
		Long: `Errors lists failures of attempts in groups, the one that failed last first. Failures are alike if
they are of one task and kind, and their messages are the same without numbers, ids, quoted
values and addresses. Muted and resolved groups are left out unless --status asks for them.

COUNT counts failures, 24H those of the last 24 hours. Of jobs that are encrypted no message is
shown. A group goes 30 days after its last failure. With --json, hours are the counts of the
last 24 hours, the present one last.`,
		Example: "  offload errors\n  offload errors --status muted,resolved --task http\n  offload errors --since 1h --json | jq -r .group",
		Args:    cobra.NoArgs,
	}
	list.json = jsonFlag(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&list.statuses, "status", []string{"open"}, "groups of this status: open, muted, resolved; may be repeated")
	flags.StringSliceVar(&list.query.Tasks, "task", nil, "errors of this task; may be repeated")
	list.since.ago = true
	flags.Var(&list.since, "since", "failed last since: a time, or how long ago: 90m, 7d")
	flags.IntVar(&list.query.Max, "max", 100, "how many at most, up to 1,000")
	_ = cmd.RegisterFlagCompletionFunc("status", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"open", "muted", "resolved"}, cobra.ShellCompDirectiveNoFileComp
	}) // fails only for a flag that is not there
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error { return list.run(cmd.Context(), o) })
	})
	return cmd
}

// An errorList is one call of the command.
type errorList struct {
	*session
	json     *bool
	statuses []string
	since    timeFlag
	query    operate.ErrorQuery
}

func (s *errorList) run(ctx context.Context, o *operate.Operator) error {
	s.query.Since, s.query.Hours = s.since.Time, 24
	for _, status := range s.statuses {
		s.query.Statuses = append(s.query.Statuses, operate.ErrorStatus(status))
	}
	groups, err := o.Errors(ctx, s.query)
	if err != nil {
		return err
	}
	table := s.table("GROUP", "STATUS", "COUNT", "24H", "FIRST", "LAST", "TASK", "ERROR")
	for i := range groups {
		g := &groups[i]
		if *s.json {
			if err := s.object(errorLine(g)); err != nil {
				return err
			}
			continue
		}
		table.row(g.Group, string(g.Status), strconv.FormatInt(g.Count, 10), strconv.FormatInt(sumOf(g.Hours, 24), 10),
			when(g.First), when(g.Last), g.Task, cut(errorTitle(g), 120))
	}
	if *s.json {
		return nil
	}
	return table.end()
}

// errorTitle is what a group is called: the kind, where it says more than the message.
func errorTitle(g *operate.ErrorGroup) string {
	switch {
	case g.Encrypted:
		return g.Kind + " (encrypted)"
	case g.Title == "":
		return g.Kind
	case g.Kind == "panic" || g.Kind == "timeout" || g.Kind == "crash":
		return g.Kind + ": " + g.Title
	}
	return g.Title
}

// sumOf adds up the last n hours.
func sumOf(hours []int64, n int) (sum int64) {
	for _, count := range hours[max(0, len(hours)-n):] {
		sum += count
	}
	return sum
}

// errorFields are a group as --json writes it: fields are null where there is nothing.
type errorFields struct {
	Group     string              `json:"group"`
	Status    operate.ErrorStatus `json:"status"`
	Changed   *moment             `json:"changed"`
	Count     int64               `json:"count"`
	First     *moment             `json:"first"`
	Last      *moment             `json:"last"`
	Task      string              `json:"task"`
	Kind      string              `json:"kind"`
	Title     *string             `json:"title"`
	Encrypted bool                `json:"encrypted"`
	Job       offload.ID          `json:"job"`
	Attempt   int                 `json:"attempt"`
	Error     *string             `json:"error"`
	Keys      []operate.ErrorKey  `json:"keys"`
	OtherKeys int64               `json:"other_keys"`
	Hours     []int64             `json:"hours"`
}

func errorLine(g *operate.ErrorGroup) *errorFields {
	f := &errorFields{
		Group: g.Group, Status: g.Status, Changed: momentOf(g.Changed), Count: g.Count, First: momentOf(g.First), Last: momentOf(g.Last),
		Task: g.Task, Kind: g.Kind, Title: textOf(g.Title), Encrypted: g.Encrypted, Job: g.Job, Attempt: g.Attempt, Error: textOf(g.Error),
		Keys: g.Keys, OtherKeys: g.OtherKeys, Hours: g.Hours,
	}
	if f.Keys == nil {
		f.Keys = []operate.ErrorKey{}
	}
	return f
}

// daysOf are the counts of the last days of a group, each of 24 hours, oldest first.
func daysOf(hours []int64) (days []int64) {
	const day = int(24 * time.Hour / time.Hour)
	for end := len(hours); end >= day; end -= day {
		days = append([]int64{sumOf(hours[:end], day)}, days...)
	}
	return days
}
