// Package intx runs statements of kits in transactions of users, whatever they were made by.
package intx

import (
	"context"
	"database/sql"
	"reflect"

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
