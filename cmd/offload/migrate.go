package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/store"
)

func newMigrate(s *session) *cobra.Command {
	m := &migrate{session: s}
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to the schema of this program, or back",
		Long: `Migrate makes the database if need be and brings its schema to the newest version that this
program knows. Programs do that themselves when they open it; migrate is for those who want
to do it apart. It may be called by many at once, and goes on where one was killed.

--down goes back a version, --down=2 two, --to any way to a version; 0 is the empty database.
What an older schema can't hold is lost then, so that it asks for --force while there are jobs.`,
		Example: `  offload migrate
  offload migrate --status
  offload migrate --sql --to 1
  offload migrate --down`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.BoolVar(&m.status, "status", false, "list versions and when they were applied, change nothing")
	m.json = flags.Bool("json", false, "with --status: print one JSON object a line")
	flags.BoolVar(&m.sql, "sql", false, "print the statements, change nothing")
	flags.IntVar(&m.to, "to", store.Newest, "version to go to (default: the newest)")
	flags.IntVar(&m.down, "down", 0, "go back so many versions")
	flags.Lookup("down").NoOptDefVal = "1"
	flags.BoolVar(&m.force, "force", false, "go back even if there are jobs")
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(exclude(cmd, "to", "down"), exclude(cmd, "status", "sql")); err != nil {
			return err
		}
		if flags.Changed("to") && m.to < 0 || flags.Changed("down") && m.down < 1 {
			return wrong("want --to 0 or more, or --down=1 or more")
		}
		return m.run(cmd.Context())
	})
	return cmd
}

// migrate is one call of the command.
type migrate struct {
	*session
	status, sql, force bool
	json               *bool
	to, down           int
}

func (m *migrate) run(ctx context.Context) (err error) {
	address := m.address()
	if m.missing() && (m.status || m.down > 0) {
		return m.there()
	}
	if m.missing() && m.sql { // looking must not make the file
		dir, err := os.MkdirTemp("", "offload-migrate-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		address = filepath.Join(dir, "none.db")
	}
	s, err := store.Open(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	versions, err := s.Versions(ctx)
	if err != nil {
		return err
	}
	if m.status {
		return m.list(versions)
	}
	from, to, err := m.span(versions)
	if err != nil {
		return err
	}
	if m.sql {
		text, err := s.MigrationSQL(from, to)
		fmt.Fprint(m.out, text)
		return err
	}
	if err := m.guard(ctx, s, from, to); err != nil {
		return err
	}
	if err := s.Migrate(ctx, to); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	_, err = fmt.Fprintf(m.out, "schema is at version %d (was %d)\n", to, from)
	return err
}

// span returns the version the database has, and the one it shall have.
func (m *migrate) span(versions []store.SchemaVersion) (from, to int, err error) {
	newest := 0
	for _, v := range versions {
		newest = max(newest, v.Version)
		if !v.Applied.IsZero() {
			from = max(from, v.Version)
		}
	}
	switch {
	case m.down > from:
		return 0, 0, wrong("--down=%d: the schema is at version %d", m.down, from)
	case m.down > 0:
		return from, from - m.down, nil
	case m.to > newest:
		return 0, 0, wrong("--to %d: this program knows versions up to %d", m.to, newest)
	case m.to >= 0:
		return from, m.to, nil
	}
	return from, newest, nil
}

// guard refuses to go back where jobs could be lost.
func (m *migrate) guard(ctx context.Context, s store.Store, from, to int) error {
	if to >= from || m.force {
		return nil
	}
	found, err := s.Find(ctx, store.Filter{Max: 1})
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return wrong("going back from version %d to %d may lose jobs, and there are some; --force does it", from, to)
	}
	return nil
}

func (m *migrate) list(versions []store.SchemaVersion) error {
	table := m.table("VERSION", "NAME", "APPLIED")
	for _, v := range versions {
		if *m.json {
			err := m.object(struct {
				Version int     `json:"version"`
				Name    string  `json:"name"`
				Applied *moment `json:"applied"`
			}{v.Version, v.Name, momentOf(v.Applied)})
			if err != nil {
				return err
			}
			continue
		}
		applied := when(v.Applied)
		if applied == "" {
			applied = "no"
		}
		table.row(strconv.Itoa(v.Version), v.Name, applied)
	}
	if *m.json {
		return nil
	}
	return table.end()
}
