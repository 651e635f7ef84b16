package offloadtest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// written returns a value as text, a line for each thing in it: as it is now, whatever becomes of it later. Two
// values with the same text are the same, as far as anybody could tell; functions and channels
// are told apart by being nil.
func written(v any) string {
	w := &writer{}
	w.value(reflect.ValueOf(v), "")
	return w.b.String()
}

type writer struct {
	b     strings.Builder
	above []uintptr // pointers that we are within
}

func (w *writer) line(indent, format string, args ...any) {
	fmt.Fprintf(&w.b, "%s"+format+"\n", append([]any{indent}, args...)...)
}

var timeType = reflect.TypeFor[time.Time]()

// value writes a value at an indent.
func (w *writer) value(v reflect.Value, indent string) {
	if !v.IsValid() {
		w.line(indent, "nil")
		return
	}
	if v.Type() == timeType && v.CanInterface() {
		w.line(indent, "%s", v.Interface().(time.Time).UTC().Format(time.RFC3339Nano))
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() {
			w.line(indent, "%s nil", v.Type())
			return
		}
		if p := v.Pointer(); v.Kind() != reflect.Slice || v.Len() > 0 {
			if slices.Contains(w.above, p) && v.Kind() != reflect.Slice {
				w.line(indent, "%s, as above", v.Type())
				return
			}
			w.above = append(w.above, p)
			defer func() { w.above = w.above[:len(w.above)-1] }()
		}
	}
	w.inner(v, indent)
}

func (w *writer) inner(v reflect.Value, indent string) {
	more := indent + "  "
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		w.value(v.Elem(), indent)
	case reflect.Struct:
		w.line(indent, "%s:", v.Type())
		for i := range v.NumField() {
			w.line(more, "%s", v.Type().Field(i).Name)
			w.value(v.Field(i), more+"  ")
		}
	case reflect.Map:
		w.line(indent, "%s of %d:", v.Type(), v.Len())
		w.entries(v, more)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			w.line(indent, "%s %q", v.Type(), v.Bytes())
			return
		}
		w.line(indent, "%s of %d:", v.Type(), v.Len())
		for i := range v.Len() {
			w.value(v.Index(i), more)
		}
	case reflect.String:
		w.line(indent, "%q", v.String())
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		w.line(indent, "%s, nil: %v", v.Type(), v.IsNil())
	default:
		w.line(indent, "%v", v) // fmt prints what a reflect.Value holds
	}
}

// entries writes the entries of a map in an order that depends on nothing but them.
func (w *writer) entries(m reflect.Value, indent string) {
	type entry struct{ key, value string }
	var all []entry
	for iter := m.MapRange(); iter.Next(); {
		key, value := &writer{above: w.above}, &writer{above: w.above}
		key.value(iter.Key(), indent)
		value.value(iter.Value(), indent+"  ")
		all = append(all, entry{key.b.String(), value.b.String()})
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.value, b.value)) })
	for _, e := range all {
		w.b.WriteString(e.key + e.value)
	}
}
