package postgres

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

//go:embed sql/migrations/*.sql
var migrationFiles embed.FS

// A migration is one step of the schema, forward and back. Those that are released are never
// changed. Each runs in a transaction of its own.
type migration struct {
	version  int
	name     string
	needs    int // the oldest newest version a program must know to work this schema
	up, down string
}

var migrations = loadMigrations()

// newest is the newest version that this program knows.
var newest = migrations[len(migrations)-1].version

// loadMigrations reads the embedded files, "0001_heart.up.sql". What is wrong with them the
// first test finds.
func loadMigrations() []migration {
	files, err := fs.ReadDir(migrationFiles, "sql/migrations")
	if err != nil {
		panic(err)
	}
	byVersion := map[int]*migration{}
	for _, f := range files {
		number, rest, _ := strings.Cut(f.Name(), "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			panic(fmt.Sprintf("store/postgres: migration %s has no number", f.Name()))
		}
		text, err := fs.ReadFile(migrationFiles, "sql/migrations/"+f.Name())
		if err != nil {
			panic(err)
		}
		m := byVersion[version]
		if m == nil {
			m = &migration{version: version, needs: 1}
			byVersion[version] = m
		}
		name, way, _ := strings.Cut(strings.TrimSuffix(rest, ".sql"), ".")
		if m.name = name; way == "up" {
			m.up, m.needs = string(text), needs(string(text))
		} else {
			m.down = string(text)
		}
	}
	var all []migration
	for _, m := range byVersion {
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	return all
}

// needs reads the line "-- needs: N" of a migration that excludes programs which do not know
// version N. Without one it excludes nobody.
func needs(text string) int {
	_, rest, found := strings.Cut(text, "-- needs: ")
	number, _, _ := strings.Cut(rest, "\n")
	if n, err := strconv.Atoi(strings.TrimSpace(number)); found && err == nil {
		return n
	}
	return 1
}

// applied is what the database says of a version.
type applied struct {
	name  string
	needs int
	at    time.Time
}

// Migrate is that of store.Schema. Each step is a transaction under a lock that ends with it,
// so that any number of processes may try, and one that was killed has left nothing half done.
func (s *Store) Migrate(ctx context.Context, to int) error {
	if to == store.Newest {
		to = newest
	}
	if to < 0 || to > newest {
		return fmt.Errorf("migrate to version %d: %w: known are 0 to %d", to, store.ErrSchema, newest)
	}
	for {
		known, err := s.applied(ctx)
		if err != nil {
			return err
		}
		if err := excluded(known); err != nil {
			return err
		}
		if next(known, to) == nil && (to > 0 || known == nil) {
			if to == 0 {
				return nil
			}
			return s.keepOrigin(ctx)
		}
		if err := s.migrateOnce(ctx, to); err != nil {
			return err
		}
	}
}

// A move is a migration to be made, or taken back.
type move struct {
	migration
	back bool
}

// next returns what is to be done next to come to a version, nil if nothing is. A database
// that is newer than this program stays, unless an older version was asked for by name.
func next(known map[int]applied, to int) *move {
	if to < newest {
		for _, m := range slices.Backward(migrations) {
			if _, there := known[m.version]; there && m.version > to {
				return &move{m, true}
			}
		}
	}
	for _, m := range migrations {
		if _, there := known[m.version]; !there && m.version <= to {
			return &move{m, false}
		}
	}
	return nil
}

// excluded refuses a schema that this program must not work.
func excluded(known map[int]applied) error {
	for version, a := range known {
		if a.needs > newest {
			return fmt.Errorf("%w is at version %d, which needs a program that knows version %d; this one knows %d: use a newer release",
				store.ErrSchema, version, a.needs, newest)
		}
	}
	return nil
}

// migrateTime is what one migration has, the wait for the lock included.
const migrateTime = 5 * time.Minute

// migrateOnce makes one migration, or none if another process has been quicker.
func (s *Store) migrateOnce(ctx context.Context, to int) error {
	ctx, cancel := context.WithTimeout(ctx, migrateTime)
	defer cancel()
	for n := 1; ; n++ {
		err := s.once(ctx, s.pool, func(ctx context.Context, conn *pgx.Conn) error {
			return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
				return s.move(ctx, tx, to)
			})
		})
		code := codeOf(err)
		if ctx.Err() != nil || !again(err) && code != codeLockTimeout && code != codeDuplicate {
			return s.fail("migrate the schema", err)
		}
		if code == codeLockTimeout {
			leaveAlone(ctx)
		} else {
			pause(ctx, n)
		}
	}
}

// leaveAlone waits before the next try for a lock that somebody holds for long: as long as a
// try waits, all others queue up behind it, and they need most of the time.
func leaveAlone(ctx context.Context) {
	select {
	case <-time.After(2*time.Second + rand.N(time.Second)):
	case <-ctx.Done():
	}
}

// move makes the next migration under the lock.
func (s *Store) move(ctx context.Context, tx pgx.Tx, to int) error {
	if _, err := tx.Exec(ctx, s.sql.migrateLock, s.lockKey()); err != nil {
		return err
	}
	known, err := s.appliedIn(ctx, tx)
	if err != nil {
		return err
	}
	m := next(known, to)
	script := ""
	switch {
	case known == nil && m == nil:
		return nil
	case known == nil:
		script = s.script(tableMade, m)
	case m == nil && to == 0:
		script = s.place(tableGone)
	default:
		script = s.script("", m)
	}
	// A script has no parameters and many statements.
	_, err = tx.Conn().PgConn().Exec(ctx, script).ReadAll()
	return err
}

