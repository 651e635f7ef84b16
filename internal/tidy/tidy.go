// Package tidy keeps the house's own rules: which room may import which, how long a file may
// be, which names say nothing, what must have a comment, what the public names are. Its tests
// hold them against the whole module.
//
// A rule is a function from the house to what breaks it. It says where, and what would be
// right. Each rule has a test that breaks it.
package tidy

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// modulePath is the module's own path, in front of every import of ours.
const modulePath = "github.com/offloadhq/offload"

// A house is all files of the module that are, or would be, checked in.
type house struct {
	fset  *token.FileSet
	files []*file
}

// A file is one of them.
type file struct {
	path string // slash-separated, from the module's root
	text string
	ast  *ast.File // of Go files
}

// A finding is a place where a rule is broken. Line 0 is the file as a whole.
type finding struct {
	path string
	line int
	text string
}

func (f finding) String() string {
	if f.line == 0 {
		return fmt.Sprintf("%s: %s", f.path, f.text)
	}
	return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.text)
}

// A rule returns what breaks it.
type rule func(*house) []finding

// rules are those that need nothing but the files.
var rules = map[string]rule{
	"arrows":      arrows,
	"comments":    comments,
	"dead SQL":    deadSQL,
	"error text":  errorText,
	"file length": fileLength,
	"headers":     headers,
	"left to do":  leftToDo,
	"names":       packageNames,
	"outside":     outside,
	"sleep":       sleep,
	"test code":   testCode,
}

// load reads the files of the module at root: those that git knows or would take.
func load(root string) (*house, error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	texts := map[string]string{}
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) { // deleted, and not yet said so
			continue
		}
		if err != nil {
			return nil, err
		}
		if bytes.IndexByte(text, 0) < 0 { // pictures and the like have no lines
			texts[name] = string(text)
		}
	}
	return build(texts)
}

// build makes a house of files by their paths.
func build(texts map[string]string) (*house, error) {
	h := &house{fset: token.NewFileSet()}
	for name, text := range texts {
		f := &file{path: name, text: text}
		if f.isGo() {
			parsed, err := parser.ParseFile(h.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			f.ast = parsed
		}
		h.files = append(h.files, f)
	}
	slices.SortFunc(h.files, func(a, b *file) int { return cmp.Compare(a.path, b.path) })
	return h, nil
}

// isGo reports whether it is Go source of this module, and not a fixture or another module.
func (f *file) isGo() bool {
	return strings.HasSuffix(f.path, ".go") && !f.under("testdata") && !strings.HasPrefix(f.path, "bench/")
}

func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// dir is the room that the file lies in: "." or "store/sqlite".
func (f *file) dir() string { return path.Dir(f.path) }

// under reports whether some folder above the file has that name.
func (f *file) under(folder string) bool {
	return slices.Contains(strings.Split(f.dir(), "/"), folder)
}

// lines yields the number and text of each line.
func (f *file) lines(yield func(int, string) bool) {
	n := 0
	for line := range strings.SplitSeq(f.text, "\n") {
		n++
		if !yield(n, line) {
			return
		}
	}
}

func (h *house) goFiles(yield func(*file) bool) {
	for _, f := range h.files {
		if f.ast != nil && !yield(f) {
			return
		}
	}
}

// line is where a node stands.
func (h *house) line(n ast.Node) int { return h.fset.Position(n.Pos()).Line }

// has reports whether the house has a file of that path.
func (h *house) has(name string) bool {
	return slices.ContainsFunc(h.files, func(f *file) bool { return f.path == name })
}

// public are the rooms whose exported names are promises to users.
var public = []string{
	".", "store", "store/...", "operate", "record", "offloadtest", "dashboard", "telemetry", "telemetry/...", "kit/...",
}

func isPublic(dir string) bool {
	return slices.ContainsFunc(public, func(p string) bool { return matches(p, dir) })
}

// matches reports whether a room is what a pattern says: "store", or "kit/..." for all below.
func matches(pattern, dir string) bool {
	if below, all := strings.CutSuffix(pattern, "/..."); all {
		return strings.HasPrefix(dir, below+"/")
	}
	return pattern == dir || pattern == "..."
}
