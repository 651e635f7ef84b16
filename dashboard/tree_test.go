package dashboard

import (
	"strings"
	"testing"
)

func TestTreeIsBounded(t *testing.T) {
	for name, raw := range map[string]string{
		"flat":       `{"a":1,"b":[]}`,
		"text":       `"a"`,
		"broken":     `{"a":{"b":1}`,
		"too deep":   strings.Repeat("[", 30) + strings.Repeat("]", 30),
		"too many":   `{"a":[` + strings.Repeat("1,", treeNodes) + `1]}`,
		"too long":   `{"a":{"b":"` + strings.Repeat("x", treeBytes) + `"}}`,
		"nothing":    ``,
		"bad bytes":  "\xff",
		"only empty": `[{}]`,
	} {
		if got := treeOf("in", []byte(raw)); got != nil {
			t.Errorf("%s is a tree: %+v", name, got)
		}
	}
	got := treeOf("in", []byte(`{"z":[1,{"<b>":"x"}],"a":null}`))
	if got == nil || !got.Open || got.Holds() != "{2}" || got.Inner[0].Name != `"z"` || got.Inner[0].Holds() != "[2]" || got.Inner[1].Value != "null" || got.Inner[0].Inner[1].ID != "in-0-1" {
		t.Fatalf("%+v", got)
	}
}
