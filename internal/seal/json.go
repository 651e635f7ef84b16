package seal

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Where JSON is wanted, a sealed text stands in an object of one name.
const (
	jsonHead = `{"offload:sealed":"`
	jsonTail = `"}`
)

// JSON returns the JSON in which a sealed text is kept where JSON is wanted.
func JSON(sealed string) []byte { return []byte(jsonHead + sealed + jsonTail) }

// JSONSize is how much longer JSON is than the text in it.
const JSONSize = len(jsonHead) + len(jsonTail)

// FromJSON returns the sealed text in a JSON value, and whether it has one: also where a database
// or a person has written the object otherwise.
func FromJSON(value []byte) (sealed string, ok bool) {
	if rest, cut := bytes.CutPrefix(value, []byte(jsonHead)); cut {
		if text, cut := bytes.CutSuffix(rest, []byte(jsonTail)); cut && !bytes.ContainsAny(text, `"\`) {
			return string(text), true
		}
	}
	if !bytes.Contains(value, []byte("offload:sealed")) || bytes.TrimSpace(value)[0] != '{' {
		return "", false
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil || len(object) != 1 {
		return "", false
	}
	return sealed, json.Unmarshal(object["offload:sealed"], &sealed) == nil && sealed != ""
}

// Where plain text is wanted, these words stand in front of it.
const textHead = "offload:sealed:"

// Text returns the text in which a sealed text is kept where no JSON is wanted.
func Text(sealed string) string { return textHead + sealed }

// TextSize is how much longer Text is than the text in it.
const TextSize = len(textHead)

// FromText returns the sealed text in a text, and whether it has one.
func FromText(text string) (sealed string, ok bool) { return strings.CutPrefix(text, textHead) }

// LooksSealed reports whether JSON is an encrypted text, of whatever version.
func LooksSealed(value []byte) bool {
	if !bytes.Contains(value[:min(len(value), 64)], []byte("offload:sealed")) {
		return false
	}
	_, ok := FromJSON(value)
	return ok
}
