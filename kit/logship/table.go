package logship

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/tables"
)

// Table writes to the table offload_logs of db, SQLite or PostgreSQL (pgx by its package stdlib), which New makes: id, at (nanoseconds since 1970, UTC), level (as slog's numbers: 0 is INFO, 8 ERROR), message, and record
// as JSON. Each record is there once, however often it is sent. Those older than keep are deleted, an hour or more, or 0: never.
func Table(db *sql.DB, keep time.Duration) Destination { return &table{db: db, keep: keep} }

type table struct {
	db      *sql.DB
	keep    time.Duration
	swept   time.Time
	inserts map[int]string // by how many rows they have
}

func (t *table) check() error {
	if t.db == nil {
		return &offload.InputError{Field: "db", Got: "nil", Want: "a database"}
	}
	if t.keep != 0 && t.keep < time.Hour {
		return &offload.InputError{Field: "keep", Got: t.keep, Want: "an hour or more, or 0 for ever"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := tables.Make(ctx, t.db, logsSQL, "CREATE INDEX IF NOT EXISTS offload_logs_at ON offload_logs (at)"); err != nil {
		return fmt.Errorf("make table offload_logs: %w", err)
	}
	sqlite := tables.SQLite(ctx, t.db)
	t.inserts = map[int]string{}
	for _, size := range insertSizes {
		t.inserts[size] = insertSQL(size, sqlite)
	}
	return nil
}

const logsSQL = `CREATE TABLE IF NOT EXISTS offload_logs (
    id      varchar(100) NOT NULL PRIMARY KEY,
    at      bigint       NOT NULL,
    level   integer      NOT NULL,
    message text         NOT NULL,
    record  text         NOT NULL
)`

// insertSizes are how many rows a statement has, so that there are only these few statements.
var insertSizes = []int{100, 10, 1}

func insertSQL(rows int, sqlite bool) string {
	return "INSERT INTO offload_logs (id, at, level, message, record) VALUES " + tables.Values(rows, 5, sqlite) + " ON CONFLICT (id) DO NOTHING"
}

// shipMost is how long a transaction may take: a connection may be dead.
const shipMost = 30 * time.Second

func (t *table) Ship(ctx context.Context, items []Item) error {
	ctx, cancel := context.WithTimeout(ctx, shipMost)
	defer cancel()
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	rest := items
	for _, size := range insertSizes {
		for ; len(rest) >= size; rest = rest[size:] {
			if _, err := tx.ExecContext(ctx, t.inserts[size], rowsOf(rest[:size])...); err != nil {
				return fmt.Errorf("write offload_logs: %w", err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write offload_logs: %w", err)
	}
	t.sweep(ctx)
	return nil
}

func rowsOf(items []Item) []any {
	args := make([]any, 0, 5*len(items))
	for i := range items {
		message := ""
		for _, f := range ordered(items[i].Line) {
			if f.key == slog.MessageKey {
				message = strings.ReplaceAll(unquoted(f.value), "\x00", "") // PostgreSQL's texts have none
				break
			}
		}
		args = append(args, items[i].ID, items[i].Time.UnixNano(), int(items[i].Level), message, string(items[i].Line))
	}
	return args
}

// sweep deletes once an hour what is too old, in slices. Where that fails, the next hour tries again: records are safe by then, and shall not wait for it.
func (t *table) sweep(ctx context.Context) {
	if t.keep == 0 || time.Since(t.swept) < time.Hour {
		return
	}
	t.swept = time.Now()
	for {
		result, err := t.db.ExecContext(ctx, "DELETE FROM offload_logs WHERE id IN (SELECT id FROM offload_logs WHERE at < $1 LIMIT 5000)", time.Now().Add(-t.keep).UnixNano())
		if err != nil {
			return
		}
		if n, err := result.RowsAffected(); err != nil || n < 5000 {
			return
		}
	}
}