// script is a migration with what is kept of it.
func (s *Store) script(before string, m *move) string {
	text := before
	switch {
	case m == nil:
	case m.back:
		text += m.down + fmt.Sprintf("\nDELETE FROM offload.migration WHERE version = %d;\n", m.version)
	default:
		text += m.up + fmt.Sprintf("\nINSERT INTO offload.migration (version, name, needs) VALUES (%d, '%s', %d);\n", m.version, m.name, m.needs)
	}
	return s.place(text)
}

// place puts a script into the store's schema.
func (s *Store) place(script string) string {
	return strings.ReplaceAll(inSchema(script, s.schema), "{schema}", s.schema)
}

// lockKey is the number of the lock that migrations of this schema hold.
func (s *Store) lockKey() int64 {
	h := fnv.New64a()
	h.Write([]byte("offload migrate " + s.schema))
	return int64(h.Sum64())
}

// tableMade makes what migrations are kept in. A role that may create tables in a schema need
// not be one that may create schemas.
var tableMade = `DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '{schema}') THEN
        CREATE SCHEMA "{schema}";
    END IF;
END
$$;
CREATE TABLE offload.migration (
    version    integer     PRIMARY KEY,
    name       text        NOT NULL,
    needs      integer     NOT NULL, -- a program must know this version, to work the schema
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

` + read("origin_keep") + ";\n\n"

// tableGone takes back what tableMade made. A schema that holds anything else, or may not be
// dropped, stays.
const tableGone = `DROP TABLE offload.migration;
DO $$
BEGIN
    IF '{schema}' <> 'public' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_namespace n ON d.refobjid = n.oid
        WHERE d.refclassid = 'pg_catalog.pg_namespace'::regclass AND n.nspname = '{schema}'
    ) THEN
        DROP SCHEMA "{schema}";
    END IF;
EXCEPTION WHEN insufficient_privilege OR dependent_objects_still_exist THEN
    NULL;
END
$$;
`

// applied returns the versions that the database has; nil if it has none and never had.
func (s *Store) applied(ctx context.Context) (known map[int]applied, err error) {
	err = s.onPool(ctx, "read the schema's version", func(ctx context.Context, conn *pgx.Conn) error {
		known, err = s.appliedIn(ctx, conn)
		return err
	})
	return known, err
}

// A queryer is a connection or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func (s *Store) appliedIn(ctx context.Context, q queryer) (map[int]applied, error) {
	var there bool
	if err := q.QueryRow(ctx, s.sql.migrated, pgx.QueryExecModeCacheDescribe, s.schema).Scan(&there); err != nil || !there {
		return nil, err
	}
	// An error of Query comes back from ForEachRow.
	rows, _ := q.Query(ctx, s.sql.versions, pgx.QueryExecModeCacheDescribe)
	known := map[int]applied{}
	var version int
	var a applied
	_, err := pgx.ForEachRow(rows, []any{&version, &a.name, &a.needs, &a.at}, func() error {
		known[version] = a
		return nil
	})
	if unmigrated(codeOf(err)) {
		return nil, nil // taken back since the last statement
	}
	return known, err
}

// Ready is that of store.Schema.
func (s *Store) Ready(ctx context.Context) error {
	known, err := s.applied(ctx)
	if err != nil {
		return err
	}
	if err := excluded(known); err != nil {
		return err
	}
	if m := next(known, newest); m != nil {
		at := 0
		for version := range known {
			at = max(at, version)
		}
		return fmt.Errorf("%w %q is at version %d, this program needs %d: migrate it", store.ErrSchema, s.schema, at, newest)
	}
	return nil
}

// Versions is that of store.Schema.
func (s *Store) Versions(ctx context.Context) ([]store.SchemaVersion, error) {
	known, err := s.applied(ctx)
	if err != nil {
		return nil, err
	}
	versions := make([]store.SchemaVersion, len(migrations))
	for i, m := range migrations {
		versions[i] = store.SchemaVersion{Version: m.version, Name: m.name, Applied: known[m.version].at}
	}
	return versions, nil
}

// MigrationSQL is that of store.Schema.
func (s *Store) MigrationSQL(from, to int) (string, error) {
	if to == store.Newest {
		to = newest
	}
	if from < 0 || from > newest || to < 0 || to > newest {
		return "", fmt.Errorf("migration from %d to %d: %w: known are 0 to %d", from, to, store.ErrSchema, newest)
	}
	known := map[int]applied{}
	for _, m := range migrations {
		if m.version <= from {
			known[m.version] = applied{}
		}
	}
	var script strings.Builder
	for m := next(known, to); m != nil; m = next(known, to) {
		before := ""
		if len(known) == 0 {
			before = tableMade
		}
		script.WriteString(s.script(before, m) + "\n")
		if m.back {
			delete(known, m.version)
		} else {
			known[m.version] = applied{}
		}
	}
	if from > 0 && to == 0 {
		script.WriteString(s.place(tableGone))
	}
	return script.String(), nil
}
