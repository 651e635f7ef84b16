package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

func init() {
	register(Trial{
		Name:   "sqlite-kill",
		About:  "of three processes on one file, one that folds its log, and one that migrates another, each in turn is killed at any moment",
		Stores: []string{"sqlite"},
		Short:  4 * time.Second, Long: 2 * time.Minute,
		Roles: map[string]Role{"both": both, "folder": foldLog, "migrator": migrateToAndFro},
		Run:   sqliteKill,
	})
}

// sqliteKill kills about four processes a second: 20 rounds in its short form, 500 in its long
// one.
func sqliteKill(s *Stage) {
	second := OnSQLite(filepath.Join(s.TempDir(), "migrated.db"))
	if err := second.prepare(s.ctx, s.Trial); err != nil {
		s.Fatalf("%v", err)
	}
	until := time.Now().Add(s.For)
	load := Both{Worker{Slots: 10}, Enqueuer{Callers: 3, Rate: 300, Tx: 0.3, Mix: []Kind{{Task: "sleep", Most: 3 * time.Millisecond}}}, until}.Spec()
	folder := Spec{Role: "folder"}
	migrator := Spec{Role: "migrator", Address: second.Address}
	victims := []*Process{s.Start(load), s.Start(load), s.Start(load), s.Start(folder), s.Start(migrator)}
	rounds, slowest, largest := 0, 0.0, int64(0)
	for ; s.Sleep(s.Between(30*time.Millisecond, 200*time.Millisecond)); rounds++ {
		some := []int{s.Rand.IntN(len(victims))}
		if rounds%5 == 4 { // nobody is left: who comes next has to make good what they left behind
			some = []int{0, 1, 2, 3, 4}
		}
		for _, i := range some {
			victims[i].Kill()
		}
		if rounds%5 == 4 {
			largest = max(largest, logSize(s.Database.Address))
			slowest = max(slowest, openTime(s, s.Database))
		}
		if rounds%10 == 0 { // and while others go on
			checkFile(s, s.Database)
		}
		for _, i := range some {
			victims[i] = s.Start(victims[i].Spec)
		}
	}
	victims[3].Kill()
	victims[4].Kill()
	s.Settle(2 * time.Minute)

	checkFile(s, s.Database)
	checkMigrated(s, second)
	s.Figure("rounds", float64(rounds), "")
	s.Figure("largest log", float64(largest)/(1<<20), "MiB")
	s.AtMost("slowest Open", slowest, "s", 1+float64(largest)/(100<<20))
}

// checkFile has SQLite look at a file from end to end.
func checkFile(s *Stage, d *Database) {
	s.Helper()
	err := d.with(func(db *sql.DB) error {
		var said []string
		for _, question := range []string{"PRAGMA integrity_check(5)", "PRAGMA foreign_key_check"} {
			err := rows(s.ctx, db, question, nil, func(r *sql.Rows) error {
				columns, err := r.Columns()
				if err != nil {
					return err
				}
				values := make([]sql.NullString, len(columns))
				into := make([]any, len(columns))
				for i := range values {
					into[i] = &values[i]
				}
				err = r.Scan(into...)
				said = append(said, fmt.Sprint(values))
				if len(values) == 1 && values[0].String == "ok" {
					said = said[:len(said)-1]
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		if len(said) > 0 {
			s.Broken("integrity", "%s: %s", d.Address, strings.Join(said, "; "))
		}
		return nil
	})
	if err != nil {
		s.Errorf("check %s: %v", d.Address, err)
	}
}

// checkMigrated has a file whose migrations were killed half way be migrated once more, and used.
func checkMigrated(s *Stage, d *Database) {
	s.Helper()
	app, err := offload.Open(s.ctx, d.Address, quiet)
	if err != nil {
		s.Broken("migration", "after its migrations were killed, the file cannot be opened: %v", err)
		return
	}
	defer app.Close()
	if _, err := app.Enqueue(s.ctx, sleepTask.declare().Call(Work{})); err != nil {
		s.Broken("migration", "after its migrations were killed, the file takes no job: %v", err)
	}
	checkFile(s, d)
}

// openTime returns how long it takes to open a file, in seconds.
func openTime(s *Stage, d *Database) float64 {
	s.Helper()
	began := time.Now()
	app, err := offload.Open(s.ctx, d.Address, quiet)
	took := time.Since(began)
	if err == nil {
		err = app.Close()
	}
	if err != nil {
		s.Broken("open", "after kills the file cannot be opened: %v", err)
	}
	return took.Seconds()
}

// foldLog is the role of a process that copies the log into the file and cuts it, again and
// again, so that many kills come in the middle of that.
func foldLog(ctx context.Context, c *Child) error {
	db, err := sql.Open("sqlite", writeAddress(c.Kind, c.Address))
	if err != nil {
		return err
	}
	defer db.Close()
	for ctx.Err() == nil {
		for _, mode := range []string{"PASSIVE", "FULL", "RESTART", "TRUNCATE"} {
			if _, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint("+mode+")"); err != nil && ctx.Err() == nil && !isBusy(err.Error()) {
				return err
			}
			_ = Doze(ctx, 5*time.Millisecond)
		}
	}
	return nil
}

// migrateToAndFro is the role of a process that takes all migrations of a file back and makes
// them again.
func migrateToAndFro(ctx context.Context, c *Child) error {
	db, err := store.Open(ctx, c.Address)
	if err != nil {
		return err
	}
	defer db.Close()
	for ctx.Err() == nil {
		for _, to := range []int{0, store.Newest, store.Newest} { // the last changes nothing
			if err := db.Migrate(ctx, to); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
	return nil
}
