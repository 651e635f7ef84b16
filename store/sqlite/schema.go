package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/offloadhq/offload/store"
)

//go:embed sql/migrations/*.sql
var migrationFiles embed.FS

//go:embed sql/bootstrap.sql
var bootstrapSQL string

const unbootstrapSQL = "DROP TABLE offload_migration;\nDROP TABLE offload_meta;\n"

// A migration is one change of the schema, forward and back.
type migration struct {
	version  int
	name     string
	up, down string
	sha256   string // of up
	oldest   int    // program that may work the schema after it, by the newest version it knows
}

var (
	migrations    = readMigrations(migrationFiles)
	oldestProgram = regexp.MustCompile(`(?m)^-- oldest program: (\d+)$`)
)

// readMigrations reads files called 0001_name.up.sql and 0001_name.down.sql. They are part of
// the program: a test finds what is wrong with them.
func readMigrations(files fs.FS) (all []migration) {
	names, _ := fs.Glob(files, "sql/migrations/*.up.sql")
	slices.Sort(names)
	for _, file := range names {
		base := strings.TrimSuffix(file[strings.LastIndex(file, "/")+1:], ".up.sql")
		number, name, _ := strings.Cut(base, "_")
		version, _ := strconv.Atoi(number)
		up, _ := fs.ReadFile(files, file)
		down, _ := fs.ReadFile(files, strings.TrimSuffix(file, ".up.sql")+".down.sql")
		sum := sha256.Sum256(up)
		m := migration{version: version, name: name, up: string(up), down: string(down), sha256: hex.EncodeToString(sum[:])}
		if found := oldestProgram.FindStringSubmatch(m.up); found != nil {
			m.oldest, _ = strconv.Atoi(found[1])
		}
		all = append(all, m)
	}
	return all
}

func newest() int { return migrations[len(migrations)-1].version }

// A standing is how far a database is.
type standing struct {
	version int
	oldest  int // program that may work it
	applied map[int]store.SchemaVersion
	sums    map[int]string
}

