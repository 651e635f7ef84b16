// Package intx runs statements of kits in transactions of users, whatever they were made by.
package intx

import (
	"context"
	"database/sql"
	"reflect"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Exec runs a statement. Its parameters are $1 and so on, which SQLite takes, too.
type Exec func(ctx context.Context, query string, args ...any) error

// Of finds what runs statements in what a user gave: a *sql.Tx, *sql.Conn or *sql.DB, a pgx.Tx, connection or pool, or what embeds one, as transactions of sqlx and bun do;
// nil in anything else.
func Of(tx any) Exec {
	if v := reflect.ValueOf(tx); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	switch tx := tx.(type) {
	case interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}:
		return func(ctx context.Context, query string, args ...any) error {
			_, err := tx.ExecContext(ctx, query, args...)
			return err
		}
	case interface {
		Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	}:
		return func(ctx context.Context, query string, args ...any) error {
			_, err := tx.Exec(ctx, query, args...)
			return err
		}
	}
	return nil
}

// SQLite reports whether a database is one of SQLite; otherwise it is taken for PostgreSQL.
func SQLite(ctx context.Context, db *sql.DB) bool {
	var version string
	return db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version) == nil
}

// Make runs statements that make tables where they are not there. Two processes may do it at once, and PostgreSQL then fails one of them: it is tried three times.
func Make(ctx context.Context, db *sql.DB, statements ...string) (err error) {
	for range 3 {
		for _, statement := range statements {
			if _, err = db.ExecContext(ctx, statement); err != nil {
				break
			}
		}
		if err == nil {
			return nil
		}
	}
	return err
}

// Values is a list of so many rows of parameters: ($1, $2), ($3, $4). For SQLite it is (?, ?), (?, ?): it looks for numbered ones by their names, one after the other, and
// a thousand of them take it longer than the insert.
func Values(rows, columns int, sqlite bool) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		if sqlite {
			b.WriteByte('?')
		} else {
			b.WriteString("$" + strconv.Itoa(i+1))
		}
	}
	b.WriteString(")")
	return b.String()
}
