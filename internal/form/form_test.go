package form_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/offloadhq/offload/internal/form"
)

const order = `{"type":"object","required":["id","dry"],"properties":{
	"id":{"type":"integer","minimum":1,"maximum":9},
	"note":{"type":"string","description":"What to say."},
	"card":{"type":"string","writeOnly":true},
	"dry":{"type":"boolean"},
	"size":{"enum":["s","m",3]},
	"due":{"type":"string","format":"date-time"},
	"names":{"type":"array","items":{"type":"string"}},
	"rate":{"type":["number","null"]},
	"to":{"$ref":"#/$defs/address"},
	"more":{"type":"object","additionalProperties":{"type":"string"}}},
	"$defs":{"address":{"type":"object","required":["street"],"properties":{"street":{"type":"string"},"zip":{"type":"integer"},"home":{"type":"boolean"}}}}}`

// typed is what a browser sends of a form that nobody touches.
func typed(f *form.Form) url.Values {
	sent := url.Values{}
	var add func(fields []*form.Field)
	add = func(fields []*form.Field) {
		for _, at := range fields {
			switch at.Kind {
			case form.Group:
				add(at.Fields)
			case form.Check:
				sent.Add(at.Name, "")
				if at.Checked {
					sent.Add(at.Name, "on")
				}
			case form.Choice:
				for _, o := range at.Choices {
					if o.Chosen {
						sent.Set(at.Name, o.Value)
					}
				}
			case form.Lines, form.Long, form.JSON:
				sent.Set(at.Name, strings.ReplaceAll(at.Value, "\n", "\r\n"))
			default:
				sent.Set(at.Name, strings.ReplaceAll(at.Value, "\n", "")) // as a line has none
			}
		}
	}
	add(f.Fields())
	return sent
}

