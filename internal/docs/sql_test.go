package docs

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// SQL of documents runs on an empty store: it must know its tables and columns.
func TestSQLBlocksRun(t *testing.T) {
	for _, b := range blocksOf(t) {
		if b.Lang != "sql" {
			continue
		}
		for on := range strings.FieldsSeq(b.Mark) {
			t.Run(on+" "+b.problem(0, "").String(), func(t *testing.T) {
				if on == "postgres" {
					runPostgres(t, b)
				} else {
					runSQLite(t, b)
				}
			})
		}
	}
}

func runPostgres(t *testing.T, b Block) {
	address := testpg.URL(t)
	migrate(t, address)
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.PgConn().Exec(t.Context(), b.Text).ReadAll(); err != nil {
		t.Error(b.problem(0, "%v", err))
	}
}

func runSQLite(t *testing.T, b Block) {
	path := filepath.Join(t.TempDir(), "documents.db")
	migrate(t, path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), b.Text); err != nil {
		t.Error(b.problem(0, "%v", err))
	}
}

// migrate makes the tables of a store, and lets go of it.
func migrate(t *testing.T, address string) {
	t.Helper()
	s, err := store.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context(), store.Newest); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
