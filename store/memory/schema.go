package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

// newest is the one version there is.
const newest = 1

// Migrate is that of store.Schema. To 0 removes everything.
func (s *Store) Migrate(ctx context.Context, to int) error {
	return s.do(ctx, func(time.Time) error {
		switch to {
		case store.Newest, newest:
			s.version = newest
		case 0:
			s.version, s.data = 0, newData()
		default:
			return fmt.Errorf("migrate to version %d: %w: known are 0 to %d", to, store.ErrSchema, newest)
		}
		return nil
	})
}

// Ready is that of store.Schema.
func (s *Store) Ready(ctx context.Context) error {
	return s.do(ctx, func(time.Time) error {
		if s.version != newest {
			return fmt.Errorf("%w is at version %d, this program needs %d: migrate it", store.ErrSchema, s.version, newest)
		}
		return nil
	})
}

// Versions is that of store.Schema.
func (s *Store) Versions(ctx context.Context) (versions []store.SchemaVersion, err error) {
	err = s.do(ctx, func(now time.Time) error {
		v := store.SchemaVersion{Version: newest, Name: "heart"}
		if s.version == newest {
			v.Applied = now
		}
		versions = []store.SchemaVersion{v}
		return nil
	})
	return versions, err
}

// MigrationSQL returns no statements, since there are none.
func (s *Store) MigrationSQL(from, to int) (string, error) {
	if to == store.Newest {
		to = newest
	}
	if from < 0 || from > newest || to < 0 || to > newest {
		return "", fmt.Errorf("migration from %d to %d: %w: known are 0 to %d", from, to, store.ErrSchema, newest)
	}
	return "", nil
}

// Examine is that of store.Reader.
func (s *Store) Examine(ctx context.Context) (findings []store.Finding, err error) {
	err = s.do(ctx, func(now time.Time) error {
		findings = []store.Finding{
			{
				Name: "durability", Level: store.Warning, Text: "jobs are kept in memory and end with the program",
				Advice: `open a file ("offload.db") or "postgres://…"`,
			},
			{Name: "schema", Level: store.Fine, Text: fmt.Sprintf("version %d of %d", s.version, newest)},
			{Name: "origin", Level: store.Fine, Text: "made here"},
			{Name: "clock", Level: store.Fine, Text: now.Format(time.RFC3339)},
			{Name: "size", Level: store.Fine, Text: fmt.Sprintf("%d jobs", len(s.jobs))},
		}
		return nil
	})
	return findings, err
}
