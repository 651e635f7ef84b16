package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A Format writes rows of values: nil, bool, integers, floats, string, []byte, time.Time, or anything else, which is written as fmt does.
type Format interface {
	// Ending is that of file names, ".csv", and Type the media type.
	Ending() string
	Type() string
	// Begin writes what stands before the rows. What a format that Joins has written in several pieces, of which one alone is the first, is one
	// file when they stand one behind the other.
	Begin(w io.Writer, columns []string, first bool) (RowWriter, error)
	Joins() bool
}

// A RowWriter writes rows, and ends the file when it is closed.
type RowWriter interface {
	Write(values []any) error
	Close() error
}

// Formats that need nothing but the standard library.
var (
	CSV       Format = csvFormat{}          // RFC 4180 with LF, in UTF-8, with a line of names; times by RFC 3339; no text in it is a formula
	RawCSV    Format = csvFormat{raw: true} // and with texts as they are: for programs, not for people who open it as a table
	JSONLines Format = linesFormat{}        // an object each line: https://jsonlines.org
)

type csvFormat struct{ raw bool }

func (csvFormat) Ending() string { return ".csv" }
func (csvFormat) Type() string   { return "text/csv; charset=utf-8" }
func (csvFormat) Joins() bool    { return true }

func (f csvFormat) Begin(w io.Writer, columns []string, first bool) (RowWriter, error) {
	c := &csvWriter{w: csv.NewWriter(w), raw: f.raw}
	if first {
		return c, c.w.Write(columns)
	}
	return c, nil
}

type csvWriter struct {
	w    *csv.Writer
	raw  bool
	line []string
}

func (c *csvWriter) Write(values []any) error {
	c.line = c.line[:0]
	for _, v := range values {
		text := textOf(v)
		switch v.(type) {
		case int, int64, float64: // -1 is a number
		default:
			if !c.raw && !isNumber(v) {
				text = harmless(text)
			}
		}
		c.line = append(c.line, text)
	}
	return c.w.Write(c.line)
}

func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}

type linesFormat struct{}

func (linesFormat) Ending() string { return ".jsonl" }
func (linesFormat) Type() string   { return "application/jsonl" }
func (linesFormat) Joins() bool    { return true }

func (linesFormat) Begin(w io.Writer, columns []string, _ bool) (RowWriter, error) {
	return &linesWriter{w: bufio.NewWriterSize(w, 1<<16), columns: columns}, nil
}

type linesWriter struct {
	w       *bufio.Writer
	columns []string
	names   [][]byte
	line    []byte
}

func (l *linesWriter) Write(values []any) error {
	line := append(l.line[:0], '{')
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("column %s: %w", l.columns[i], err)
		}
		if len(l.names) <= i {
			name, err := json.Marshal(l.columns[i])
			if err != nil {
				return err
			}
			l.names = append(l.names, name)
		}
		line = append(append(append(line, l.names[i]...), ':'), text...)
	}
	l.line = append(line, '}', '\n')
	_, err := l.w.Write(l.line)
	return err
}

func (l *linesWriter) Close() error { return l.w.Flush() }

// textOf is a value as CSV has it.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}

// isNumber reports whether a value is one, whatever its text begins with.
func isNumber(v any) bool {
	switch k := reflect.ValueOf(v).Kind(); k {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		_, prints := v.(fmt.Stringer)
		return !prints
	}
	return false
}

// harmless is a text that no program takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection, and the full-width forms
// that some take for the same.
func harmless(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return "'" + s
	}
	for _, wide := range []string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(s, wide) {
			return "'" + s
		}
	}
	return s
}

// columnsOf are the columns of a struct, as encoding/json names them; nil if it is none.
func columnsOf(t reflect.Type) (names []string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, i := range fieldsOf(t) {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		names = append(names, name)
	}
	return names
}

// fieldsOf are the fields of a struct that are written.
func fieldsOf(t reflect.Type) (indexes []int) {
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// valuesOf returns what takes the values of rows: of structs, pointers to them, or []any.
func valuesOf(t reflect.Type) func(row any, into []any) []any {
	fields := []int(nil)
	pointer := t.Kind() == reflect.Pointer
	if s := t; pointer || t.Kind() == reflect.Struct {
		if pointer {
			s = t.Elem()
		}
		fields = fieldsOf(s)
	}
	return func(row any, into []any) []any {
		into = into[:0]
		if fields == nil {
			values, _ := row.([]any)
			into = append(into, values...)
		} else {
			v := reflect.ValueOf(row)
			if pointer {
				v = v.Elem()
			}
			for _, i := range fields {
				f := v.Field(i)
				for f.Kind() == reflect.Pointer && !f.IsNil() {
					f = f.Elem()
				}
				if f.Kind() == reflect.Pointer {
					into = append(into, nil)
				} else {
					into = append(into, f.Interface())
				}
			}
		}
		return into
	}
}
