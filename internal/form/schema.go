package form

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// schema is what a form reads of a JSON Schema.
type schema struct {
	Ref         string            `json:"$ref"`
	Type        types             `json:"type"`
	Title       text              `json:"title"`
	Description text              `json:"description"`
	Format      text              `json:"format"`
	Enum        []json.RawMessage `json:"enum"`
	Properties  json.RawMessage   `json:"properties"`
	Required    names             `json:"required"`
	Items       json.RawMessage   `json:"items"`
	AnyOf       []json.RawMessage `json:"anyOf"`
	OneOf       []json.RawMessage `json:"oneOf"`
	AllOf       []json.RawMessage `json:"allOf"`
	WriteOnly   any               `json:"writeOnly"`
	Minimum     json.RawMessage   `json:"minimum"`
	Maximum     json.RawMessage   `json:"maximum"`
	Default     json.RawMessage   `json:"default"`
}

// A part of a schema that is not as it should be is passed over, not an error: types, text and names read what they can.
type (
	types []string
	text  string
	names []string
)

func (t *types) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = types{one}
		return nil
	}
	_ = json.Unmarshal(b, (*[]string)(t))
	return nil
}

func (t *text) UnmarshalJSON(b []byte) error {
	_ = json.Unmarshal(b, (*string)(t))
	return nil
}

func (n *names) UnmarshalJSON(b []byte) error {
	_ = json.Unmarshal(b, (*[]string)(n))
	return nil
}

// A builder makes fields of a schema.
type builder struct {
	root  []byte // of which $refs are parts
	count int
}

// field fills in a field by its schema; its name, label and old value are there.
func (b *builder) field(raw []byte, f *Field, depth int) *Field {
	s, nulls, ok := b.read(raw, 0)
	f.Hint, f.nulls = string(s.Description), nulls
	if s.Title != "" && f.key != "" {
		f.Label = string(s.Title)
	}
	b.count++
	if !ok || depth > maxDepth || b.count > maxFields || !b.fill(s, f, depth) {
		f.asJSON()
	}
	if usual := compact(s.Default); len(usual) > 0 && len(usual) < 100 && f.Kind != Group {
		f.Hint = join(f.Hint, "Usual is "+string(usual)+".")
	}
	return f
}

// fill fills in what is of a field's kind, and reports whether there is one that shows its old value as it is.
func (b *builder) fill(s schema, f *Field, depth int) bool {
	kind := ""
	if len(s.Type) == 1 {
		kind = s.Type[0]
	}
	empty := f.old == nil || f.nulls && string(f.old) == "null"
	switch {
	case len(s.Enum) > 0 && len(s.Enum) <= maxFields:
		return f.asChoice(s.Enum)
	case kind == "object" && len(s.Properties) > 0:
		return b.asGroup(s, f, depth)
	case kind == "boolean":
		f.Kind, f.Checked = Check, string(f.old) == "true"
		// An empty box says false: where there may be null, or nothing that is not false, it would say too much.
		return !f.nulls && (f.old == nil || string(f.old) == "true" || string(f.old) == "false")
	case kind == "integer" || kind == "number":
		f.Kind, f.integer = Number, kind == "integer"
		f.Hint = join(f.Hint, bounds(s))
		if !empty {
			f.Value = string(f.old)
		}
		return empty || isNumber(f.Value)
	case kind == "array":
		items, nulls, ok := b.read(s.Items, 0)
		if !ok || nulls || len(items.Type) != 1 || items.Type[0] != "string" || len(items.Enum) > 0 || s.WriteOnly == true || items.WriteOnly == true {
			return false
		}
		f.Kind = Lines
		f.Hint = join(f.Hint, "A line each.")
		return empty || f.showLines()
	case kind == "string":
		return f.asText(s, empty)
	}
	return false
}

func (f *Field) asJSON() {
	*f = Field{Name: f.Name, Path: f.Path, Label: f.Label, Hint: join(f.Hint, "JSON."), Kind: JSON, Required: f.Required, old: f.old, key: f.key, nulls: f.nulls}
	var b bytes.Buffer
	if f.old != nil && json.Indent(&b, f.old, "", "  ") == nil {
		f.Value = b.String()
	}
}

func (f *Field) asChoice(values []json.RawMessage) bool {
	f.Kind = Choice
	old := string(f.old)
	chosen := false
	for _, v := range values {
		v = compact(v)
		o := Option{Value: string(v), Label: string(v), Chosen: !chosen && old == string(v)}
		if said, ok := plain(v, false); ok && said != "" {
			o.Label = said
		}
		chosen = chosen || o.Chosen
		f.Choices = append(f.Choices, o)
	}
	switch {
	case f.old == nil:
		f.Choices = slices.Insert(f.Choices, 0, Option{Label: "–", Chosen: true})
	case !chosen:
		return false
	case !f.Required:
		f.Choices = slices.Insert(f.Choices, 0, Option{Label: "–"})
	}
	return true
}

