package form

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// A member of an object.
type member struct {
	name  string
	value json.RawMessage
}

// members are those of an object in their order; false if it is none, or has two of one name.
func members(raw []byte) (all []member, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	seen := map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, false
		}
		text, isText := name.(string)
		var value json.RawMessage
		if !isText || seen[text] || strings.ContainsRune(text, '\uFFFD') || dec.Decode(&value) != nil {
			return nil, false
		}
		seen[text] = true
		all = append(all, member{text, compact(value)})
	}
	_, err := dec.Token()
	return all, err == nil
}

// indexOf finds a member as encoding/json does: by its name, or else by one that differs in case only.
func indexOf(all []member, name string) int {
	if i := slices.IndexFunc(all, func(m member) bool { return m.name == name }); i >= 0 {
		return i
	}
	return slices.IndexFunc(all, func(m member) bool { return strings.EqualFold(m.name, name) })
}

// object is JSON of members.
func object(all []member) json.RawMessage {
	b := []byte{'{'}
	for i, m := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, quote(m.name)...), ':'), m.value...)
	}
	return append(b, '}')
}

// quote is a text as JSON, with < and & as they are.
func quote(text string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(text) != nil {
		return json.RawMessage(`""`)
	}
	return bytes.TrimSpace(b.Bytes())
}

func compact(raw []byte) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return nil
	}
	return b.Bytes()
}

func isNumber(text string) bool {
	return text != "" && strings.ContainsRune("-0123456789", rune(text[0])) && json.Valid([]byte(text)) && strings.TrimSpace(text) == text
}

var (
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

func escape(name string) string   { return escaper.Replace(name) }
func unescape(name string) string { return unescaper.Replace(name) }