func TestFieldsOfASchema(t *testing.T) {
	f := form.New([]byte(order), []byte(`{"id":7,"card":"•••","dry":true,"size":3,"names":["a","b"],"to":{"street":"x\ny"},"more":{"k":"v"}}`))
	var got []string
	var list func(fields []*form.Field)
	list = func(fields []*form.Field) {
		for _, at := range fields {
			got = append(got, at.Name+" "+at.Kind+" "+strings.ReplaceAll(at.Value, "\n", "|"))
			list(at.Fields)
		}
	}
	list(f.Fields())
	want := []string{
		"/id number 7", "/note text ", "/card secret •••", "/dry check ", "/size choice ", "/due date-time ", "/names lines a|b", "/rate number ",
		"/to group ", "/to/street long x|y", "/to/zip number ", "/to/home check ", `/more json {|  "k": "v"|}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("fields are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if id := f.Fields()[0]; id.Hint != "1 to 9." || !id.Required || id.Path != "input.id" {
		t.Errorf("%+v", id)
	}
}

func TestReadWhatWasTyped(t *testing.T) {
	const input = `{"z":1,"id":7,"dry":false}`
	for _, test := range []struct {
		name, input, field, typed, want string
	}{
		{"a number of any size", input, "/id", "123456789012345678901234567890", `{"z":1,"id":123456789012345678901234567890,"dry":false}`},
		{"a text", input, "/note", `<"é`, `{"z":1,"id":7,"dry":false,"note":"<\"é"}`},
		{"a box", input, "/dry", "on", `{"z":1,"id":7,"dry":true}`},
		{"a choice that is no text", input, "/size", "3", `{"z":1,"id":7,"dry":false,"size":3}`},
		{"lines", input, "/names", "a\r\n\r\nb c", `{"z":1,"id":7,"dry":false,"names":["a","b c"]}`},
		{"within a group", input, "/to/street", "x", `{"z":1,"id":7,"dry":false,"to":{"street":"x"}}`},
		{"JSON", input, "/more", `{ "a": "b" }`, `{"z":1,"id":7,"dry":false,"more":{"a":"b"}}`},
		{"null is emptied into", `{"id":7,"dry":false,"rate":1.50}`, "/rate", "", `{"id":7,"dry":false,"rate":null}`},
		{"what may be left out is", `{"id":7,"size":"s","dry":false}`, "/size", "", `{"id":7,"dry":false}`},
		{"a name in another case", `{"ID":7,"dry":false}`, "/id", "8", `{"ID":8,"dry":false}`},
	} {
		f := form.New([]byte(order), []byte(test.input))
		sent := typed(f)
		sent[test.field] = []string{test.typed}
		if got, err := f.Read(sent); err != nil || string(got) != test.want {
			t.Errorf("%s: %s, %v; want %s", test.name, got, err, test.want)
		}
	}
}

func TestWhatIsWrongIsSaidAtItsField(t *testing.T) {
	for field, bad := range map[string]string{"/id": "7.5", "/rate": "much", "/due": "soon", "/size": `"xl"`, "/more": "{", "/to/zip": "0x1"} {
		f := form.New([]byte(order), []byte(`{"id":7,"dry":false}`))
		sent := typed(f)
		sent.Set(field, bad)
		_, err := f.Read(sent)
		wrong := (*form.WrongError)(nil)
		if !errors.As(err, &wrong) || !strings.HasSuffix("input"+strings.ReplaceAll(field, "/", "."), wrong.Path) || !strings.Contains(err.Error(), "want") {
			t.Errorf("%s %q: %v", field, bad, err)
		}
	}
	f := form.New([]byte(order), []byte(`{}`))
	if got, err := f.Read(typed(f)); err == nil {
		t.Errorf("without an id: %s", got)
	}
	if !f.Mark("input.to.street", "is unknown") || f.Mark("input.nothing", "") || !f.Mark("input.names.3", "is empty") {
		t.Error("an error finds its field, and no other")
	}
}

// What a field can't show as it is, is shown as JSON; where all is JSON there is no form.
func TestOddValuesAreJSON(t *testing.T) {
	for _, value := range []string{`{"id":"seven"}`, `{"note":5}`, `{"note":"a\u0000b"}`, `{"note":"\ud800"}`, `{"names":["a\nb"]}`, `{"names":[""]}`, `{"dry":null}`, `{"size":"xl"}`, `{"to":[1]}`} {
		f := form.New([]byte(order), []byte(value))
		n := 0
		for _, at := range f.Fields() {
			if at.Kind == form.JSON && at.Value != "" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d fields are JSON, want 1", value, n)
		}
	}
	for _, schema := range []string{``, `{`, `true`, `[]`, `{"type":"object"}`, `{"$ref":"#"}`, `{"type":"object","properties":{}}`, `{"type":"object","properties":5}`} {
		if form.New([]byte(schema), []byte(`{}`)) != nil {
			t.Errorf("there is a form of %s", schema)
		}
	}
	if form.New([]byte(order), []byte(`[]`)) != nil || form.New([]byte(order), []byte(`{`)) != nil || form.New([]byte(order), []byte(`{"id":1,"id":2}`)) != nil {
		t.Error("there is a form of a value that is no such object")
	}
}

// A form that is sent as it is shown is the value that it was made of.
func FuzzUntouchedIsUnchanged(f *testing.F) {
	for _, value := range []string{
		`{}`, `{"id":7,"dry":true}`, `{"dry":false,"id":1e3,"note":"\u003ca\nb","x":[1, 2],"to":{"zip":1},"rate":null,"size":"m"}`, `{"to":null,"ID":1}`, `"x"`,
	} {
		f.Add([]byte(order), []byte(value))
	}
	f.Add([]byte(`{"type":"object","properties":{"a":{"$ref":"#"},"b/~":{"type":"array","items":{"type":"string"}},"":{"type":["null","string"]}}}`), []byte(`{"a":{"a":{}},"":null,"b/~":["x"]}`))
	f.Add([]byte(`{"type":"string"}`), []byte(`"a"`))
	f.Fuzz(func(t *testing.T, schema, value []byte) {
		made := form.New(schema, value)
		if made == nil {
			return
		}
		got, err := made.Read(typed(made))
		if err != nil {
			return // something is missing
		}
		var was, is any
		var want bytes.Buffer
		if json.Compact(&want, value) != nil || json.Unmarshal(want.Bytes(), &was) != nil || json.Unmarshal(got, &is) != nil {
			t.Fatalf("%s has become %s", value, got)
		}
		if !within(was, is) {
			t.Errorf("%s has become %s", value, got)
		}
	})
}

// within reports whether a value is as it was, but for boxes that have to say something: those are false.
func within(was, is any) bool {
	old, ok := was.(map[string]any)
	if !ok {
		a, _ := json.Marshal(was)
		b, _ := json.Marshal(is)
		return bytes.Equal(a, b)
	}
	now, ok := is.(map[string]any)
	if !ok {
		return false
	}
	for name, value := range old {
		if _, there := now[name]; !there || !within(value, now[name]) {
			return false
		}
	}
	for name, value := range now {
		if _, there := old[name]; !there && !falses(value) {
			return false
		}
	}
	return true
}

func falses(v any) bool {
	if all, ok := v.(map[string]any); ok {
		for _, inner := range all {
			if !falses(inner) {
				return false
			}
		}
		return true
	}
	return v == false || v == nil || v == ""
}
