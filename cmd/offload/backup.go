package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/store"
)

func newBackup(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy a SQLite database into a new file while jobs run",
		Long: `Backup writes the whole database, as it was at one moment, into FILE, which must not be
there yet. Programs go on working meanwhile. The file appears under its name when it is
complete, checked and on the disk.

To go back to it, stop the programs, put the file in the place of the database and remove
what lies beside that (-wal, -shm), and call offload adopt: a copy starts paused. What ended
after the backup runs again.

A PostgreSQL database is backed up by its own tools; backup says how.`,
		Example: "  offload backup /backup/offload-2026-11-25.db\n  offload --db /backup/offload-2026-11-25.db jobs",
		Args:    cobra.ExactArgs(1),
	}
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		return s.withStore(cmd.Context(), func(opened store.Store) error { return s.backup(cmd.Context(), opened, args[0]) })
	})
	return cmd
}

func (s *session) backup(ctx context.Context, opened store.Store, file string) error {
	err := opened.Backup(ctx, file, func(done, total int) {
		if total > 0 {
			s.progress("%d %%", done*100/total)
		}
	})
	if err != nil {
		return err
	}
	s.note("backed up %s into %s", s.shown(), file)
	return nil
}
