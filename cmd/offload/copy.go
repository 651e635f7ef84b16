package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/internal/move"
	"github.com/offloadhq/offload/store"
)

func newCopy(s *session) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "copy FROM TO",
		Short: "Move everything from one database into another, of any kind",
		Long: `Copy moves jobs that wait, jobs that ran when their processes were stopped, schedules, limits,
unique keys and the history, with failures, logs and results, from one database into a new one:
from SQLite to PostgreSQL, back, or between two of a kind. Figures stay behind.

Stop what works the source first, and what enqueues into it. From the first job on both databases
are paused, so that nothing runs twice. At the end both are read and compared, by counts and
checksums; then the target works, and the source stays paused for good (offload adopt undoes that).
Killed at any moment, the same call goes on.`,
		Example: "  offload copy offload.db postgres://app@db.example/shop\n  offload copy postgres://app@db.example/shop small.db",
		Args:    cobra.ExactArgs(2),
	}
	cmd.Flags().BoolVar(&force, "force", false, "also while processes work the databases: what they run now may run twice")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error { return s.copy(cmd.Context(), args[0], args[1], force) })
	return cmd
}

func (s *session) copy(ctx context.Context, from, to string, force bool) (err error) {
	s.given = from
	if err := s.there(); err != nil {
		return err
	}
	source, err := store.Open(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := source.Ready(ctx); err != nil {
		return err
	}
	target, err := store.Open(ctx, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	began := time.Now()
	summary, err := move.Run(ctx, source, target, move.Options{Force: force, Progress: func(jobs int) { s.progress("%d jobs", jobs) }})
	if err != nil {
		return err
	}
	total := 0
	for _, state := range append([]store.State{store.Deleted}, store.States...) {
		n := summary.Jobs[state]
		if total += n; n > 0 {
			name := string(state)
			if state == store.Available {
				name = "waiting"
			}
			fmt.Fprintf(s.out, "%-10s %d\n", name, n)
		}
	}
	fmt.Fprintf(s.out, "%-10s %d\n%-10s %s\n", "keys", summary.Keys, "checksum", summary.Sum)
	s.note("%d jobs in %s; the source is paused for good, the target works", total, lasting(time.Since(began)))
	return nil
}
