package fields

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// Bounds of a schema. What is deeper may be anything, and of what is larger there is none.
const (
	schemaDepth = 8
	schemaNodes = 1000
)

// A node is a part of a JSON Schema, its members in one order.
type node struct {
	Type       any             `json:"type,omitempty"` // a name, or several
	Format     string          `json:"format,omitempty"`
	Minimum    *int            `json:"minimum,omitempty"`
	WriteOnly  bool            `json:"writeOnly,omitempty"`
	Items      *node           `json:"items,omitempty"`
	Additional *node           `json:"additionalProperties,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
}

// SchemaOf is the JSON Schema of a type as encoding/json reads it, or nil where the type does not tell: one that is
// an interface, or that reads its JSON itself. No member is required, since encoding/json requires none. A secret is
// writeOnly.
func SchemaOf(t reflect.Type) []byte {
	if t == nil {
		return nil
	}
	w := schemaWalk{above: map[reflect.Type]bool{}}
	n := w.of(t, 0)
	if n.Type == nil || w.nodes > schemaNodes {
		return nil
	}
	text, err := json.Marshal(n)
	if err != nil {
		return nil
	}
	return text
}

// A schemaWalk goes through a type, as far as the type tells.
type schemaWalk struct {
	above map[reflect.Type]bool // the structs that it is in
	nodes int
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
	numberType      = reflect.TypeFor[json.Number]()
)

func (w *schemaWalk) of(t reflect.Type, depth int) *node {
	w.nodes++
	switch {
	case depth > schemaDepth || w.nodes > schemaNodes:
		return &node{}
	case t == timeType:
		return &node{Type: "string", Format: "date-time"}
	case t == numberType:
		return &node{Type: "number"}
	case t.Kind() == reflect.Pointer:
		return orNull(w.of(t.Elem(), depth+1))
	case implements(t, unmarshaler) || implements(t, marshaler):
		return &node{}
	case implements(t, textUnmarshaler) || implements(t, textMarshaler):
		return &node{Type: "string"}
	}
	switch t.Kind() {
	case reflect.Bool:
		return &node{Type: "boolean"}
	case reflect.String:
		return &node{Type: "string"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &node{Type: "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return &node{Type: "integer", Minimum: new(int)}
	case reflect.Float32, reflect.Float64:
		return &node{Type: "number"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 && !implements(t.Elem(), marshaler) && !implements(t.Elem(), textMarshaler) {
			return orNull(&node{Type: "string", Format: "byte"})
		}
		return orNull(&node{Type: "array", Items: w.of(t.Elem(), depth+1)})
	case reflect.Array:
		return &node{Type: "array", Items: w.of(t.Elem(), depth+1)}
	case reflect.Map:
		return orNull(&node{Type: "object", Additional: w.of(t.Elem(), depth+1)})
	case reflect.Struct:
		return w.structOf(t, depth)
	}
	return &node{}
}

// structOf has the fields of a struct in their order.
func (w *schemaWalk) structOf(t reflect.Type, depth int) *node {
	if w.above[t] {
		return &node{}
	}
	w.above[t] = true
	defer delete(w.above, t)
	text := []byte{'{'}
	for _, f := range fieldsOf(t) {
		inner := w.of(f.of, depth+1)
		if quoted(f) {
			inner = &node{Type: "string"}
		}
		inner.WriteOnly = f.tag.Get(secretTag) != ""
		name, err := json.Marshal(f.name)
		value, err2 := json.Marshal(inner)
		if err != nil || err2 != nil {
			return &node{}
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(append(text, name...), ':'), value...)
	}
	return &node{Type: "object", Properties: append(text, '}')}
}

// quoted reports whether a number or the like is written as a string.
func quoted(f field) bool {
	_, options, _ := strings.Cut(f.tag.Get("json"), ",")
	for o := range strings.SplitSeq(options, ",") {
		if o == "string" {
			return true
		}
	}
	return false
}

func orNull(n *node) *node {
	if name, ok := n.Type.(string); ok {
		n.Type = []string{name, "null"}
	}
	return n
}
