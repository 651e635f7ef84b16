package fields

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Secrets are the fields of a type that are tagged offload:"secret", as paths into its JSON.
type Secrets []Secret

// A Secret is one of them. An empty name stands for each element of a list or a map.
type Secret struct {
	Path []string `json:"path"`
	Text bool     `json:"text,omitempty"` // it is a plain string
}

// Mask stands in place of a secret that is a string; null in place of any other.
const Mask = "•••"

var (
	maskJSON = []byte(`"` + Mask + `"`)
	nullJSON = []byte("null")
)

const secretTag = "offload"

// A BadTag is a field that can be no secret.
type BadTag struct {
	Field string // as Go names it: "Card.Number"
	Why   string // "is not exported"
}

// Error says which field, and why.
func (e *BadTag) Error() string { return e.Field + " " + e.Why }

// SecretsOf returns the secrets of a type, or a *BadTag.
func SecretsOf(t reflect.Type) (Secrets, error) {
	if t == nil {
		return nil, nil
	}
	w := secretWalk{above: map[reflect.Type]bool{}}
	if err := w.walk(t, nil, ""); err != nil {
		return nil, err
	}
	return w.found, nil
}

// A secretWalk goes through a type, as far as the type tells.
type secretWalk struct {
	found Secrets
	above map[reflect.Type]bool
}

func (w *secretWalk) walk(t reflect.Type, path []string, where string) error {
	switch t.Kind() {
	case reflect.Pointer:
		return w.walk(t.Elem(), path, where)
	case reflect.Slice, reflect.Array, reflect.Map:
		return w.walk(t.Elem(), append(slices.Clone(path), ""), where)
	case reflect.Struct:
		return w.walkStruct(t, path, where)
	}
	return nil
}

func (w *secretWalk) walkStruct(t reflect.Type, path []string, where string) error {
	if w.above[t] {
		if hasTag(t, map[reflect.Type]bool{}) {
			return &BadTag{nameOf(t, where), "lies in itself, so that its secrets have no place: tag the field that it lies in"}
		}
		return nil
	}
	w.above[t] = true
	defer delete(w.above, t)
	if where == "" {
		where = t.Name()
	}
	if err := checkTags(t, where); err != nil {
		return err
	}
	if implements(t, marshaler) || implements(t, textMarshaler) {
		if hasTag(t, map[reflect.Type]bool{}) {
			return &BadTag{nameOf(t, where), "writes its own JSON, in which its secrets can't be found: tag the field that it lies in"}
		}
		return nil
	}
	for _, f := range fieldsOf(t) {
		at := append(slices.Clone(path), f.name)
		if f.tag.Get(secretTag) != "" {
			w.found = append(w.found, Secret{at, isText(f)})
			continue
		}
		if err := w.walk(f.of, at, where+"."+f.name); err != nil {
			return err
		}
	}
	return nil
}

func nameOf(t reflect.Type, where string) string {
	if where == "" {
		return t.String()
	}
	return where
}

// checkTags refuses tags of a struct that mean nothing.
func checkTags(t reflect.Type, where string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup(secretTag)
		name := where + "." + f.Name
		jsonName, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !ok:
		case tag != "secret":
			return &BadTag{name, fmt.Sprintf(`has the tag offload:%q; "secret" is the only one there is`, tag)}
		case !f.IsExported():
			return &BadTag{name, "is secret and not exported: it is never stored"}
		case f.Tag.Get("json") == "-":
			return &BadTag{name, `is secret and left out of the JSON (json:"-"): it is never stored`}
		case f.Anonymous && jsonName == "":
			return &BadTag{name, "is secret and embedded: give it a name in the JSON, or tag its fields"}
		}
	}
	return nil
}

// hasTag reports whether a type has a secret somewhere.
func hasTag(t reflect.Type, seen map[reflect.Type]bool) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return false
	}
	seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get(secretTag) != "" || hasTag(f.Type, seen) {
			return true
		}
	}
	return false
}

// isText reports whether any string can be decoded into a field.
func isText(f field) bool {
	t := f.of
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	own := reflect.PointerTo(t)
	return t.Kind() == reflect.String && !own.Implements(reflect.TypeFor[json.Unmarshaler]()) &&
		!own.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) && !strings.Contains(f.tag.Get("json"), ",string")
}

// Meets reports whether a path leads to a secret, into one, or to something that has one in it.
func (s Secrets) Meets(path []string) bool {
	return slices.ContainsFunc(s, func(one Secret) bool {
		for i := range min(len(path), len(one.Path)) {
			if one.Path[i] != "" && !strings.EqualFold(one.Path[i], path[i]) {
				return false
			}
		}
		return true
	})
}

// A spot is a place in JSON, with the secrets in it.
type spot struct {
	secret, text bool
	in           []Secret // paths from here
}

