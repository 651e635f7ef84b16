package fields

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestKey(t *testing.T) {
	for _, test := range []struct {
		by, input, want string
		missing         bool
	}{
		{"tenant", `{"tenant":"acme"}`, "acme", false},
		{"tenant", `{"tenant":"a, \"b\""}`, `a, "b"`, false},
		{"tenant", `{"tenant":7}`, "7", false},
		{"tenant", `{"tenant":7.0}`, "7", false},
		{"tenant", `{"tenant":true}`, "true", false},
		{"tenant", `{"tenant":""}`, "", false},
		{"tenant", `{"tenant":null}`, "", true},
		{"tenant", `{}`, "", true},
		{"tenant", `7`, "", true},
		{"tenant", `{"Tenant":"acme"}`, "", true},
		{"order.id", `{"order":{"id":9007199254740993}}`, "9007199254740993", false},
		{"order.id", `{"order":[{"id":7}]}`, "", true},
		{"order.id, kind", `{"order":{"id":7},"kind":"new"}`, `[7,"new"]`, false},
		{" kind,order.id ", `{"order":{"id":7}}`, `[null,7]`, false},
		{"order.id, kind", `{}`, "", true},
		{"order", `{"order": {"b": [1, 2.50], "a": "<\u00e9>"}}`, `{"a":"<é>","b":[1,2.5]}`, false},
		{".", `"acme"`, "acme", false},
		{".", `{"b":1,"a":2}`, `{"a":2,"b":1}`, false},
	} {
		paths, err := Parse(test.by)
		if err != nil {
			t.Errorf("Parse(%q): %v", test.by, err)
			continue
		}
		if key, found := paths.Key([]byte(test.input)); key != test.want || found == test.missing {
			t.Errorf("the key of %s by %q is %q, found %v; want %q, %v", test.input, test.by, key, found, test.want, !test.missing)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, by := range []string{"", ",", "a,", "a..b", ".a", "a.", "a . b", " "} {
		if paths, err := Parse(by); err == nil {
			t.Errorf("Parse(%q) = %q", by, paths)
		}
	}
}

func TestNumbersOfOneValueHaveOneText(t *testing.T) {
	for want, texts := range map[string][]string{
		"0":    {"0", "-0", "0.0", "0e7", "-0.000e-12"},
		"1.5":  {"1.5", "1.50", "15e-1", "0.15E+1"},
		"-1.5": {"-1.5", "-15e-1"},
		"100":  {"100", "1e2", "100.0", "0.1e3"},
		"0.01": {"0.01", "1e-2", "0.10e-1"},

		"18446744073709551617": {"18446744073709551617", "18446744073709551617.0"},
		"1e999999999":          {"1e999999999", "10E+999999998"},
		"1.2e-50":              {"1.2e-50", "12e-51"},
		"1e99999999999999999999999": {
			"1e99999999999999999999999", // not counted, and not made longer either
		},
	} {
		for _, text := range texts {
			if got := number(text); got != want {
				t.Errorf("number(%s) = %s, want %s", text, got, want)
			}
		}
	}
}

// Whatever JSON is written of a value, its canonical text is the same, is JSON of an equal
// value, and its own canonical text. A key is as encoding/json would read it.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"b":1,"a":[1.0,2e3,"<>"],"":null}`, `"\ud800"`, `[[],{},-0.0,1e-7]`, `{"a":1,"a":2}`, "{\"a\" :\n{ \"\\u0062\":[ ] } }", `{"a":{"b":true}}`} {
		f.Add([]byte(seed))
	}
	path := Paths{{"a", "b"}}
	f.Fuzz(func(t *testing.T, input []byte) {
		if !json.Valid(input) || bytes.Count(input, []byte("["))+bytes.Count(input, []byte("{")) > deepest {
			Canonical(input)
			path.Key(input)
			return // without a meaning, or too deep, and without a panic
		}
		text := Canonical(input)
		if !json.Valid(text) {
			t.Fatalf("the canonical text of %q is no JSON: %q", input, text)
		}
		if again := Canonical(text); string(again) != string(text) {
			t.Fatalf("the canonical text of %q is %q, and of that %q", input, text, again)
		}
		value := decoded(t, input)
		if !reflect.DeepEqual(normal(decoded(t, text)), normal(decoded(t, input))) {
			t.Fatalf("%q is another value than %q", text, input)
		}
		var indented strings.Builder
		e := json.NewEncoder(&indented)
		e.SetIndent(" ", "\t")
		if err := e.Encode(value); err != nil {
			t.Fatal(err)
		}
		if other := Canonical([]byte(indented.String())); string(other) != string(text) {
			t.Fatalf("written otherwise, %q is %q; want %q", input, other, text)
		}
		key, found := path.Key(input)
		a, _ := value.(map[string]any)
		b, _ := a["a"].(map[string]any)
		if want, ok := b["b"].(string); found != (b["b"] != nil) || ok && key != want {
			t.Fatalf("the key of %q is %q, %v; want %v", input, key, found, b["b"])
		}
	})
}

