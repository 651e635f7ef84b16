package export

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/table"
)

// A shape is how rows become values.
type shape[Row any] struct {
	columns []table.Column // nil: the first record says them
	names   []string       // in place of those that it says
	values  func(into []any, r Row) ([]any, error)
}

func shapeOf[Row any](names []string) (*shape[Row], error) {
	s := &shape[Row]{names: names}
	switch any(*new(Row)).(type) {
	case *Record:
		s.values = func(_ []any, r Row) ([]any, error) { return any(r).(*Record).values, nil }
		return s, nil
	case []any:
		for _, name := range names {
			s.columns = append(s.columns, table.Column{Name: name})
		}
		s.values = func(into []any, r Row) ([]any, error) { return valuesOf(into, any(r).([]any)) }
		return s, table.CheckColumns(s.columns)
	}
	fields, err := table.NewStruct[Row]()
	if err != nil {
		return nil, err
	}
	s.columns, s.values = fields.Columns, fields.AppendRow
	return s, nil
}

// valuesOf makes values of what a function has yielded.
func valuesOf(into, row []any) ([]any, error) {
	for i, v := range row {
		v, err := table.Value(v)
		if err != nil {
			return nil, &table.ValueError{Column: fmt.Sprint(i + 1), Err: err}
		}
		into = append(into, v)
	}
	return into, nil
}

// head takes the columns that a record says.
func (s *shape[Row]) head(said []table.Column) ([]table.Column, error) {
	if s.names == nil {
		return said, nil
	}
	if len(s.names) != len(said) {
		return nil, &offload.InputError{Field: "Columns", Got: len(s.names), Want: fmt.Sprintf("%d, as many as the query has", len(said))}
	}
	columns := make([]table.Column, len(said))
	for i, c := range said {
		columns[i] = table.Column{Name: s.names[i], Kind: c.Kind}
	}
	return columns, table.CheckColumns(columns)
}

// Pages are rows that come in pages by key: page returns those behind the last row of the page before, nil at first, and none at the end. Such a
// source is quick at any size, since a database finds the place by an index. After a crash they go on behind the last row that was written, if
// all that a Row holds is in its JSON, as of a struct whose fields are exported; otherwise they are walked from the beginning, without being written.
func Pages[In, Row any](page func(ctx context.Context, in In, after *Row) ([]Row, error)) Rows[In, Row] {
	return func(ctx context.Context, in In, skip int) iter.Seq2[Row, error] {
		return func(yield func(Row, error) bool) {
			last := lastOf[Row](ctx)
			if last != nil {
				skip = 0
			}
			for {
				rows, err := page(ctx, in, last)
				if err != nil {
					var none Row
					yield(none, err)
					return
				}
				if len(rows) == 0 {
					return
				}
				for i := range rows {
					if skip > 0 {
						skip--
					} else if !yield(rows[i], nil) {
						return
					}
				}
				last = &rows[len(rows)-1]
			}
		}
	}
}

// lastKey is where a context has the last row that an earlier attempt has written, as JSON.
type lastKey struct{}

// lastOf returns that row, if there is one.
func lastOf[Row any](ctx context.Context) *Row {
	text, _ := ctx.Value(lastKey{}).(json.RawMessage)
	row := new(Row)
	if text == nil || json.Unmarshal(text, row) != nil {
		return nil
	}
	return row
}

const mostLast = 64 << 10 // bytes of a row that is kept

// jsonOf is a row as JSON, if nothing of it gets lost by that.
func jsonOf(row any) json.RawMessage {
	if !isWhole(reflect.TypeOf(row), 0) {
		return nil
	}
	text, err := json.Marshal(row)
	if err != nil || len(text) > mostLast {
		return nil
	}
	return text
}

// isWhole reports whether JSON has all of the values of a type.
func isWhole(t reflect.Type, depth int) bool {
	if t == nil || depth > 20 {
		return false
	}
	if t == reflect.TypeFor[time.Time]() {
		return true
	}
	if t.Implements(reflect.TypeFor[json.Marshaler]()) {
		return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return isWhole(t.Elem(), depth+1)
	case reflect.Map:
		return t.Key().Kind() == reflect.String && isWhole(t.Elem(), depth+1)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); !f.IsExported() || f.Tag.Get("json") == "-" || !isWhole(f.Type, depth+1) {
				return false
			}
		}
		return true
	case reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return true
}