func (s Secrets) root() spot { return spot{in: s} }

// at returns the place of a field, or with "" of an element. encoding/json takes names in upper
// and lower case alike, and so does this.
func (p spot) at(name string) (next spot) {
	for _, s := range p.in {
		if s.Path[0] != "" && !strings.EqualFold(s.Path[0], name) {
			continue
		}
		if len(s.Path) == 1 {
			next.secret, next.text = true, s.Text
			continue
		}
		next.in = append(next.in, Secret{s.Path[1:], s.Text})
	}
	return next
}

func (p spot) plain() bool { return !p.secret && len(p.in) == 0 }

// Hide returns JSON with masks in place of secrets. What is no JSON is a secret as a whole.
func (s Secrets) Hide(input []byte) []byte {
	if len(s) == 0 || len(input) == 0 {
		return input
	}
	if !json.Valid(input) {
		return maskJSON
	}
	return hide(nil, value(input), s.root())
}

func hide(b, v []byte, at spot) []byte {
	switch {
	case at.plain() || isNull(v):
		return append(b, v...)
	case at.secret && at.text:
		return append(b, maskJSON...)
	case at.secret:
		return append(b, nullJSON...)
	}
	return each(b, v, func(b []byte, name string, v []byte) []byte { return hide(b, v, at.at(name)) })
}

// each appends an object or a list with what f makes of its values. Anything else is not what was
// expected where secrets are: it is masked.
func each(b, v []byte, f func(b []byte, name string, v []byte) []byte) []byte {
	first := true
	comma := func() {
		if !first {
			b = append(b, ',')
		}
		first = false
	}
	switch v[0] {
	case '{':
		b = append(b, '{')
		members(v, func(quoted, value []byte) {
			comma()
			b = append(append(b, quoted...), ':')
			b = f(b, text(quoted), value)
		})
		return append(b, '}')
	case '[':
		b = append(b, '[')
		elements(v, func(value []byte) {
			comma()
			b = f(b, "", value)
		})
		return append(b, ']')
	}
	return append(b, maskJSON...)
}

// Restore returns JSON in which secrets that are masked are what they are in old.
func (s Secrets) Restore(input, old []byte) []byte {
	if len(s) == 0 || !json.Valid(input) || !json.Valid(old) {
		return input
	}
	return restore(nil, value(input), value(old), s.root())
}

func restore(b, v, old []byte, at spot) []byte {
	switch {
	case at.plain() || isNull(old):
		return append(b, v...)
	case at.secret && (bytes.Equal(v, maskJSON) || isNull(v) && !at.text):
		return append(b, old...)
	case at.secret || v[0] != '{' && v[0] != '[':
		return append(b, v...)
	}
	n := 0
	return each(b, v, func(b []byte, name string, v []byte) []byte {
		var was []byte
		i := 0
		members(old, func(quoted, value []byte) {
			if strings.EqualFold(text(quoted), name) {
				was = value
			}
		})
		if old[0] == '[' {
			elements(old, func(value []byte) {
				if i == n {
					was = value
				}
				i++
			})
		}
		n++
		return restore(b, v, was, at.at(name))
	})
}

// Masked reports whether JSON has a mask in place of a secret.
func (s Secrets) Masked(input []byte) (masked bool) {
	if len(s) == 0 || !json.Valid(input) {
		return false
	}
	s.visit(value(input), s.root(), func(v []byte) { masked = masked || bytes.Equal(v, maskJSON) })
	return masked
}

// Words returns what the secrets of JSON say: their texts and numbers, as far as they have at
// least so many bytes.
func (s Secrets) Words(input []byte, least int) (words []string) {
	if len(s) == 0 || !json.Valid(input) {
		return nil
	}
	s.visit(value(input), s.root(), func(v []byte) { words = leaves(words, v) })
	return slices.DeleteFunc(words, func(w string) bool { return len(w) < least })
}

func (s Secrets) visit(v []byte, at spot, f func(v []byte)) {
	switch {
	case at.plain() || isNull(v):
	case at.secret || v[0] != '{' && v[0] != '[':
		f(v)
	default:
		each(nil, v, func(b []byte, name string, v []byte) []byte {
			s.visit(v, at.at(name), f)
			return b
		})
	}
}

// leaves appends the texts and numbers in a value.
func leaves(words []string, v []byte) []string {
	switch {
	case isNull(v) || v[0] == 't' || v[0] == 'f':
		return words
	case v[0] == '"':
		return append(words, text(v))
	case v[0] != '{' && v[0] != '[':
		return append(words, string(v))
	}
	each(nil, v, func(b []byte, _ string, v []byte) []byte {
		words = leaves(words, v)
		return b
	})
	return words
}
