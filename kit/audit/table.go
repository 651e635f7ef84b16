package audit

import (
	"context"
	"database/sql"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/tables"
)

// A dialect is what SQLite and PostgreSQL say differently.
type dialect struct {
	number   string // the type of a key that counts up by itself
	snapshot string // begins a transaction that sees one moment
	sqlite   bool
	one      string // inserts one entry
}

var (
	sqlite   = dialect{"INTEGER PRIMARY KEY", "BEGIN DEFERRED", true, insertNew + tables.Values(1, len(newColumns), true)}
	postgres = dialect{"bigserial PRIMARY KEY", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", false, insertNew + tables.Values(1, len(newColumns), false)}
)

func dialectOf(ctx context.Context, db *sql.DB) dialect {
	if tables.SQLite(ctx, db) {
		return sqlite
	}
	return postgres
}

// make makes the tables. What users write to has no index but its key, since that is what an entry costs them. Numbers of rows that one transaction
// sees committed are below its own, so their order is one in which things may have happened.
func (d dialect) make(ctx context.Context, db *sql.DB) error {
	columns := `
    id          varchar(36) NOT NULL,
    at          varchar(27) NOT NULL, -- UTC, "2026-05-01T03:00:00.000000Z"
    actor       text NOT NULL,
    action      text NOT NULL,
    entity_type text NOT NULL,
    entity_id   text NOT NULL,
    before      text NOT NULL, -- JSON, or empty
    after       text NOT NULL,
    meta        text NOT NULL`
	return tables.Make(ctx, db,
		"CREATE TABLE IF NOT EXISTS offload_audit_new (\n    n "+d.number+","+columns+")",
		"CREATE TABLE IF NOT EXISTS offload_audit (\n    seq bigint NOT NULL PRIMARY KEY,"+columns+",\n    hash varchar(64) NOT NULL)",
		"CREATE UNIQUE INDEX IF NOT EXISTS offload_audit_id ON offload_audit (id)",
		"CREATE INDEX IF NOT EXISTS offload_audit_at ON offload_audit (at, id)",
		"CREATE INDEX IF NOT EXISTS offload_audit_entity ON offload_audit (entity_type, entity_id, at, id)",
		"CREATE INDEX IF NOT EXISTS offload_audit_action ON offload_audit (action, at, id)",
		"CREATE INDEX IF NOT EXISTS offload_audit_actor ON offload_audit (actor, at, id)",
		`CREATE TABLE IF NOT EXISTS offload_audit_head (
    one       smallint PRIMARY KEY,
    log       varchar(36) NOT NULL, -- tells this log from every other
    seq       bigint NOT NULL,      -- of the last row of the chain
    hash      varchar(64) NOT NULL,
    base_seq  bigint NOT NULL,      -- of the last row that was let go
    base_hash varchar(64) NOT NULL)`,
		"INSERT INTO offload_audit_head VALUES (1, '"+offload.NewID().String()+"', 0, '', 0, '') ON CONFLICT DO NOTHING",
	)
}

// The columns of what is written, in the order of the tables and of the hash.
var newColumns = []string{"id", "at", "actor", "action", "entity_type", "entity_id", "before", "after", "meta"}

var columnList = strings.Join(newColumns, ", ")

// insert inserts n entries.
func (d *dialect) insert(n int) string {
	if n == 1 {
		return d.one
	}
	return insertNew + tables.Values(n, len(newColumns), d.sqlite)
}

var insertNew = "INSERT INTO offload_audit_new (" + columnList + ") VALUES "
