package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A Match is what an input must say.
type Match struct {
	Path  string `json:"path,omitempty"` // names of fields with dots between; "" is text anywhere in the input
	Value string `json:"value"`
}

// A Search is a Find that looks into inputs, or goes by due time, and stops when its time is over.
type Search struct {
	Filter
	Budget time.Duration // 0 is none

	// Show returns the input of a job as the one who asks may see it, nil if he may not: what
	// Filter.Input matches. If Show is nil that is the input as it is stored. It must not call the store.
	Show func(*Job) []byte
}

// Shown is the input that Filter.Input matches, nil if there is none.
func (s *Search) Shown(j *Job) []byte {
	if s.Show == nil {
		return j.Input
	}
	return s.Show(j)
}

// Found is what a Search has found.
type Found struct {
	Jobs    []Job
	Reached Cursor // up to where it has looked; the zero Cursor when there is nothing more
}

// A Cursor is a place in a listing: behind a job of this id, and with Filter.Soonest, this time.
type Cursor struct {
	At time.Time
	ID ID
}

// IsZero reports whether it is the beginning.
func (c Cursor) IsZero() bool { return c.ID.IsZero() && c.At.IsZero() }

// String writes the cursor as ParseCursor reads it.
func (c Cursor) String() string {
	switch {
	case c.IsZero():
		return ""
	case c.At.IsZero():
		return c.ID.String()
	}
	return strconv.FormatInt(c.At.UnixMicro(), 10) + "." + c.ID.String()
}

var errCursor = errors.New("it is not one that a listing gave")

// ParseCursor reads what String has written.
func ParseCursor(text string) (c Cursor, err error) {
	if text == "" {
		return Cursor{}, nil
	}
	at, id, timed := strings.Cut(text, ".")
	if !timed {
		id = at
	}
	if c.ID, err = ParseID(id); err != nil {
		return Cursor{}, fmt.Errorf("cursor %q: %w", text, errCursor)
	}
	if timed {
		micros, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return Cursor{}, fmt.Errorf("cursor %q: %w", text, errCursor)
		}
		c.At = time.UnixMicro(micros).UTC()
	}
	return c, nil
}

// MarshalText is that of encoding.TextMarshaler.
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is that of encoding.TextUnmarshaler.
func (c *Cursor) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCursor(string(text))
	return err
}

// Searches reports whether the filter asks for what Search alone does.
func (f *Filter) Searches() bool { return len(f.Input) > 0 || f.Soonest || !f.After.IsZero() }

// MatchAll reports whether an input, which must be JSON, says all that is wanted.
func MatchAll(input []byte, all []Match) bool {
	for _, m := range all {
		if !m.in(input) {
			return false
		}
	}
	return true
}

func (m Match) in(input []byte) bool {
	switch {
	case len(input) == 0:
		return false
	case m.Path != "":
		return m.at(input, strings.Split(m.Path, "."), 0)
	case strings.Contains(lower(string(input)), lower(m.Value)):
		return true
	}
	return bytes.IndexByte(input, '\\') >= 0 && strings.Contains(lower(unescaped(input)), lower(m.Value))
}

// matchDepth is how many lists in each other are looked into.
const matchDepth = 16

// at reports whether the value at a path is, or prints as, what is wanted. A list is what any of
// its elements is.
func (m Match) at(value []byte, path []string, depth int) bool {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || depth > matchDepth {
		return false
	}
	if value[0] == '[' {
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			return false
		}
		for _, v := range list {
			if m.at(v, path, depth+1) {
				return true
			}
		}
		return len(path) == 0 && m.prints(value)
	}
	if len(path) == 0 {
		return m.prints(value)
	}
	var object map[string]json.RawMessage
	if value[0] != '{' || json.Unmarshal(value, &object) != nil {
		return false
	}
	return m.at(object[path[0]], path[1:], depth)
}

// prints reports whether a value is written as is wanted.
func (m Match) prints(value []byte) bool {
	if value[0] == '"' {
		var text string
		return json.Unmarshal(value, &text) == nil && text == m.Value
	}
	var b bytes.Buffer
	return json.Compact(&b, value) == nil && b.String() == m.Value
}

// unescaped is an input with as few characters escaped as can be.
func unescaped(input []byte) string {
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var value any
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if d.Decode(&value) != nil || e.Encode(value) != nil {
		return ""
	}
	return b.String()
}

// lower takes the case out of a text. Two letters stay that would become ASCII: a Needle finds
// what databases make lower case of, who do so for ASCII alone.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 'İ' || r == '\u212a' { // the Kelvin sign
			return r
		}
		return unicode.ToLower(r)
	}, text)
}

// Needle returns text that the stored input of each job that matches has in it, unless it has some
// character escaped as \u00…; "" if there is none of use. It is in lower case, as the input is then to be, unless
// exact is set. So a store passes over what can't match.
func Needle(all []Match) (needle string, exact bool) {
	for _, m := range all {
		for run := range strings.FieldsFuncSeq(m.Value, func(r rune) bool { return !plainRune(r) }) {
			if m.Path == "" {
				run = lower(run)
			}
			// What is secret is shown as null.
			if len(run) > len(needle) && !strings.Contains("null", lower(run)) {
				needle, exact = run, m.Path != ""
			}
		}
	}
	return needle, exact
}

// plainRune reports whether JSON has a character as it is.
func plainRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-.@", r)
}
