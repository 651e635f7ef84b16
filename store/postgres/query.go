package postgres

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// A query is a statement that can be a step of ours as well as a part of somebody's transaction,
// whatever its driver: what it takes can be written as texts, numbers, times and nil, and what it
// returns are these too.
type query struct {
	sql  string
	args []any
	row  func(scan func(...any) error) error // for each row; nil reads nothing
}

// step is the query in a trip.
func (q query) step() step {
	st := step{sql: q.sql, args: q.args}
	if st.args == nil {
		st.args = []any{}
	}
	if q.row != nil {
		st.rows = eachRow(q.row)
	}
	return st
}

// eachRow reads all rows, one by one.
func eachRow(row func(scan func(...any) error) error) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			if err := row(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	}
}

func stepsOf(queries []query) []step {
	steps := make([]step, len(queries))
	for i, q := range queries {
		steps[i] = q.step()
	}
	return steps
}

// on runs the query within a transaction.
func (q query) on(ctx context.Context, tx querier) error {
	args := make([]any, len(q.args))
	for i, arg := range q.args {
		args[i] = portable(arg)
	}
	return each(ctx, tx, q.sql, args, q.row)
}

// runAll runs queries within a transaction, one after the other.
func runAll(ctx context.Context, tx querier, queries []query) error {
	for _, q := range queries {
		if err := q.on(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// A connTx is a transaction of ours that is open on a connection.
type connTx struct{ conn *pgx.Conn }

func (t connTx) query(ctx context.Context, sql string, args ...any) (rows, error) {
	r, err := t.conn.Query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
	return pgxRows{r}, err
}

// textList are texts as the text of an array.
func textList(list []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, text := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		quoteElement(&b, text)
	}
	b.WriteByte('}')
	return b.String()
}

func quoteElement(b *strings.Builder, text string) {
	b.WriteByte('"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	b.WriteByte('"')
}

// nullableList are values, of which some are missing, as the text of an array.
func nullableList[T any](list []*T, write func(T) string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, value := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		if value == nil {
			b.WriteString("NULL")
		} else {
			quoteElement(&b, write(*value))
		}
	}
	b.WriteByte('}')
	return b.String()
}

// numberList are numbers or booleans as the text of an array.
func numberList(list any) string {
	text, _ := json.Marshal(list) // of numbers
	return "{" + strings.Trim(string(text), "[]") + "}"
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

// encodeTerms are terms as they are kept; nil is none.
func encodeTerms(t *store.Terms) ([]byte, error) {
	if t == nil {
		return nil, nil
	}
	return json.Marshal(t)
}

// decodeTerms are the terms of a job of a task.
func decodeTerms(task string, text []byte) (*store.Terms, error) {
	if text == nil {
		return nil, nil
	}
	t := &store.Terms{}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, err
	}
	if t.Unique != nil {
		t.Unique.Task = task
	}
	return t, nil
}
