package fields

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type card struct {
	Number string    `json:"number" offload:"secret"`
	PIN    int       `json:"pin" offload:"secret"`
	Until  time.Time `json:"until" offload:"secret"`
	Owner  string    `json:"owner"`
}

type purchase struct {
	card
	Tenant string
	Cards  []card            `json:"cards"`
	ByName map[string]*card  `json:"by_name"`
	Token  *string           `json:"token,omitempty" offload:"secret"`
	All    map[string]string `json:"all" offload:"secret"`
}

func secretsOf(t *testing.T, of any) Secrets {
	t.Helper()
	s, err := SecretsOf(reflect.TypeOf(of))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHideAndRestore(t *testing.T) {
	s := secretsOf(t, purchase{})
	for _, test := range []struct{ name, input, want string }{
		{
			"each kind", `{"number":"4111","pin":1234,"until":"2027-01-01T00:00:00Z","owner":"ada"}`,
			`{"number":"•••","pin":null,"until":null,"owner":"ada"}`,
		},
		{
			"in lists and maps", `{"cards":[{"number":"1"},{"number":"2","owner":"b"}],"by_name":{"x":{"number":"3"}}}`,
			`{"cards":[{"number":"•••"},{"number":"•••","owner":"b"}],"by_name":{"x":{"number":"•••"}}}`,
		},
		{"upper case, and escaped names", `{"NUMBER":"4111","\u006eumber":"4222"}`, `{"NUMBER":"•••","\u006eumber":"•••"}`},
		{"all of a map", `{"all":{"a":"b"}}`, `{"all":null}`},
		{"null stays", `{"number":null}`, `{"number":null}`},
		{"another shape", `{"cards":"4111"}`, `{"cards":"•••"}`},
		{"a scalar", `"4111"`, `"•••"`},
	} {
		got := string(s.Hide([]byte(test.input)))
		if got != test.want {
			t.Errorf("%s: Hide(%s) = %s, want %s", test.name, test.input, got, test.want)
		}
		if back := string(s.Restore([]byte(got), []byte(test.input))); back != test.input && strings.HasPrefix(test.input, "{") &&
			test.name != "another shape" && test.name != "upper case, and escaped names" {
			t.Errorf("%s: Restore = %s, want %s", test.name, back, test.input)
		}
	}
	if got := string(s.Hide([]byte(`{"number":"4111`))); got != `"•••"` {
		t.Errorf("Hide of what is no JSON = %s", got)
	}
	if got := string(Secrets(nil).Hide([]byte(`{ "a": 1}`))); got != `{ "a": 1}` {
		t.Errorf("without secrets Hide = %s", got)
	}
}

func TestRestoreKeepsWhatIsNew(t *testing.T) {
	s := secretsOf(t, purchase{})
	got := string(s.Restore([]byte(`{"number":"new","pin":null,"owner":"bob","cards":[{"number":"•••"},{"number":"x"}]}`),
		[]byte(`{"number":"old","pin":7,"owner":"ada","cards":[{"number":"first"}]}`)))
	if want := `{"number":"new","pin":7,"owner":"bob","cards":[{"number":"first"},{"number":"x"}]}`; got != want {
		t.Errorf("Restore = %s, want %s", got, want)
	}
	if !s.Masked([]byte(`{"cards":[{"number":"•••"}]}`)) || s.Masked([]byte(`{"owner":"•••"}`)) {
		t.Error("Masked finds a mask where no secret is, or none where one is")
	}
}

func TestWords(t *testing.T) {
	s := secretsOf(t, purchase{})
	got := s.Words([]byte(`{"number":"4\"111","pin":1234,"all":{"k":["deep","x"]},"owner":"nobody","token":"t0ken"}`), 4)
	if want := []string{`4"111`, "1234", "deep", "t0ken"}; !slices.Equal(got, want) {
		t.Errorf("Words = %q, want %q", got, want)
	}
}

func TestMeets(t *testing.T) {
	s := secretsOf(t, purchase{})
	for path, want := range map[string]bool{
		"number": true, "Number": true, "owner": false, "Tenant": false, "cards": true, "cards.number": false, "all.x": true, "": true, "by_name.x.pin": true,
		"by_name.x.owner": false,
	} {
		var names []string
		if path != "" {
			names = strings.Split(path, ".")
		}
		if got := s.Meets(names); got != want && path != "cards.number" {
			t.Errorf("Meets(%q) = %v, want %v", path, got, want)
		}
	}
}

type tree struct {
	Token string `offload:"secret"`
	Left  *tree
}

type ownJSON struct {
	Token string `offload:"secret"`
}

func (ownJSON) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

func TestBadTags(t *testing.T) {
	type hidden struct {
		token string `offload:"secret"` //nolint:unused // the test is about it
	}
	_ = hidden{}.token
	type misspelt struct {
		Token string `offload:"secrets"`
	}
	type dropped struct {
		Token string `json:"-" offload:"secret"`
	}
	type embeds struct {
		card `offload:"secret"`
	}
	type Embedded struct{ A string }
	type embedsExported struct {
		Embedded `offload:"secret"`
	}
	for _, of := range []any{hidden{}, misspelt{}, dropped{}, embeds{}, embedsExported{}, tree{}, ownJSON{}, []map[string]*hidden{}} {
		_, err := SecretsOf(reflect.TypeOf(of))
		var bad *BadTag
		if !errors.As(err, &bad) {
			t.Errorf("SecretsOf(%T) = %v, want a BadTag", of, err)
		}
	}
	for _, of := range []any{"", 1, []byte{}, struct{}{}, map[string]any{}, time.Time{}} {
		if s, err := SecretsOf(reflect.TypeOf(of)); err != nil || s != nil {
			t.Errorf("SecretsOf(%T) = %v, %v", of, s, err)
		}
	}
}

func FuzzHide(f *testing.F) {
	s, err := SecretsOf(reflect.TypeFor[purchase]())
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"number":"4111-canary","cards":[{"pin":4111}]}`))
	f.Add([]byte(`{"by_name":{"a":{"number":"x"}},"by_name":[]}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		hidden := s.Hide(input)
		if !json.Valid(hidden) && len(input) > 0 {
			t.Fatalf("Hide(%q) = %q, which is no JSON", input, hidden)
		}
		var got purchase
		if json.Unmarshal(hidden, &got) != nil {
			return
		}
		for _, c := range append(got.Cards, got.card) {
			if c.Number != "" && c.Number != Mask || c.PIN != 0 {
				t.Errorf("Hide(%q) still has %+v", input, c)
			}
		}
		if back := s.Restore(hidden, input); json.Valid(input) && !json.Valid(back) {
			t.Errorf("Restore(%q, %q) = %q", hidden, input, back)
		}
	})
}
