package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

// A Database is where a trial's jobs are. It is read by SQL on connections of its own, a new
// one each time, so that nothing of a server or disk that goes away is held.
type Database struct {
	Kind    string         // "sqlite" or "postgres"
	Address string         // for processes
	Server  *testpg.Server // of PostgreSQL, if it is the trial's own

	given bool // by the command line
	force bool // although somebody's jobs are there
	sql   *statements
	open  func() (*sql.DB, error)
	id    func(offload.ID) any // as a parameter
}

// statements are the questions to one kind of store.
type statements struct {
	prepare []string // once, before a trial
	exists  string   // whether offload's tables are there
	any     string   // whether there are jobs

	// All places of all jobs from an id on.
	places string
	// Ids of recent jobs, from an id on, that are not in exactly one place.
	torn string
	// Leases without a live process: id, attempt, process.
	strays string
	// Leases of the process with a pid.
	leases string
	// How many jobs are where, from an id on, those in done apart.
	counts  string
	effects string
	effect  string // adds one: id
	dump    string // names of all tables
	outcome map[int]Outcome
}

// OnSQLite returns a database in a file.
func OnSQLite(path string) *Database {
	return &Database{
		Kind: "sqlite", Address: path, sql: &sqliteStatements,
		open: func() (*sql.DB, error) {
			return sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)")
		},
		id: func(id offload.ID) any { return id[:] },
	}
}

// OnPostgres returns a database of a server; address leads to it without a detour.
func OnPostgres(address string, server *testpg.Server) *Database {
	return &Database{
		Kind: "postgres", Address: address, Server: server, sql: &postgresStatements,
		open: func() (*sql.DB, error) { return sql.Open("pgx", address) },
		id:   func(id offload.ID) any { return id.String() },
	}
}

// OpenUsual makes a new file, or a new database on a throw-away server that all trials share.
func (s *Stage) OpenUsual() *Database {
	s.Helper()
	if s.Kind == "sqlite" {
		return OnSQLite(filepath.Join(s.TempDir(), "chaos.db"))
	}
	return OnPostgres(testpg.URL(s), nil)
}

// with runs f on a connection of its own.
func (d *Database) with(f func(*sql.DB) error) error {
	db, err := d.open()
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(f(db), db.Close())
}

// rows calls scan for each row of a question.
func rows(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, query string, args []any, scan func(*sql.Rows) error,
) error {
	r, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		if err := scan(r); err != nil {
			return err
		}
	}
	return r.Err()
}

// prepare makes the tables of offload and that of the effects. It refuses a database that
// holds somebody's jobs.
func (d *Database) prepare(ctx context.Context, t *Trial) error {
	if d.given && !d.force {
		if err := d.refuseUsed(ctx); err != nil {
			return err
		}
	}
	app, err := offload.Open(ctx, d.Address, quiet)
	if err != nil {
		return err
	}
	if err := app.Close(); err != nil {
		return err
	}
	db, err := sql.Open(drivers[d.Kind], d.writeAddress())
	if err != nil {
		return err
	}
	for _, statement := range d.sql.prepare {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return errors.Join(fmt.Errorf("make the table of effects: %w", err), db.Close())
		}
	}
	return db.Close()
}

var drivers = map[string]string{"sqlite": "sqlite", "postgres": "pgx"}

// writeAddress is for those who write, as programs with an own connection should.
func (d *Database) writeAddress() string { return writeAddress(d.Kind, d.Address) }

func writeAddress(kind, address string) string {
	if kind == "sqlite" {
		return "file:" + address + "?_pragma=busy_timeout(10000)&_txlock=immediate"
	}
	return address
}

// refuseUsed refuses a database with jobs in it.
func (d *Database) refuseUsed(ctx context.Context) error {
	if d.Kind == "sqlite" {
		if _, err := os.Stat(d.Address); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	return d.with(func(db *sql.DB) error {
		var there bool
		if err := db.QueryRowContext(ctx, d.sql.exists).Scan(&there); err != nil {
			return fmt.Errorf("-db: look at the database: %w", err)
		}
		if !there {
			return nil
		}
		if err := db.QueryRowContext(ctx, d.sql.any).Scan(&there); err != nil {
			return fmt.Errorf("-db: look for jobs: %w", err)
		}
		if there {
			return errors.New("-db: this database holds somebody's jobs, and chaos would run, or lose, them; want an empty one, or -force")
		}
		return nil
	})
}

// glance reads, as of one moment, what is checked each second: recent jobs that are not in
// exactly one place, and leases without a live process.
func (d *Database) glance(ctx context.Context, since offload.ID, recent time.Time) (torn map[offload.ID]Stored, strays []Lease, err error) {
	if at := store.IDAt(recent); at.Compare(since) > 0 {
		since = at
	}
	err = d.with(func(db *sql.DB) error {
		return snapshot(ctx, db, func(tx *sql.Tx) (err error) {
			if torn, err = d.gather(ctx, tx, d.sql.torn, since); err != nil {
				return err
			}
			strays, err = d.leasesBy(ctx, tx, d.sql.strays)
			return err
		})
	})
	return torn, strays, err
}

// snapshot runs f on the database as of one moment.
func snapshot(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		// SQLite has one level, which is stronger.
		if tx, err = db.BeginTx(ctx, nil); err != nil {
			return err
		}
	}
	return errors.Join(f(tx), tx.Rollback())
}

