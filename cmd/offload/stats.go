package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

func newStats(s *session) *cobra.Command {
	since, step := durationFlag{time.Hour}, durationFlag{10 * time.Minute}
	query := operate.StatsQuery{}
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count jobs by state, and show what happened lately",
		Long: `Stats counts jobs by state, and shows what has happened in steps of time: jobs enqueued,
completed, discarded and cancelled, attempts that failed, how long jobs waited from due to
start and ran (50 and 95 of a hundred took no longer; at most 19 % off).

With --json it prints one object, with a count for each state.`,
		Example: `  offload stats
  offload stats --since 1d --step 1h --task http
  offload stats --json | jq .available`,
		Args: cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.Flags().Var(&since, "since", "show so long back")
	cmd.Flags().Var(&step, "step", "length of a step, a minute or more")
	cmd.Flags().StringSliceVar(&query.Tasks, "task", nil, "what happened to jobs of this task; may be repeated")
	cmd.Flags().StringSliceVar(&query.Queues, "queue", nil, "what happened to jobs of this queue; may be repeated")
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		if since.Duration <= 0 {
			return wrong("--since %s: want more than 0", lasting(since.Duration))
		}
		query.Step = step.Duration
		query.Since = time.Now().Add(-since.Duration)
		return s.operate(cmd.Context(), func(o *operate.Operator) error { return s.stats(cmd.Context(), o, query, *asJSON) })
	})
	return cmd
}

func (s *session) stats(ctx context.Context, o *operate.Operator, query operate.StatsQuery, asJSON bool) error {
	stats, err := o.Stats(ctx, query)
	if err != nil {
		return err
	}
	if asJSON {
		counts := map[store.State]int{}
		for _, state := range store.States {
			counts[state] = stats.Now[state]
		}
		return s.object(counts)
	}
	states := s.table("STATE", "JOBS")
	for _, state := range store.States {
		states.row(string(state), strconv.Itoa(stats.Now[state]))
	}
	if err := states.end(); err != nil || len(stats.Steps) == 0 {
		return err
	}
	s.out.WriteByte('\n')
	steps := s.table("FROM", "ENQUEUED", "COMPLETED", "FAILED", "DISCARDED", "CANCELLED", "WAIT P50", "P95", "RUN P50", "P95")
	for _, at := range stats.Steps {
		steps.row(when(at.Start), count(at.Enqueued), count(at.Completed), count(at.Failed), count(at.Discarded), count(at.Cancelled),
			lasting(at.Wait[0]), lasting(at.Wait[1]), lasting(at.Run[0]), lasting(at.Run[1]))
	}
	return steps.end()
}

func count(n int64) string { return strconv.FormatInt(n, 10) }