func (f *Field) asText(s schema, empty bool) bool {
	f.Kind = Text
	switch {
	case s.WriteOnly == true || s.Format == "password":
		f.Kind = Secret
	case s.Format == "date-time":
		f.Kind = DateTime
		f.Hint = join(f.Hint, "As 2026-05-01T03:00:00Z.")
	}
	if empty {
		return true
	}
	var ok bool
	if f.Value, ok = plain(f.old, true); !ok {
		return false
	}
	if strings.Contains(f.Value, "\n") {
		if f.Kind == Secret {
			return false
		}
		f.Kind = Long
	}
	return true
}

func (f *Field) showLines() bool {
	var all []json.RawMessage
	if json.Unmarshal(f.old, &all) != nil || string(f.old) == "null" {
		return false
	}
	lines := make([]string, len(all))
	for i, v := range all {
		line, ok := plain(v, false)
		if !ok || line == "" {
			return false
		}
		lines[i] = line
	}
	f.Value = strings.Join(lines, "\n")
	return true
}

// asGroup makes a field for each property.
func (b *builder) asGroup(s schema, f *Field, depth int) bool {
	properties, ok := members(s.Properties)
	if !ok || len(properties) == 0 || b.count+len(properties) > maxFields || s.WriteOnly == true {
		return false
	}
	var old []member
	if f.old != nil && !(f.nulls && string(f.old) == "null") {
		if old, ok = members(f.old); !ok {
			return false
		}
	}
	f.Kind = Group
	for _, p := range properties {
		inner := &Field{
			Name: strings.TrimSuffix(f.Name, "/") + "/" + escape(p.name), Path: f.Path + "." + p.name, Label: p.name, key: p.name,
			Required: slices.Contains(s.Required, p.name),
		}
		if inner.Label == "" {
			inner.Label = `""`
		}
		if i := indexOf(old, p.name); i >= 0 {
			inner.key, inner.old = old[i].name, old[i].value
		}
		f.Fields = append(f.Fields, b.field(p.value, inner, depth+1))
	}
	return true
}

// read reads a schema, or the part of the whole that it refers to. Null as one of two types or alternatives is told apart.
func (b *builder) read(raw []byte, depth int) (s schema, nulls, ok bool) {
	if len(raw) == 0 || depth > maxDepth || json.Unmarshal(raw, &s) != nil || raw[0] != '{' && !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return schema{}, false, false
	}
	of := func(raw []byte, orNull bool) (schema, bool, bool) {
		inner, nulls, ok := b.read(raw, depth+1)
		if s.Title != "" {
			inner.Title = s.Title
		}
		if s.Description != "" {
			inner.Description = s.Description
		}
		if s.WriteOnly == true {
			inner.WriteOnly = true
		}
		return inner, nulls || orNull, ok
	}
	either := s.AnyOf
	if len(either) == 0 {
		either = s.OneOf
	}
	switch {
	case s.Ref != "":
		return of(b.part(s.Ref), false)
	case len(s.AllOf) == 1 && len(s.Type) == 0:
		return of(s.AllOf[0], false)
	case len(s.AllOf) > 0:
		return s, false, false
	case len(either) == 2 && isNullSchema(either[1]):
		return of(either[0], true)
	case len(either) == 2 && isNullSchema(either[0]):
		return of(either[1], true)
	case len(either) > 0:
		return s, false, false
	}
	if i := slices.Index(s.Type, "null"); i >= 0 && len(s.Type) > 1 {
		s.Type, nulls = slices.Delete(s.Type, i, i+1), true
	}
	return s, nulls, true
}

// part is the part of the whole schema at a reference: "#/$defs/Address".
func (b *builder) part(ref string) []byte {
	path, ours := strings.CutPrefix(ref, "#")
	if !ours {
		return nil
	}
	at := b.root
	for i, name := range strings.Split(path, "/") {
		if i == 0 {
			if name != "" {
				return nil
			}
			continue
		}
		var inner map[string]json.RawMessage
		if json.Unmarshal(at, &inner) != nil {
			return nil
		}
		at = inner[unescape(name)]
	}
	return at
}

func isNullSchema(raw []byte) bool {
	var s schema
	return json.Unmarshal(raw, &s) == nil && len(s.Type) == 1 && s.Type[0] == "null"
}

func bounds(s schema) string {
	low, high := "", ""
	if isNumber(string(s.Minimum)) {
		low = string(s.Minimum)
	}
	if isNumber(string(s.Maximum)) {
		high = string(s.Maximum)
	}
	switch {
	case low != "" && high != "":
		return fmt.Sprintf("%s to %s.", low, high)
	case low != "":
		return low + " or more."
	case high != "":
		return high + " or less."
	}
	return ""
}

func join(texts ...string) string {
	return strings.TrimSpace(strings.Join(texts, " "))
}

// plain is the text of a JSON string that a browser shows and sends back as it is.
func plain(raw []byte, lines bool) (said string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &said) != nil {
		return "", false
	}
	for _, c := range said {
		if c == unicode.ReplacementChar || unicode.IsControl(c) && !(lines && c == '\n') {
			return "", false
		}
	}
	return said, true
}