// gather reads jobs with all their places.
func (d *Database) gather(ctx context.Context, tx *sql.Tx, query string, since offload.ID) (map[offload.ID]Stored, error) {
	jobs := map[offload.ID]Stored{}
	err := rows(ctx, tx, query, []any{d.id(since)}, func(r *sql.Rows) error {
		var id idInto
		var place string
		var outcome sql.NullInt64
		var attempt int
		if err := r.Scan(&id, &place, &outcome, &attempt); err != nil {
			return err
		}
		stored := jobs[offload.ID(id)]
		if place == "job" {
			stored.Asked = true
		} else {
			stored.Places = append(stored.Places, Place(place))
		}
		if outcome.Valid {
			stored.Outcome, stored.Attempt = d.sql.outcome[int(outcome.Int64)], attempt
		}
		jobs[offload.ID(id)] = stored
		return nil
	})
	return jobs, err
}

func (d *Database) leasesBy(ctx context.Context, tx *sql.Tx, query string, args ...any) (leases []Lease, err error) {
	err = rows(ctx, tx, query, args, func(r *sql.Rows) error {
		var id idInto
		var l Lease
		err := r.Scan(&id, &l.Attempt, &l.Process)
		l.ID = offload.ID(id)
		leases = append(leases, l)
		return err
	})
	return leases, err
}

// Leases returns those that the process with a pid holds.
func (d *Database) Leases(ctx context.Context, pid int) (leases []Lease, err error) {
	err = d.with(func(db *sql.DB) error {
		return snapshot(ctx, db, func(tx *sql.Tx) (err error) {
			leases, err = d.leasesBy(ctx, tx, d.sql.leases, pid)
			return err
		})
	})
	return leases, err
}

// counts returns how many jobs from an id on are where, those in done apart.
func (d *Database) counts(ctx context.Context, since offload.ID) (map[Place]int, error) {
	counts := map[Place]int{}
	err := d.with(func(db *sql.DB) error {
		return rows(ctx, db, d.sql.counts, []any{d.id(since)}, func(r *sql.Rows) error {
			var place string
			var n int
			err := r.Scan(&place, &n)
			counts[Place(place)] = n
			return err
		})
	})
	return counts, err
}

// survey reads all that the check at rest needs.
func (d *Database) survey(ctx context.Context, since offload.ID, tasks []string) (*Survey, error) {
	v := &Survey{Effects: map[offload.ID][]int{}}
	err := d.with(func(db *sql.DB) error {
		return snapshot(ctx, db, func(tx *sql.Tx) (err error) {
			if v.Jobs, err = d.gather(ctx, tx, d.sql.places, since); err != nil {
				return err
			}
			if v.Strays, err = d.leasesBy(ctx, tx, d.sql.strays); err != nil {
				return err
			}
			return rows(ctx, tx, d.sql.effects, []any{d.id(since)}, func(r *sql.Rows) error {
				var id idInto
				var attempt int
				err := r.Scan(&id, &attempt)
				v.Effects[offload.ID(id)] = append(v.Effects[offload.ID(id)], attempt)
				return err
			})
		})
	})
	if err != nil {
		return nil, err
	}
	v.Completed, err = d.completed(ctx, since, tasks)
	return v, err
}

// completed asks operate how many jobs were completed.
func (d *Database) completed(ctx context.Context, since offload.ID, tasks []string) (n int64, err error) {
	if len(tasks) == 0 {
		return 0, nil
	}
	app, err := offload.Open(ctx, d.Address, quiet, offload.NoMigrate())
	if err != nil {
		return 0, err
	}
	stats, err := operate.As(app, "chaos").Stats(ctx, operate.StatsQuery{Tasks: tasks, Since: since.Time().Truncate(time.Minute)})
	if err != nil {
		return 0, errors.Join(err, app.Close())
	}
	for _, step := range stats.Steps {
		n += step.Completed
	}
	return n, app.Close()
}

// held reports whether some process holds SQLite's file, so that nobody can write.
func (d *Database) held(ctx context.Context) bool {
	if d.Kind != "sqlite" {
		return false
	}
	db, err := sql.Open("sqlite", "file:"+d.Address+"?_pragma=busy_timeout(500)&_txlock=immediate")
	if err != nil {
		return false
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return strings.Contains(err.Error(), "SQLITE_BUSY")
	}
	return tx.Rollback() != nil
}

// An idInto scans an id, however a database returns it.
type idInto offload.ID

// Scan is that of sql.Scanner.
func (id *idInto) Scan(value any) error {
	switch v := value.(type) {
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
		return (*offload.ID)(id).UnmarshalText(v)
	case string:
		return (*offload.ID)(id).UnmarshalText([]byte(v))
	}
	return fmt.Errorf("an id as %T", value)
}

// kindOf tells the kind of a store by its address.
func kindOf(address string) string {
	if strings.HasPrefix(address, "postgres:") || strings.HasPrefix(address, "postgresql:") {
		return "postgres"
	}
	return "sqlite"
}

// freeDisk refuses a folder on a disk that is nearly full.
func freeDisk(dir string, want uint64) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < want {
		return fmt.Errorf("the disk of %s has %d MiB left; want %d; $TMPDIR names another place", dir, free>>20, want>>20)
	}
	return nil
}
