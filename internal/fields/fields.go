// Package fields makes keys of the fields of an input: "tenant", "order.id, kind".
//
// The fields are named as the JSON of the input names them, so that a key is the same whoever
// enqueues: a Go program with the type, a command, a program in another language. So is its
// text: however a number or an object was written, equal values have one key.
package fields

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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

// An Input is an input that was decoded once for all its keys.
type Input struct{ value any }

// Decode reads an input. Numbers stay as they were written.
func Decode(input []byte) (Input, error) {
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var in Input
	if err := d.Decode(&in.value); err != nil {
		return in, err
	}
	if _, err := d.Token(); err != io.EOF {
		return in, fmt.Errorf("more than one JSON value")
	}
	return in, nil
}

// Canonical is the one text that equal inputs have: names in order, no space, numbers as
// number writes them.
func (in Input) Canonical() []byte { return appendValue(nil, in.value) }

// Key returns the text of the fields, and whether the input has any of them. One that is null
// is as good as missing. The text of a single field is that of its value: a string as it is,
// "" if it is missing; several are a JSON array.
func (in Input) Key(paths Paths) (key string, found bool) {
	values := make([]any, len(paths))
	for i, path := range paths {
		values[i] = in.at(path)
		found = found || values[i] != nil
	}
	switch {
	case !found:
		return "", false
	case len(values) > 1:
		return string(appendValue(nil, values)), true
	}
	if text, ok := values[0].(string); ok {
		return text, true
	}
	return string(appendValue(nil, values[0])), true
}

func (in Input) at(path []string) any {
	value := in.value
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}
