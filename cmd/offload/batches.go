package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

func newBatches(s *session) *cobra.Command {
	l := &batchList{session: s}
	cmd := &cobra.Command{
		Use:   "batches",
		Short: "List batches and how far they are, newest first",
		Long: `Batches lists batches with how many members they have and how many of these have not ended, have
completed, were discarded, or ended otherwise. A batch is blocked while it is open: it ends when
its members have. The members are listed by offload jobs --batch ID, and with what waits for
them by offload flow show ID.`,
		Example: `  offload batches
  offload batches --state blocked --json | jq -r .id
  offload jobs --batch 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e --state discarded`,
		Args: cobra.NoArgs,
	}
	l.json = jsonFlag(cmd)
	cmd.Flags().StringSliceVar(&l.filter.states, "state", nil, "batches in this state: blocked, completed, discarded, cancelled; may be repeated")
	cmd.Flags().StringVar(&l.filter.tag, "tag", "", "batches with this tag: NAME or NAME=VALUE")
	l.filter.since.ago = true
	cmd.Flags().Var(&l.filter.since, "since", "created since: a time, or how long ago: 90m, 7d")
	cmd.Flags().IntVar(&l.max, "max", 100, "how many")
	cmd.Flags().StringVar(&l.before, "before", "", "go on after the batch with this id")
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.operate(cmd.Context(), func(o *operate.Operator) error { return l.run(cmd.Context(), o) })
	})
	return cmd
}

// batchList is one call of the command.
type batchList struct {
	*session
	filter filter
	json   *bool
	max    int
	before string
}

func (l *batchList) run(ctx context.Context, o *operate.Operator) error {
	f, err := l.filter.filter()
	if err != nil {
		return err
	}
	if l.max < 1 || l.max > 10_000 {
		return &offload.InputError{Field: "--max", Got: l.max, Want: "1 to 10,000"}
	}
	if f.Max = l.max; l.before != "" {
		if f.Before, err = parseID(l.before); err != nil {
			return err
		}
	}
	batches, err := o.Batches(ctx, f)
	if err != nil {
		return err
	}
	table := l.table("BATCH", "STATE", "MEMBERS", "OPEN", "COMPLETED", "DISCARDED", "CANCELLED", "CREATED", "FINISHED")
	for i := range batches {
		b := &batches[i]
		if *l.json {
			if err := l.object(batchLine(b)); err != nil {
				return err
			}
			continue
		}
		table.row(b.ID.String(), string(b.State), strconv.Itoa(b.Members), strconv.Itoa(b.Open), strconv.Itoa(b.Completed),
			strconv.Itoa(b.Discarded), strconv.Itoa(b.Cancelled), when(b.CreatedAt), when(b.FinishedAt))
	}
	if *l.json {
		return nil
	}
	if err := table.end(); err != nil {
		return err
	}
	if l.live && len(batches) == l.max {
		l.note("%d shown; there may be more: --max N, or --before %s", l.max, batches[len(batches)-1].ID)
	}
	return nil
}

// batchFields are a batch as --json writes it.
type batchFields struct {
	*operate.Batch
	CreatedAt  *moment `json:"created_at"`
	FinishedAt *moment `json:"finished_at"`
}

func batchLine(b *operate.Batch) *batchFields {
	return &batchFields{b, momentOf(b.CreatedAt), momentOf(b.FinishedAt)}
}

// standing says in words how the members of a batch stand.
func standing(b *operate.Batch) string {
	text := fmt.Sprintf("%d members", b.Members)
	if b.Members == 1 {
		text = "1 member"
	}
	for _, part := range []struct {
		n    int
		what string
	}{{b.Open, "open"}, {b.Completed, "completed"}, {b.Discarded, "discarded"}, {b.Cancelled, "cancelled"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return text
}
