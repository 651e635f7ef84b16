// Package fields makes keys of the fields of an input: "tenant", "order.id, kind"; and knows which of
// them are secret.
//
// The fields are named as the JSON of the input names them, so that a key is the same whoever
// enqueues: a Go program with the type, a command, a program in another language. So is its
// text: however a number or an object was written, equal values have one key.
//
// Keys are made for each job that has any, so that they are read from the text as it is,
// without decoding what is beside them.
package fields

import (
	"fmt"
	"strconv"
	"strings"
)

// Paths lead to fields of an input. Each is a list of names; one without names is the input
// itself.
type Paths [][]string

// Parse reads a list of paths: names of fields, with dots between those that lie in each
// other, and commas between several; "." is the input itself.
func Parse(by string) (Paths, error) {
	var paths Paths
	for one := range strings.SplitSeq(by, ",") {
		one = strings.TrimSpace(one)
		if one == "." {
			paths = append(paths, nil)
			continue
		}
		path := strings.Split(one, ".")
		for _, name := range path {
			if name == "" || name != strings.TrimSpace(name) {
				return nil, fmt.Errorf("%q is no field", one)
			}
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// String writes the paths as Parse reads them, always the same way. What has a = or " in it is quoted,
// so that no two paths followed by = and a key are one text.
func (p Paths) String() string {
	names := make([]string, len(p))
	for i, path := range p {
		names[i] = "."
		if len(path) > 0 {
			names[i] = strings.Join(path, ".")
		}
	}
	all := strings.Join(names, ",")
	if strings.ContainsAny(all, `="`) {
		return strconv.Quote(all)
	}
	return all
}

// Key returns the text of the fields of an input, which must be valid JSON, and whether it has
// any of them. One that is null is as good as missing. The text of a single field is that of
// its value: a string as it is, "" if it is missing; several are a JSON array.
func (p Paths) Key(input []byte) (key string, found bool) {
	if len(p) == 1 {
		v := at(input, p[0])
		if isNull(v) {
			return "", false
		}
		if v[0] == '"' {
			return text(v), true
		}
		return string(appendCanonical(nil, v, 0)), true
	}
	b := []byte{'['}
	for i, path := range p {
		if i > 0 {
			b = append(b, ',')
		}
		v := at(input, path)
		found = found || !isNull(v)
		b = appendCanonical(b, v, 1)
	}
	if !found {
		return "", false
	}
	return string(append(b, ']')), true
}

// Canonical is the one text that equal inputs have: names in order, no space, numbers as
// number writes them. The input must be valid JSON.
func Canonical(input []byte) []byte {
	return appendCanonical(make([]byte, 0, len(input)), value(input), 0)
}

// at returns the value that a path leads to, nil if there is none.
func at(input []byte, path []string) []byte {
	v := value(input)
	for _, name := range path {
		var next []byte
		members(v, func(quoted, value []byte) {
			if string(quoted[1:len(quoted)-1]) == name || !plain(quoted) && text(quoted) == name {
				next = value // of several of a name, the last
			}
		})
		v = next
	}
	return v
}