func TestDeepInputsCostNoMore(t *testing.T) {
	deep := bytes.Repeat([]byte("["), 9000)
	deep = append(append(deep, bytes.Repeat([]byte("1,"), 400_000)...), '1')
	deep = append(deep, bytes.Repeat([]byte("]"), 9000)...)
	if !json.Valid(deep) {
		t.Fatal("the input is no JSON")
	}
	if got := Canonical(deep); !bytes.Equal(got, deep) { // in 10,000 times 1 MB it would take minutes
		t.Errorf("the canonical text of %d bytes has %d", len(deep), len(got))
	}
}

func decoded(t *testing.T, input []byte) (value any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// normal is a value with its numbers in one writing.
func normal(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name := range value {
			value[name] = normal(value[name])
		}
	case []any:
		for i := range value {
			value[i] = normal(value[i])
		}
	case json.Number:
		return json.Number(number(string(value)))
	}
	return value
}

type base struct {
	ID     int64 `json:"id"`
	Kind   string
	Hidden string `json:"-"`
}

type Other struct {
	Kind string
	Name string `json:"name"`
}

type Self struct {
	*Self
	Deep int
}

type order struct {
	base
	*Other
	Self
	Tenant  string `json:"tenant,omitempty"`
	Items   []base `json:"items"`
	Next    *order `json:"next"`
	Tags    map[string]base
	Any     any
	At      time.Time
	Text    textual
	Raw     json.RawMessage
	private int
	Named   base `json:"named"`
}

type textual struct{ A, B string }

func (textual) MarshalText() ([]byte, error) { return []byte("text"), nil }

func TestFieldsAreThoseOfTheJSON(t *testing.T) {
	var names []string
	for _, f := range fieldsOf(reflect.TypeFor[order]()) {
		names = append(names, f.name)
	}
	encoded, err := json.Marshal(order{Other: &Other{}, Tenant: "acme", Raw: json.RawMessage("1"), Self: Self{Self: nil}, private: 1})
	if err != nil {
		t.Fatal(err)
	}
	var written map[string]any
	if err := json.Unmarshal(encoded, &written); err != nil {
		t.Fatal(err)
	}
	for name := range written {
		if !slices.Contains(names, name) {
			t.Errorf("field %q is written and not known: %q", name, names)
		}
	}
	if len(names) != len(written) {
		t.Errorf("fields are %q, written is %s", names, encoded)
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct{ by, unknown, has string }{
		{"id", "", ""},
		{"tenant, named.id, next.next.tenant", "", ""},
		{"Tags.red.id", "", ""},
		{"Any.what.ever", "", ""},
		{"At.of", "", ""},  // writes its JSON itself
		{"Raw.of", "", ""}, // as well
		{".", "", ""},
		{"tenent", "tenent", "tenant"},
		{"ID", "ID", "id"},
		{"Hidden", "Hidden", "id"},
		{"private", "private", "id"},
		{"Kind", "Kind", "name"}, // of two embedded structs, so of none
		{"next.named.idd", "next.named.idd", "Kind"},
		{"Tags.red.idd", "Tags.red.idd", "id"},
		{"items.id", "items.id", ""},
		{"tenant.id", "tenant.id", ""},
		{"Text.A", "Text.A", ""},
	} {
		paths, err := Parse(test.by)
		if err != nil {
			t.Fatal(err)
		}
		unknown := paths.Check(reflect.TypeFor[*order]())
		if (unknown == nil) != (test.unknown == "") {
			t.Errorf("%q: unknown is %+v", test.by, unknown)
			continue
		}
		if unknown == nil {
			continue
		}
		if got := strings.Join(unknown.Path, "."); got != test.unknown || test.has != "" && !slices.Contains(unknown.Has, test.has) || test.has == "" && unknown.Has != nil {
			t.Errorf("%q: %q is unknown, there are %q", test.by, got, unknown.Has)
		}
	}
}

func BenchmarkKey(b *testing.B) {
	input := []byte(`{"id":7,"tenant":"acme","items":["lamp","table"],"total":19.90}`)
	paths, err := Parse("tenant")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("by", func(b *testing.B) {
		for b.Loop() {
			paths.Key(input)
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			Canonical(input)
		}
	})
}

func TestStringIsOneForTheSameFields(t *testing.T) {
	for by, want := range map[string]string{
		"tenant": "tenant", " order.id ,kind": "order.id,kind", ".": ".", "., a": ".,a", "a=b": `"a=b"`, `"a`: `"\"a"`, "größe": "größe",
	} {
		paths, err := Parse(by)
		if err != nil {
			t.Fatal(err)
		}
		if got := paths.String(); got != want {
			t.Errorf("%q is written %s, want %s", by, got, want)
		}
	}
}
