package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offloadhq/offload/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// dump returns the schema of a database as SQLite keeps it.
func dump(t *testing.T, s *Store) string {
	t.Helper()
	var all strings.Builder
	must(t, s.reader.view(t.Context(), func(tx *txn) error {
		return each(tx, func(rows *sql.Rows) error {
			var text string
			err := rows.Scan(&text)
			all.WriteString(text + ";\n\n")
			return err
		}, `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
			ORDER BY CASE type WHEN 'table' THEN 1 WHEN 'index' THEN 2 ELSE 3 END, tbl_name, name`)
	}))
	return all.String()
}

func TestSchemaIsAsItsGoldenFileSays(t *testing.T) {
	const golden = "schema.sql"
	got := "-- The newest schema, as all migrations leave it. `go test -update` writes it.\n\n" + dump(t, openTest(t))
	if *update {
		must(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if got != string(want) {
		t.Errorf("the schema is not as %s has it; go test -update, and read the difference:\n%s", golden, got)
	}
}

func TestMigrationsAreWellFormed(t *testing.T) {
	for i, m := range migrations {
		if m.version != i+1 || m.name == "" || m.up == "" || m.down == "" || m.oldest < 1 || m.oldest > m.version {
			t.Errorf("migration %d: version %d, name %q, %d and %d bytes, oldest program %d", i+1, m.version, m.name, len(m.up), len(m.down), m.oldest)
		}
	}
}

func TestMigrateForthAndBack(t *testing.T) {
	s := openTest(t)
	before := dump(t, s)
	must(t, s.Migrate(t.Context(), 0))
	if got := dump(t, s); got != "" {
		t.Errorf("at version 0 there is\n%s", got)
	}
	_, err := s.Insert(t.Context(), someJobs(1))
	if !errors.Is(err, store.ErrSchema) {
		t.Errorf("Insert without tables: %v, want an ErrSchema", err)
	}
	must(t, s.Migrate(t.Context(), store.Newest))
	if got := dump(t, s); got != before {
		t.Errorf("forth again there is\n%s\nwant\n%s", got, before)
	}
	_, err = s.Insert(t.Context(), someJobs(1))
	must(t, err)
}

func TestMigrationSQLIsWhatMigrateDoes(t *testing.T) {
	byHand := openFile(t, filepath.Join(t.TempDir(), "offload.db"))
	pool := openPool(t, byHand.path)
	up, err := byHand.MigrationSQL(0, store.Newest)
	must(t, err)
	_, err = pool.Exec(up)
	must(t, err)
	must(t, byHand.Ready(t.Context()))
	if got, want := dump(t, byHand), dump(t, openTest(t)); got != want {
		t.Errorf("by hand there is\n%s\nwant\n%s", got, want)
	}
	down, err := byHand.MigrationSQL(store.Newest, 0)
	must(t, err)
	_, err = pool.Exec(down)
	must(t, err)
	if got := dump(t, byHand); got != "" {
		t.Errorf("and back there is\n%s", got)
	}
}

func TestANewerSchema(t *testing.T) {
	s := openTest(t)
	note := func(oldest int) {
		must(t, s.write(t.Context(), "note", func(tx *txn) error {
			return tx.script(migration{version: newest() + 1, name: "later", oldest: oldest}.noteSQL())
		}))
	}
	note(1)
	must(t, s.Ready(t.Context()))
	must(t, s.Migrate(t.Context(), store.Newest))
	if err := s.Migrate(t.Context(), 0); !errors.Is(err, store.ErrSchema) {
		t.Errorf("back from a version that is not known: %v, want an ErrSchema", err)
	}
	must(t, s.write(t.Context(), "forget", func(tx *txn) error {
		_, err := tx.exec("DELETE FROM offload_migration WHERE version > ?1", newest())
		return err
	}))
	note(newest() + 1)
	if err := s.Ready(t.Context()); !errors.Is(err, store.ErrSchema) {
		t.Errorf("a schema that excludes this program: %v, want an ErrSchema", err)
	}
	if err := s.Migrate(t.Context(), store.Newest); !errors.Is(err, store.ErrSchema) {
		t.Errorf("Migrate of a schema that excludes this program: %v, want an ErrSchema", err)
	}
}

func TestPeopleSeeAllJobs(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	me, err := joinAs(ctx, s)
	must(t, err)
	jobs := someJobs(4)
	_, err = s.Insert(ctx, jobs)
	must(t, err)
	claimed, err := s.Claim(ctx, store.ClaimRequest{Process: me, Queue: "mail", Limit: 3})
	must(t, err)
	_, err = s.Finish(ctx, me, []store.Ended{
		{Fence: claimed[0].Fence, Outcome: store.OutcomeCompleted, Result: []byte(`"sent"`)},
		{Fence: claimed[1].Fence, Outcome: store.OutcomeDiscarded, Failure: &store.Problem{Error: "no such address"}},
	})
	must(t, err)

	var got []string
	must(t, s.ask(ctx, "look", func(q *snapshots) error {
		return each(q, func(rows *sql.Rows) error {
			var state, result, problem sql.NullString
			err := rows.Scan(&state, &result, &problem)
			got = append(got, fmt.Sprint(state.String, " ", result.String, problem.String))
			return err
		}, "SELECT state, result, error FROM offload_jobs ORDER BY id")
	}))
	if want := `[completed "sent" discarded no such address running  available ]`; fmt.Sprint(got) != want {
		t.Errorf("offload_jobs shows %v, want %v", got, want)
	}
}

func TestPragmasAreReadBack(t *testing.T) {
	s := openTest(t)
	if _, err := s.writer.do(t.Context(), func(tx *txn) error {
		for query, want := range map[string]string{
			"PRAGMA journal_mode": "wal", "PRAGMA synchronous": "2", "PRAGMA busy_timeout": "0", "PRAGMA journal_size_limit": fmt.Sprint(cutLog),
		} {
			if got, err := texts(tx, query); err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("%s on the writing connection = %v, %v; want %s", query, got, err, want)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	wrong := pragma{set: "PRAGMA synchronous = NORMAL", get: "PRAGMA synchronous", want: "2", why: "jobs would be lost"}
	if _, err := hold(context.Background(), s.read, []pragma{wrong}); !errors.Is(err, store.ErrRefused) {
		t.Errorf("a setting that does not hold: %v, want an ErrRefused", err)
	}
}
