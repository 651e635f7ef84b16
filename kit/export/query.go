package export

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/offloadhq/offload/kit/table"
)

// A Querier is asked: an *sql.DB, *sql.Conn or *sql.Tx. Of a pgxpool.Pool it is stdlib.OpenDBFromPool.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// A Record is a row of a query.
type Record struct {
	columns []table.Column
	values  []any // nil: it is the first, and there for its columns
}

// Query yields the rows of a query, with its columns and their types. Give it an ORDER BY of a key: after a crash as many rows are passed
// over as were written.
func Query[In any](db Querier, query string, args func(in In) []any) Rows[In, *Record] {
	return func(ctx context.Context, in In, skip int) iter.Seq2[*Record, error] {
		return func(yield func(*Record, error) bool) {
			if err := ask(ctx, db, query, args, in, skip, yield); err != nil {
				yield(nil, err)
			}
		}
	}
}

// ask yields records, and returns the error behind them.
func ask[In any](ctx context.Context, db Querier, query string, args func(In) []any, in In, skip int, yield func(*Record, error) bool) error {
	var with []any
	if args != nil {
		with = args(in)
	}
	rows, err := db.QueryContext(ctx, query, with...)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	defer rows.Close()
	scanner, err := table.NewScanner(rows)
	if err != nil {
		return err
	}
	record := &Record{columns: scanner.Columns}
	if !yield(record, nil) {
		return nil
	}
	for rows.Next() {
		if skip > 0 {
			skip--
			continue
		}
		if record.values, err = scanner.Row(); err != nil {
			return err
		}
		if !yield(record, nil) {
			return nil
		}
	}
	return rows.Err()
}
