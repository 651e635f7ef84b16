package form

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A WrongError says which field was refused, and what would be accepted.
type WrongError struct {
	Path string // "input.deep.names"
	Got  string
	Want string
}

func (e *WrongError) Error() string { return fmt.Sprintf("%s: %q, want %s", e.Path, e.Got, e.Want) }

// Read returns the value that was typed. Fields that were not sent stay as they were. The form shows from then on what
// was typed, and what is wrong with it; the first that is wrong is the error, a *WrongError.
func (f *Form) Read(sent url.Values) (json.RawMessage, error) {
	r := reader{sent: sent}
	value, _ := r.read(f.root)
	if r.err != nil {
		return nil, r.err
	}
	return value, nil
}

type reader struct {
	sent url.Values
	err  error
}

// refuse keeps what is wrong with a field.
func (r *reader) refuse(f *Field, want string) {
	f.Wrong = "Want " + want + "."
	if r.err == nil {
		got := f.Value
		if f.Kind == Secret {
			got = "a secret"
		}
		r.err = &WrongError{f.Path, got, want}
	}
}

// read returns the value of a field, nil if it has none, and whether something was typed into it.
func (r *reader) read(f *Field) (value json.RawMessage, typed bool) {
	if f.Kind == Group {
		return r.readGroup(f)
	}
	sent, there := r.sent[f.Name]
	if !there {
		return f.old, false
	}
	if f.Kind == Check {
		return readCheck(f, slices.Contains(sent, "on"))
	}
	text := ""
	if len(sent) > 0 {
		text = strings.ReplaceAll(sent[0], "\r\n", "\n")
	}
	if f.Kind == Choice {
		return r.readChoice(f, text)
	}
	if text == f.Value && (text != "" || f.old != nil) {
		return f.old, false
	}
	f.Value = text
	if text == "" {
		return r.empty(f), f.old != nil
	}
	switch f.Kind {
	case Number:
		return r.readNumber(f, strings.TrimSpace(text)), true
	case DateTime:
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			r.refuse(f, "a time, as 2026-05-01T03:00:00Z")
			return nil, true
		}
	case Lines:
		return readLines(text), true
	case JSON:
		raw := compact([]byte(text))
		if raw == nil {
			r.refuse(f, "JSON")
		}
		return raw, true
	}
	return quote(text), true
}

// empty is what a field means that is left empty, or was emptied.
func (r *reader) empty(f *Field) json.RawMessage {
	switch {
	case f.old == nil && !f.Required:
		return nil
	case f.nulls:
		return json.RawMessage("null")
	case f.Kind == Text || f.Kind == Long || f.Kind == Secret:
		return json.RawMessage(`""`)
	case f.Kind == Lines:
		return json.RawMessage(`[]`)
	case f.Required && f.Kind == Number:
		r.refuse(f, "a number")
	case f.Required && f.Kind == DateTime:
		r.refuse(f, "a time, as 2026-05-01T03:00:00Z")
	case f.Required:
		r.refuse(f, "JSON")
	}
	return nil
}

func readCheck(f *Field, on bool) (json.RawMessage, bool) {
	was := string(f.old) == "true"
	f.Checked = on
	switch {
	case on == was && (f.old != nil || !f.Required):
		return f.old, false
	case on:
		return json.RawMessage("true"), true
	}
	return json.RawMessage("false"), on != was
}

func (r *reader) readChoice(f *Field, text string) (json.RawMessage, bool) {
	found := slices.IndexFunc(f.Choices, func(o Option) bool { return o.Value == text })
	if found < 0 {
		f.Value = text
		r.refuse(f, "one of the choices")
		return nil, true
	}
	was := ""
	for i := range f.Choices {
		if f.Choices[i].Chosen {
			was = f.Choices[i].Value
		}
		f.Choices[i].Chosen = i == found
	}
	switch {
	case text == "" && f.Required:
		r.refuse(f, "one of the choices")
		return nil, false
	case text == "":
		return nil, was != ""
	}
	return json.RawMessage(text), text != was
}

func (r *reader) readNumber(f *Field, text string) json.RawMessage {
	switch {
	case !isNumber(text):
		r.refuse(f, "a number")
		return nil
	case f.integer && strings.Trim(text, "-0123456789") != "":
		r.refuse(f, "a whole number")
		return nil
	}
	return json.RawMessage(text)
}

func readLines(text string) json.RawMessage {
	var b bytes.Buffer
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(line))
	}
	return json.RawMessage("[" + b.String() + "]")
}

// readGroup puts what was typed in place of what was there, and leaves alone what the form does not know.
func (r *reader) readGroup(f *Field) (json.RawMessage, bool) {
	all, _ := members(f.old) // of null and of nothing there are none
	absent := f.old == nil || string(f.old) == "null"
	typed := false
	before := r.err
	for _, inner := range f.Fields {
		value, by := r.read(inner)
		typed = typed || by
		at := slices.IndexFunc(all, func(m member) bool { return m.name == inner.key })
		switch {
		case value == nil && at >= 0:
			all = slices.Delete(all, at, at+1)
		case value == nil:
		case at >= 0:
			all[at].value = value
		default:
			all = append(all, member{inner.key, value})
		}
	}
	if absent && !typed && (!f.Required || f.nulls) {
		// Nothing is missing from what is left out whole.
		r.err = before
		f.forgive()
		return f.old, false
	}
	return object(all), typed
}

func (f *Field) forgive() {
	f.Wrong = ""
	for _, inner := range f.Fields {
		inner.forgive()
	}
}
