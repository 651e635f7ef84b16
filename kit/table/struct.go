package table

import (
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A Struct makes rows of values of a struct type.
type Struct[T any] struct {
	Columns []Column
	fields  []field
}

// A field is where the value of a column comes from.
type field struct {
	index []int
	get   func(reflect.Value) (any, error)
}

// NewStruct makes the columns of a struct type: one for each exported field, those of embedded structs
// included, in their order. A column is named by the field's tag, table:"name", or else by its JSON name, or else as the
// field is; the name "-" leaves it out. A type that is no struct with such fields is refused.
func NewStruct[T any]() (*Struct[T], error) {
	typ := reflect.TypeFor[T]()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]() {
		return nil, &offload.InputError{Field: "row", Got: reflect.TypeFor[T]().String(), Want: "a struct, whose fields are the columns"}
	}
	s := &Struct[T]{}
	for _, f := range reflect.VisibleFields(typ) {
		name, named := nameOf(f)
		if f.Anonymous && !named && isPlainStruct(f.Type) || !f.IsExported() || name == "-" || inside(typ, f.Index) {
			continue
		}
		s.Columns = append(s.Columns, Column{name, kindOf(f.Type)})
		s.fields = append(s.fields, field{f.Index, getterOf(f.Type)})
	}
	return s, CheckColumns(s.Columns)
}

// nameOf is the name of a field's column, and whether a tag says it.
func nameOf(f reflect.StructField) (name string, named bool) {
	for _, tag := range []string{"table", "json"} {
		if name, _, _ := strings.Cut(f.Tag.Get(tag), ","); name != "" {
			return name, true
		}
	}
	return f.Name, false
}

// isPlainStruct reports whether a type is a struct that is no value itself, as time.Time is.
func isPlainStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && kindOf(t) == JSON && !implements[json.Marshaler](t)
}

// inside reports whether a field is one of an embedded struct that is a column as a whole, or left out.
func inside(typ reflect.Type, index []int) bool {
	for n := 1; n < len(index); n++ {
		outer := typ.FieldByIndex(index[:n])
		if _, named := nameOf(outer); named || !isPlainStruct(outer.Type) {
			return true
		}
	}
	return false
}

// Row returns the values of a struct. What a nil pointer to an embedded struct leads to is nil.
func (s *Struct[T]) Row(v T) ([]any, error) { return s.AppendRow(make([]any, 0, len(s.fields)), v) }

// AppendRow is Row into memory that is there.
func (s *Struct[T]) AppendRow(row []any, v T) ([]any, error) {
	r := reflect.ValueOf(&v).Elem()
	for r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return row, fmt.Errorf("the row is a nil %v", reflect.TypeFor[T]())
		}
		r = r.Elem()
	}
	for i := range s.fields {
		f := &s.fields[i]
		at, err := r.FieldByIndexErr(f.index)
		if err != nil {
			row = append(row, nil)
			continue
		}
		value, err := f.get(at)
		if err != nil {
			return row, fmt.Errorf("column %q: %w", s.Columns[i].Name, err)
		}
		row = append(row, value)
	}
	return row, nil
}

// getterOf returns the quickest way to a value.
func getterOf(t reflect.Type) func(reflect.Value) (any, error) {
	if kindOf(t) == Text && t.Kind() == reflect.String && !saysItself(t) {
		return func(r reflect.Value) (any, error) { return r.String(), nil }
	}
	if !saysItself(t) {
		switch t.Kind() {
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			return func(r reflect.Value) (any, error) { return r.Int(), nil }
		case reflect.Float64:
			return func(r reflect.Value) (any, error) { return r.Float(), nil }
		}
	}
	return func(r reflect.Value) (any, error) { return Value(r.Interface()) }
}

func implements[I any](t reflect.Type) bool { return t.Implements(reflect.TypeFor[I]()) }

// saysItself reports whether values of a type say by a method what they are.
func saysItself(t reflect.Type) bool {
	return implements[driver.Valuer](t) || implements[encoding.TextMarshaler](t) || implements[json.Marshaler](t)
}

// known are the kinds of types that say themselves what they are, and of those that have a name for it.
var known = map[reflect.Type]Kind{
	reflect.TypeFor[time.Time](): Time, reflect.TypeFor[sql.NullTime](): Time,
	reflect.TypeFor[json.RawMessage](): JSON, reflect.TypeFor[json.Number](): DecimalKind, reflect.TypeFor[Decimal](): DecimalKind,
	reflect.TypeFor[sql.NullString](): Text, reflect.TypeFor[sql.NullBool](): Bool, reflect.TypeFor[sql.NullFloat64](): Float,
	reflect.TypeFor[sql.NullInt64](): Int, reflect.TypeFor[sql.NullInt32](): Int, reflect.TypeFor[sql.NullInt16](): Int,
	reflect.TypeFor[sql.NullByte](): Int, reflect.TypeFor[sql.RawBytes](): Bytes,
}

// kindOf is what Value makes of values of a type.
func kindOf(t reflect.Type) Kind {
	if kind, ok := known[t]; ok {
		return kind
	}
	if t.Kind() == reflect.Struct && t.PkgPath() == "database/sql" && strings.HasPrefix(t.Name(), "Null[") {
		return kindOf(t.Field(0).Type)
	}
	switch {
	case t.Kind() == reflect.Pointer:
		return kindOf(t.Elem())
	case implements[driver.Valuer](t):
		return Any
	case implements[encoding.TextMarshaler](t):
		return Text
	case implements[json.Marshaler](t):
		return JSON
	}
	switch t.Kind() {
	case reflect.Bool:
		return Bool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32,
		reflect.Uint64, reflect.Uintptr:
		return Int
	case reflect.Float32, reflect.Float64:
		return Float
	case reflect.String:
		return Text
	case reflect.Interface:
		return Any
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return Bytes
		}
	}
	return JSON
}
