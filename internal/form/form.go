// Package form makes a form of a JSON Schema and a value, and JSON of what was typed into it.
//
// What is not touched stays byte for byte as it was: members that the schema does not know, the order of members, and
// values that no field of a form can show faithfully, which are shown as JSON. So a form that is sent as it was shown
// is the value that it was made of.
package form

import (
	"encoding/json"
	"strings"
)

// Kinds of fields.
const (
	Text     = "text"      // one line
	Long     = "long"      // lines
	Lines    = "lines"     // a list, an element each line
	Secret   = "secret"    // a text that is not shown
	Number   = "number"    // as JSON writes it
	Check    = "check"     // true or false
	Choice   = "choice"    // one of some values
	DateTime = "date-time" // RFC 3339
	JSON     = "json"      // anything else
	Group    = "group"     // fields of an object
)

// A Field is a field of a form, or a group of them.
type Field struct {
	Name     string // in the form: a JSON pointer, "/deep/names"
	Path     string // as errors name it: "input.deep.names"
	Label    string
	Hint     string
	Kind     string
	Value    string // what it shows
	Checked  bool   // of Check
	Choices  []Option
	Required bool
	Fields   []*Field // of Group
	Wrong    string   // what is wrong with what was typed; "" is nothing

	old     json.RawMessage // nil if it was not there
	integer bool
	nulls   bool // null is allowed
	key     string
}

// An Option is one value of a Choice.
type Option struct {
	Value  string // compact JSON; "" is none
	Label  string
	Chosen bool
}

// A Form is a form of one value.
type Form struct {
	root *Field
}

// Bounds: what is beyond them is shown as JSON.
const (
	maxSchema = 1 << 16 // bytes
	maxDepth  = 6
	maxFields = 200
)

// New makes a form for values of a schema that shows one of them, or none yet. It returns nil where a form would say no more than
// JSON does: the schema or the value is none that a form can show.
func New(schema, value []byte) *Form {
	if len(schema) == 0 || len(schema) > maxSchema {
		return nil
	}
	var old json.RawMessage
	if len(value) > 0 {
		if old = compact(value); old == nil {
			return nil
		}
	}
	b := builder{root: schema}
	root := b.field(schema, &Field{Name: "/", Path: "input", Label: "Input", Required: true, old: old}, 0)
	if root.Kind == JSON {
		return nil
	}
	return &Form{root}
}

// Fields are the fields of a form, in the order of the schema.
func (f *Form) Fields() []*Field {
	if f.root.Kind == Group {
		return f.root.Fields
	}
	return []*Field{f.root}
}

// Mark marks the field that an error names, by its path as "input.deep.names", and reports whether there is one.
func (f *Form) Mark(path, wrong string) bool {
	at := f.root.find(path)
	if at == nil || at.Kind == Group {
		return false
	}
	at.Wrong = wrong
	return true
}

func (f *Field) find(path string) *Field {
	if strings.EqualFold(f.Path, path) {
		return f
	}
	for _, inner := range f.Fields {
		if at := inner.find(path); at != nil {
			return at
		}
	}
	// What is wrong within a list or JSON is said beside it.
	if f.Kind != Group && len(path) > len(f.Path) && strings.EqualFold(path[:len(f.Path)], f.Path) && path[len(f.Path)] == '.' {
		return f
	}
	return nil
}
