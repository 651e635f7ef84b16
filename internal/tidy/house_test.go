package tidy

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "renew api.txt and deps.txt")

// root is the module's root, seen from here.
const root = "../.."

func TestHouse(t *testing.T) {
	h, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	if !h.has("go.mod") {
		t.Fatal("the module's root is not there")
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		t.Run(name, func(t *testing.T) {
			for _, f := range rules[name](h) {
				t.Error(f)
			}
		})
	}
	t.Run("api.txt", func(t *testing.T) { golden(t, "api.txt", api(h)) })
}

func TestDependencies(t *testing.T) {
	packages, err := list(root)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "deps.txt", deps(packages))
}

// golden compares lines with a file at the module's root, or renews it.
func golden(t *testing.T, name string, lines []string) {
	t.Helper()
	path := filepath.Join(root, name)
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s has changed (-was +is). If that is meant: make golden, and say so in CHANGELOG.md\n%s", name, diff)
	}
}