// standingOf reads how far a database is. One without our tables is at version 0.
func standingOf(db database) (st standing, err error) {
	st.applied, st.sums = map[int]store.SchemaVersion{}, map[int]string{}
	tables, err := texts(db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('offload_meta', 'offload_migration')")
	if err != nil || len(tables) < 2 {
		return st, err
	}
	err = each(db, func(rows *sql.Rows) error {
		var v store.SchemaVersion
		var sum string
		if err := rows.Scan(&v.Version, &v.Name, &sum, timeInto{&v.Applied}); err != nil {
			return err
		}
		st.applied[v.Version], st.sums[v.Version] = v, sum
		st.version = max(st.version, v.Version)
		return nil
	}, "SELECT version, name, sha256, applied_at FROM offload_migration ORDER BY version")
	if err != nil {
		return st, err
	}
	_, err = one(db, []any{&st.oldest}, "SELECT value FROM offload_meta WHERE name = 'oldest program'")
	return st, err
}

// excludes returns the error for a database that this program must not work.
func (st standing) excludes() error {
	if st.oldest > newest() {
		return fmt.Errorf("%w is at version %d, which excludes programs that know less than version %d; this one knows %d: use a newer release of offload",
			store.ErrSchema, st.version, st.oldest, newest())
	}
	return nil
}

// Ready is that of store.Schema.
func (s *Store) Ready(ctx context.Context) error {
	var st standing
	err := s.reader.view(ctx, func(t *txn) (err error) {
		st, err = standingOf(t)
		return err
	})
	if err != nil {
		return explain("look at the schema", err)
	}
	if err := st.excludes(); err != nil {
		return err
	}
	if st.version < newest() {
		return fmt.Errorf("%w is at version %d, this program needs %d: migrate it with `offload migrate`, or open it without NoMigrate", store.ErrSchema, st.version, newest())
	}
	return nil
}

// Migrate is that of store.Schema. Each step is a transaction of its own that begins with a
// look at how far the database is, so that any number of processes can do it at once, and one
// that was killed half way is gone on with.
func (s *Store) Migrate(ctx context.Context, to int) error {
	forward := to == store.Newest
	if forward {
		to = newest()
	}
	if to < 0 || to > newest() {
		return fmt.Errorf("migrate to version %d: %w: known are 0 to %d", to, store.ErrSchema, newest())
	}
	for more := true; more; {
		err := s.write(ctx, fmt.Sprintf("migrate to version %d", to), func(t *txn) (err error) {
			if more, err = step(t, to, forward); err != nil || more || to == 0 {
				return err
			}
			return s.keepOrigin(t)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// step goes one version towards to, and reports whether it did.
func step(t *txn, to int, forward bool) (bool, error) {
	st, err := standingOf(t)
	if err != nil {
		return false, err
	}
	if err := st.excludes(); err != nil {
		return false, err
	}
	switch {
	case st.version == to:
		return false, nil
	case st.version < to:
		return true, t.up(migrations[slices.IndexFunc(migrations, func(m migration) bool { return m.version > st.version })])
	case forward:
		return false, nil // a newer program was here, and does not exclude this one
	case st.version > newest():
		return false, fmt.Errorf("%w is at version %d; this program knows no way back from beyond %d: use the release that migrated it",
			store.ErrSchema, st.version, newest())
	}
	at := slices.IndexFunc(migrations, func(m migration) bool { return m.version == st.version })
	return true, t.down(migrations[at], at)
}

func (t *txn) up(m migration) error {
	if err := t.script(bootstrapSQL); err != nil {
		return err
	}
	if err := t.script(m.up); err != nil {
		return fmt.Errorf("version %d (%s): %w", m.version, m.name, err)
	}
	return t.script(m.noteSQL())
}

func (t *txn) down(m migration, at int) error {
	if err := t.script(m.down); err != nil {
		return fmt.Errorf("version %d (%s): %w", m.version, m.name, err)
	}
	if at == 0 {
		return t.script(unbootstrapSQL)
	}
	return t.script(m.unnoteSQL(migrations[at-1].oldest))
}

// noteSQL writes down that the migration was applied.
func (m migration) noteSQL() string {
	return fmt.Sprintf(`INSERT INTO offload_migration (version, name, sha256, applied_at)
VALUES (%d, '%s', '%s', CAST(unixepoch('subsec') * 1e6 AS INTEGER));
INSERT INTO offload_meta (name, value) VALUES ('oldest program', %d) ON CONFLICT DO UPDATE SET value = excluded.value;
`, m.version, m.name, m.sha256, m.oldest)
}

func (m migration) unnoteSQL(oldest int) string {
	return fmt.Sprintf("DELETE FROM offload_migration WHERE version = %d;\nUPDATE offload_meta SET value = %d WHERE name = 'oldest program';\n", m.version, oldest)
}

// script runs statements that are needed once.
func (t *txn) script(text string) error { return t.database.(*session).script(text) }

// Versions is that of store.Schema.
func (s *Store) Versions(ctx context.Context) ([]store.SchemaVersion, error) {
	var st standing
	err := s.reader.view(ctx, func(t *txn) (err error) {
		st, err = standingOf(t)
		return err
	})
	if err != nil {
		return nil, explain("look at the schema", err)
	}
	all := make([]store.SchemaVersion, 0, len(migrations))
	for _, m := range migrations {
		all = append(all, store.SchemaVersion{Version: m.version, Name: m.name, Applied: st.applied[m.version].Applied})
	}
	return all, nil
}

// MigrationSQL is that of store.Schema.
func (s *Store) MigrationSQL(from, to int) (string, error) {
	from, to = orNewest(from), orNewest(to)
	if min(from, to) < 0 || max(from, to) > newest() {
		return "", fmt.Errorf("migration from %d to %d: %w: known are 0 to %d", from, to, store.ErrSchema, newest())
	}
	var text strings.Builder
	if from < to {
		text.WriteString(bootstrapSQL)
	}
	for _, m := range migrations {
		if m.version > from && m.version <= to {
			text.WriteString(m.up + m.noteSQL())
		}
	}
	for i, m := range slices.Backward(migrations) {
		switch {
		case m.version > from || m.version <= to:
		case i == 0:
			text.WriteString(m.down + unbootstrapSQL)
		default:
			text.WriteString(m.down + m.unnoteSQL(migrations[i-1].oldest))
		}
	}
	if text.Len() == 0 {
		return "", nil
	}
	return "BEGIN IMMEDIATE;\n" + text.String() + "COMMIT;\n", nil
}

func orNewest(version int) int {
	if version == store.Newest {
		return newest()
	}
	return version
}
