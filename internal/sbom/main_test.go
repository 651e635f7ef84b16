package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestBill(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	var b bill
	if err := json.Unmarshal(out.Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	if b.Format != "CycloneDX" || b.Metadata.Component.Name != "github.com/offloadhq/offload" {
		t.Errorf("the bill is a %s of %s", b.Format, b.Metadata.Component.Name)
	}
	seen := map[string]bool{}
	for _, c := range b.Components {
		if seen[c.Ref] || c.Version == "" || !strings.HasPrefix(c.PURL, "pkg:golang/") {
			t.Errorf("component %+v is there twice, or lacks something", c)
		}
		if c.Type == "library" && (len(c.Properties) != 1 || !strings.HasPrefix(c.Properties[0].Value, "h1:")) {
			t.Errorf("component %s has no checksum", c.Name)
		}
		seen[c.Ref], seen[c.Name] = true, true
	}
	for _, name := range []string{"github.com/jackc/pgx/v5", "modernc.org/sqlite", "github.com/spf13/cobra", "go"} {
		if !seen[name] {
			t.Errorf("%s is linked, and not in the bill", name)
		}
	}
}
