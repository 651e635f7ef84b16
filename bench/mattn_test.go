//go:build cgo

package bench

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/sqlite"
	"github.com/offloadhq/offload/store/storetest"
)

// A store on the program's own pool works with any SQLite driver: every law holds with the
// C library too.
func TestLawsOnMattn(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "laws.db")+"?_busy_timeout=5000&_txlock=immediate&_synchronous=FULL")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		open := func(t *testing.T) store.Store {
			s, err := sqlite.New(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			if err := s.Migrate(t.Context(), store.Newest); err != nil {
				t.Fatal(err)
			}
			return s
		}
		return storetest.Subject{
			Store:     open(t),
			OneWriter: true,
			Begin: func(t *testing.T) storetest.Tx {
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				return storetest.Tx{Value: tx, Commit: tx.Commit, Rollback: tx.Rollback}
			},
			Another: open,
			Inbox: func(t *testing.T, task, input, options string) {
				if _, err := db.Exec("INSERT INTO offload_inbox (task, input, options) VALUES (?, ?, nullif(?, ''))", task, input, options); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}
