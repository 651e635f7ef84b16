// Package tables is what kits need that keep tables of their own in databases of users, SQLite and PostgreSQL.
package tables

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

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

// Have returns an error if a table, or one of its columns, is not there. They are names that need no more than quotes; the table may have a schema before a dot.
func Have(ctx context.Context, db *sql.DB, table string, columns ...string) error {
	// With the table's name before it, SQLite does not take the name of a column that it lacks for a text.
	query := `SELECT t."` + strings.Join(columns, `", t."`) + `" FROM "` + strings.ReplaceAll(table, ".", `"."`) + `" AS t WHERE 1 = 0`
	rows, err := db.QueryContext(ctx, query)
	if err == nil {
		err = errors.Join(rows.Err(), rows.Close())
	}
	if err != nil {
		return fmt.Errorf("look for %s in table %s: %w", strings.Join(columns, " and "), table, err)
	}
	return nil
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
