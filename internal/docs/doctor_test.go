package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var findingName = regexp.MustCompile(`(?s)store\.Finding\{\s*Name: "([^"]+)"|\{\s*Name: "([^"]+)", Level: store\.`)

// TestEachFindingOfTheDoctorIsExplained looks for what stores say in docs/troubleshooting.md.
func TestEachFindingOfTheDoctorIsExplained(t *testing.T) {
	text := read(t, "docs/troubleshooting.md")
	files, err := filepath.Glob(filepath.Join(root, "store", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range findingName.FindAllStringSubmatch(string(source), -1) {
			said[m[1]+m[2]] = true
		}
	}
	for name := range said {
		if !strings.Contains(text, "\n### `"+name+"`\n") {
			t.Errorf("docs/troubleshooting.md has no entry ### `%s`", name)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^### `([^`]+)`$").FindAllStringSubmatch(text, -1) {
		if !said[m[1]] {
			t.Errorf("docs/troubleshooting.md explains %q, which no store says", m[1])
		}
	}
	if len(said) < 15 {
		t.Errorf("only %d findings were found in the stores", len(said))
	}
}
