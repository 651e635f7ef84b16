package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/operate"
)

func newLimits(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "limits [NAME…]",
		Short: "List limits: who holds them, who waits, when the next may start",
		Long: `Limits lists the limits that programs have made known, by name, with a row for each key that
jobs hold or wait for: of each name at most 100, those first that most wait for. One that no
program has made known for 30 days and no job is under is left out unless it is named.

ALLOWS is how many jobs at once, or starts in a period; where a person has set it, what
programs say stands behind it. HELD counts jobs that hold it: under a rate, those let through
that have not started. WAITING is exact up to 1,000. With --json, periods are
nanoseconds.`,
		Example:           "  offload limits\n  offload limits crm --json | jq -r .holders[]",
		ValidArgsFunction: s.completeLimits,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error { return s.limits(cmd.Context(), o, args, *asJSON) })
	})
	return cmd
}

func (s *session) limits(ctx context.Context, o *operate.Operator, names []string, asJSON bool) error {
	limits, err := o.Limits(ctx, names...)
	if err != nil {
		return toList("limits", err)
	}
	table := s.table("LIMIT", "KEY", "STATE", "ALLOWS", "HELD", "WAITING", "NEXT", "HOLDERS")
	for i := range limits {
		l := &limits[i]
		if asJSON {
			if err := s.object(limitLine(l)); err != nil {
				return err
			}
			continue
		}
		table.row(l.Name, l.Key, limitState(l), allows(l), strconv.Itoa(l.Held), waiting(l.Waiting), when(l.Next), holders(l))
	}
	if asJSON {
		return nil
	}
	return table.end()
}

// limitFields are a limit as --json writes it.
type limitFields struct {
	*operate.Limit
	Seen   *moment `json:"seen"`
	Next   *moment `json:"next,omitempty"`
	Paused *moment `json:"paused_until,omitempty"`
}

func limitLine(l *operate.Limit) *limitFields {
	return &limitFields{l, momentOf(l.Seen), momentOf(l.Next), momentOf(l.Paused)}
}

// allows writes what a limit allows: "2", "100 in 1m, burst 5", "5 (declared 2)".
func allows(l *operate.Limit) string {
	text := strconv.Itoa(l.Max)
	if l.Per > 0 {
		text += " in " + period(l.Per)
	}
	if l.Burst > 0 {
		text += fmt.Sprintf(", burst %d", l.Burst)
	}
	if l.ByHand {
		text += fmt.Sprintf(" (declared %d)", l.Declared)
	}
	return text
}

func limitState(l *operate.Limit) string {
	switch {
	case !l.Stopped.IsZero():
		return "stopped by " + l.Stopped.String()
	case l.Paused.After(time.Now()):
		return "paused until " + when(l.Paused)
	case l.Waiting > 0:
		return "full"
	}
	return "open"
}

// waiting writes a count that stops at 1,000.
func waiting(n int) string {
	if n >= 1000 {
		return "1,000+"
	}
	return strconv.Itoa(n)
}

// holders names the jobs that hold a limit, those left out with how many.
func holders(l *operate.Limit) string {
	names := make([]string, min(len(l.Holders), 3))
	for i := range names {
		names[i] = l.Holders[i].String()
	}
	text := strings.Join(names, " ")
	if more := l.Held - len(names); more > 0 {
		text = strings.TrimSpace(fmt.Sprintf("%s +%d", text, more))
	}
	return text
}

// completeLimits completes arguments that are limits.
func (s *session) completeLimits(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	_ = s.operate(cmd.Context(), func(o *operate.Operator) error { // nothing to complete is no news
		limits, err := o.Limits(cmd.Context())
		for _, l := range limits {
			if len(names) == 0 || names[len(names)-1] != l.Name {
				names = append(names, l.Name)
			}
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// ofKey writes a limit and its key, which may be none.
func ofKey(name, key string) string {
	if key == "" {
		return name
	}
	return fmt.Sprintf("%s, key %q", name, key)
}
