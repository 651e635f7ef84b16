package table

import (
	"database/sql"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// A Scanner makes rows of those of a query.
type Scanner struct {
	Columns []Column
	rows    *sql.Rows
	row     []any
	into    []any
}

// NewScanner looks at the columns of a query: their names, and the types that the database gives them.
func NewScanner(rows *sql.Rows) (*Scanner, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	s := &Scanner{rows: rows, row: make([]any, len(types)), into: make([]any, len(types))}
	for i, t := range types {
		s.Columns = append(s.Columns, Column{t.Name(), kindOfSQL(t.DatabaseTypeName())})
		s.into[i] = &s.row[i]
	}
	return s, CheckColumns(s.Columns)
}

// Row returns the row that sql.Rows.Next has come to, valid until the next one.
func (s *Scanner) Row() ([]any, error) {
	if err := s.rows.Scan(s.into...); err != nil {
		return nil, err
	}
	for i := range s.row {
		v, err := Value(s.row[i])
		if err != nil {
			return nil, &ValueError{Column: s.Columns[i].Name, Err: err}
		}
		s.row[i] = fit(s.Columns[i].Kind, v)
	}
	return s.row, nil
}

// fit makes the value that a column means of that which its driver gives: many give texts as bytes, and
// exact numbers as texts.
func fit(kind Kind, v any) any {
	if b, ok := v.([]byte); ok && kind != Bytes && (kind != Any || utf8.Valid(b)) {
		v = string(b)
	}
	switch v := v.(type) {
	case string:
		switch {
		case kind == DecimalKind && isDecimal(v):
			return Decimal(v)
		case kind == JSON && json.Valid([]byte(v)):
			return json.RawMessage(v)
		}
	case int64:
		if kind == Bool && (v == 0 || v == 1) {
			return v == 1
		}
	}
	return v
}

// kindOfSQL is the kind of a column, by its type in SQLite, PostgreSQL, MySQL and their kin. What is not
// known is Any, never wrong.
func kindOfSQL(name string) Kind {
	name, _, _ = strings.Cut(strings.ToUpper(name), "(")
	name = strings.TrimSpace(strings.TrimPrefix(name, "UNSIGNED "))
	switch name {
	case "INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "MEDIUMINT", "INT2", "INT4", "INT8", "SERIAL", "BIGSERIAL", "YEAR":
		return Int
	case "REAL", "DOUBLE", "DOUBLE PRECISION", "FLOAT", "FLOAT4", "FLOAT8":
		return Float
	case "NUMERIC", "DECIMAL", "NUMBER":
		return DecimalKind
	case "TEXT", "VARCHAR", "CHAR", "BPCHAR", "NVARCHAR", "NCHAR", "CLOB", "NAME", "UUID", "ENUM", "LONGTEXT", "MEDIUMTEXT", "TINYTEXT", "CITEXT":
		return Text
	case "BOOL", "BOOLEAN":
		return Bool
	case "TIMESTAMP", "TIMESTAMPTZ", "DATETIME", "DATETIME2", "DATETIMEOFFSET":
		return Time
	case "DATE":
		return Date
	case "BLOB", "BYTEA", "BINARY", "VARBINARY", "LONGBLOB", "MEDIUMBLOB", "TINYBLOB":
		return Bytes
	case "JSON", "JSONB":
		return JSON
	}
	return Any
}
