package fields

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// An Unknown is a path that leads nowhere in a type.
type Unknown struct {
	Path []string // up to the name that there is not
	Has  []string // the names that there are instead; none where the value has no fields
}

// Check returns the first path that cannot lead to a field of a type. What a type does not
// tell, since it is a map or an interface or writes its JSON itself, is taken to be right.
func (p Paths) Check(t reflect.Type) *Unknown {
	for _, path := range p {
		if unknown := check(t, path); unknown != nil {
			return unknown
		}
	}
	return nil
}

func check(t reflect.Type, path []string) *Unknown {
	for i, name := range path {
		for t.Kind() == reflect.Pointer && !implements(t, marshaler) {
			t = t.Elem()
		}
		switch {
		case implements(t, marshaler) || t.Kind() == reflect.Interface:
			return nil
		case implements(t, textMarshaler): // a string
			return &Unknown{Path: path[:i+1]}
		}
		switch t.Kind() {
		case reflect.Map:
			t = t.Elem()
		case reflect.Struct:
			fields := fieldsOf(t)
			at := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
			if at < 0 {
				unknown := &Unknown{Path: path[:i+1]}
				for _, f := range fields {
					unknown.Has = append(unknown.Has, f.name)
				}
				return unknown
			}
			t = fields[at].of
		default:
			return &Unknown{Path: path[:i+1]}
		}
	}
	return nil
}

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

func implements(t, what reflect.Type) bool {
	return t.Implements(what) || t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(what)
}

// A field is one that encoding/json writes.
type field struct {
	name   string
	of     reflect.Type
	depth  int  // how many embedded structs it lies in
	tagged bool // its name is from its tag
	tag    reflect.StructTag
}

// fieldsOf returns the fields of a struct as encoding/json sees them: those of embedded structs
// as its own, of one name the least deep, there the tagged one, and of several such none.
func fieldsOf(t reflect.Type) []field {
	all := gather(nil, t, 0, map[reflect.Type]bool{})
	var order []string
	best := map[string][]field{}
	for _, f := range all {
		if best[f.name] == nil {
			order = append(order, f.name)
		}
		best[f.name] = append(best[f.name], f)
	}
	var fields []field
	for _, name := range order {
		same := best[name]
		slices.SortStableFunc(same, compare)
		if len(same) == 1 || compare(same[0], same[1]) < 0 {
			fields = append(fields, same[0])
		}
	}
	return fields
}

// compare puts the field first that wins over another of its name.
func compare(a, b field) int {
	if n := cmp.Compare(a.depth, b.depth); n != 0 || a.tagged == b.tagged {
		return n
	}
	if a.tagged {
		return -1
	}
	return 1
}

// gather appends the fields of a struct and those of the structs embedded in it. above are the
// structs that it lies in itself.
func gather(all []field, t reflect.Type, depth int, above map[reflect.Type]bool) []field {
	if above[t] {
		return all // what is deeper loses to what is there
	}
	above[t] = true
	defer delete(above, t)
	for i := range t.NumField() {
		f := t.Field(i)
		of := f.Type
		if of.Kind() == reflect.Pointer && of.Name() == "" {
			of = of.Elem()
		}
		tag := f.Tag.Get("json")
		if tag == "-" || !f.IsExported() && (!f.Anonymous || of.Kind() != reflect.Struct) {
			continue
		}
		name, _, _ := strings.Cut(tag, ",")
		if !valid(name) {
			name = ""
		}
		if name == "" && f.Anonymous && of.Kind() == reflect.Struct {
			all = gather(all, of, depth+1, above)
			continue
		}
		all = append(all, field{name: cmp.Or(name, f.Name), of: f.Type, depth: depth, tagged: name != "", tag: f.Tag})
	}
	return all
}

// valid reports whether encoding/json takes a tag's name.
func valid(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}
