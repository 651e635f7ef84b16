package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/storetest"
)

func TestMain(m *testing.M) {
	if act := os.Getenv(actVariable); act != "" {
		os.Exit(actAlone(act))
	}
	goleak.VerifyTestMain(m)
}

// TestLaws holds the laws of every store against one in a file.
func TestLaws(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		path := filepath.Join(t.TempDir(), "offload.db")
		s := openFile(t, path)
		must(t, s.Migrate(t.Context(), store.Newest))
		return subject(s, path)
	})
}

// TestLawsOnAPool holds them against one on a pool of the user's.
func TestLawsOnAPool(t *testing.T) {
	if testing.Short() {
		t.Skip("the laws are checked on a file of our own")
	}
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		path := filepath.Join(t.TempDir(), "offload.db")
		s, err := New(t.Context(), openPool(t, path))
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		must(t, s.Migrate(t.Context(), store.Newest))
		return subject(s.(*Store), path)
	}, "Faults", "History", "Batch", "Reopen", "Copy", "CopyFlow")
}

func subject(s *Store, path string) storetest.Subject {
	return storetest.Subject{
		Store:     s,
		OneWriter: true,
		Begin: func(t *testing.T) storetest.Tx {
			tx, err := openPool(t, path).Begin()
			must(t, err)
			return storetest.Tx{Value: tx, Commit: tx.Commit, Rollback: tx.Rollback}
		},
		Another: func(t *testing.T) store.Store { return openFile(t, path) },
		Advance: func(t *testing.T, d time.Duration) { advance(t, s, d) },
		Inbox: func(t *testing.T, task, input, options string) {
			_, err := openPool(t, path).Exec("INSERT INTO offload_inbox (task, input, options) VALUES (?, ?, nullif(?, ''))", task, input, options)
			must(t, err)
		},
		Copied: func(t *testing.T) store.Store { return openFile(t, copyFile(t, path)) },
		Faulty: func(t *testing.T) (store.Store, storetest.Faults) {
			return openFaulty(t, path)
		},
	}
}

// copyFile copies the file of a database as people do who don't know better, while nobody writes.
func copyFile(t *testing.T, path string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copied.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if suffix != "" && errors.Is(err, fs.ErrNotExist) {
			continue // there is none while nobody has it open
		}
		must(t, err)
		must(t, os.WriteFile(copied+suffix, data, 0o600))
	}
	return copied
}

// advance moves all that is stored back in time.
func advance(t *testing.T, s *Store, d time.Duration) {
	t.Helper()
	err := s.write(t.Context(), "advance", func(tx *txn) error {
		for table, columns := range map[string][]string{
			"job": {"created_at"}, "due": {"run_at", "due_at", "started_at"}, "lease": {"run_at", "started_at"},
			"blocked": {"run_at", "due_at", "started_at"}, "done": {"run_at", "started_at", "finished_at"},
			"failure": {"started_at", "failed_at"}, "crash": {"last_at"}, "progress": {"written_at"},
			"process": {"started_at", "beat_at", "gone_at"}, "task": {"seen_at"}, "record": {"at"}, "duty": {"next_at"},
			"limit": {"seen_at"}, "gate": {"full_at", "paused_until", "wake_at"}, "unique": {"expires_at"}, "expiry": {"at"},
			"schedule": {"next_at", "declared_at", "last_at"}, "inbox": {"at"}, "document": {"at", "expires_at"}, "error": {"changed_at", "first_at", "last_at"},
		} {
			for _, c := range columns {
				if _, err := tx.exec(fmt.Sprintf("UPDATE offload_%s SET %s = %[2]s - %d", table, c, d.Microseconds())); err != nil {
					return err
				}
			}
		}
		if err := advanceLines(tx, d); err != nil {
			return err
		}
		if _, err := tx.exec("UPDATE offload_turn SET end_at = end_at - ?1", d.Microseconds()*turnParts); err != nil {
			return err
		}
		if _, err := tx.exec("UPDATE offload_figure_hour SET hour = hour - ?1", int64(d/time.Hour)); err != nil {
			return err
		}
		for _, query := range []string{ // in two steps, since rows would meet others on their way
			fmt.Sprintf("UPDATE offload_error_hour SET hour = %d - hour", int64(d/time.Hour)), "UPDATE offload_error_hour SET hour = -hour",
		} {
			if _, err := tx.exec(query); err != nil {
				return err
			}
		}
		_, err := tx.exec("UPDATE offload_figure SET minute = minute - ?1", int64(d/time.Minute))
		return err
	})
	must(t, err)
}

// advanceLines moves those who wait for limits back in time.
func advanceLines(tx *txn, d time.Duration) error {
	for _, table := range []string{"line", "front"} {
		spots := map[string][]byte{}
		err := each(tx, func(rows *sql.Rows) error {
			var at string
			var s []byte
			err := rows.Scan(&at, &s)
			spots[at+string(s)] = s
			return err
		}, "SELECT gate, spot FROM offload_"+table)
		if err != nil {
			return err
		}
		for _, s := range spots {
			w := waiterAt("", spot(s), nil)
			to := binary.BigEndian.AppendUint64(s[:spotOrder:spotOrder], uint64(w.order-d.Microseconds())^1<<63)
			if _, err := tx.exec(fmt.Sprintf("UPDATE offload_%s SET spot = ?2 WHERE spot = ?1", table), s, append(to, s[spotID:]...)); err != nil {
				return err
			}
		}
	}
	return nil
}

// openFile opens a store of our own on a file.
func openFile(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), path)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s.(*Store)
}

// openPool opens a pool as a user would have it.
func openPool(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// openTest opens a store that is ready for work, in a file of its own.
func openTest(t testing.TB) *Store {
	t.Helper()
	s := openFile(t, filepath.Join(t.TempDir(), "offload.db"))
	must(t, s.Migrate(context.Background(), store.Newest))
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newJob(queue string) store.NewJob {
	return store.NewJob{ID: store.NewID(), Task: "send", Queue: queue, Priority: 5, Input: []byte(`{"to":"ada"}`), MaxAttempts: 25, Timeout: time.Hour}
}
