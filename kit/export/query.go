package export

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
)

// Query yields the rows of a query as []any, for Columns with the names of its columns. Give it an ORDER BY of a key: after a crash as many rows are passed
// over as were written.
func Query[In any](db *sql.DB, query string, args func(in In) []any) Rows[In, []any] {
	return func(ctx context.Context, in In, skip int) iter.Seq2[[]any, error] {
		return func(yield func([]any, error) bool) {
			var with []any
			if args != nil {
				with = args(in)
			}
			rows, err := db.QueryContext(ctx, query, with...)
			if err != nil {
				yield(nil, fmt.Errorf("ask: %w", err))
				return
			}
			defer rows.Close()
			names, err := rows.Columns()
			if err != nil {
				yield(nil, err)
				return
			}
			values, into := make([]any, len(names)), make([]any, len(names))
			for i := range values {
				into[i] = &values[i]
			}
			for rows.Next() {
				if skip > 0 {
					skip--
					continue
				}
				if err := rows.Scan(into...); err != nil {
					yield(nil, err)
					return
				}
				if !yield(values, nil) {
					return
				}
			}
			if err := rows.Err(); err != nil {
				yield(nil, err)
			}
		}
	}
}
