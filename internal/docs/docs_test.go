package docs

import (
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the module's root, seen from here.
const root = "../.."

// documents returns all Markdown files of the module by their paths.
func documents(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	for _, name := range gitFiles(t) {
		if !strings.HasSuffix(name, ".md") || strings.Contains(name, "testdata/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		docs[name] = string(text)
	}
	if docs["README.md"] == "" {
		t.Fatal("there is no README.md")
	}
	return docs
}

// gitFiles returns the files of the module that git knows or would take, if they are there.
func gitFiles(t *testing.T) (names []string) {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// blocksOf returns the blocks of all documents, and reports what is wrong with them by
// themselves.
func blocksOf(t *testing.T) (all []Block) {
	t.Helper()
	for name, text := range documents(t) {
		blocks, problems := Blocks(name, text)
		report(t, problems)
		all = append(all, blocks...)
	}
	return all
}

func report(t *testing.T, problems []Problem) {
	t.Helper()
	for _, p := range problems {
		t.Error(p)
	}
}

func TestBlocksAreInLanguagesThatAreChecked(t *testing.T) {
	for _, b := range blocksOf(t) {
		report(t, CheckLanguage(b))
	}
}

func TestGoBlocksCompile(t *testing.T) {
	var sources []Source
	for _, b := range blocksOf(t) {
		made, problems := Sources(b, preamble(t))
		report(t, problems)
		sources = append(sources, made...)
		if b.Lang == "go" && isFile(b.Text) {
			if formatted, err := format.Source([]byte(b.Text)); err == nil && string(formatted) != b.Text {
				t.Error(b.problem(0, "not formatted as gofmt does"))
			}
		}
	}
	if out := vet(t, sources); out != "" {
		t.Error(out)
	}
}

// README.md promises that a mail leaves the request with eight changed lines.
func TestMailMovesToTheBackgroundInEightLines(t *testing.T) {
	diffs := 0
	blocks, _ := Blocks("README.md", documents(t)["README.md"])
	for _, b := range blocks {
		if b.Lang != "diff" {
			continue
		}
		diffs++
		added := 0
		for line := range strings.Lines(b.Text) {
			if strings.HasPrefix(line, "+") && strings.TrimSpace(line) != "+" {
				added++
			}
		}
		if added > 8 {
			t.Error(b.problem(0, "%d lines change, 8 are promised", added))
		}
	}
	if diffs == 0 {
		t.Error("README.md has no diff")
	}
}

func preamble(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/preamble.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// userModule writes sources, each a package, into a module of their own that requires this
// one, as a user's does. It returns where it is and the packages.
func userModule(t *testing.T, sources []Source) (dir string, packages []string) {
	t.Helper()
	dir = t.TempDir()
	abs, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range sources {
		name := fmt.Sprintf("block%d", i)
		write(t, filepath.Join(dir, name, s.Name), s.Text)
		packages = append(packages, "./"+name)
	}
	const module = "module github.com/offloadhq/offload\n"
	goMod := read(t, "go.mod")
	if !strings.HasPrefix(goMod, module) {
		t.Fatalf("go.mod does not begin with %q", module)
	}
	// The same modules in the same versions as here, so that nothing has to be fetched.
	write(t, filepath.Join(dir, "go.mod"), "module example.com/documents\n"+strings.TrimPrefix(goMod, module)+
		"\nrequire github.com/offloadhq/offload v0.0.0\n\nreplace github.com/offloadhq/offload => "+abs+"\n")
	write(t, filepath.Join(dir, "go.sum"), read(t, "go.sum"))
	return dir, packages
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// vet compiles sources, all at once, looks for common mistakes, and returns what it finds.
func vet(t *testing.T, sources []Source) string {
	t.Helper()
	if len(sources) == 0 {
		return ""
	}
	dir, packages := userModule(t, sources)
	out, err := goCommand(dir, append([]string{"vet"}, packages...)...)
	if err != nil {
		return fmt.Sprintf("go vet: %v\n%s", err, readable(out, sources))
	}
	return ""
}

// What the compiler says of a block names the document and its line.
func TestMistakesInBlocksAreFound(t *testing.T) {
	var sources []Source
	for _, b := range []Block{
		{File: "docs/a.md", Line: 30, Lang: "go", Text: "job, err := Thumbnail.Enqueue(1)\n"},
		{File: "docs/b.md", Line: 40, Lang: "go", Text: "package main\n\nvar n int = \"one\"\n"},
		{File: "docs/c.md", Line: 50, Lang: "go", Text: "var fine = 1\n"},
	} {
		made, problems := Sources(b, "package fragment\n\nvar Thumbnail struct{ Enqueue func() (int, error) }\n")
		report(t, problems)
		sources = append(sources, made...)
	}
	out := vet(t, sources)
	for _, want := range []string{"docs/a.md:30:", "docs/b.md:42:"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing is said of %s:\n%s", want, out)
		}
	}
	if strings.Contains(out, "docs/c.md") {
		t.Errorf("a block that is right is named:\n%s", out)
	}
}

func goCommand(dir string, args ...string) (out string, err error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	b, err := cmd.CombinedOutput()
	return string(b), err
}

var blockPath = regexp.MustCompile(`(vet: )?(\./)?block\d+/`)

// readable removes from what go prints the folders that are in no document.
func readable(out string, sources []Source) string {
	for i, s := range sources {
		out = strings.ReplaceAll(out, fmt.Sprintf("example.com/documents/block%d\n", i), fmt.Sprintf("(%s, block of line %d)\n", s.Block.File, s.Block.Line))
	}
	return blockPath.ReplaceAllString(out, "")
}

func TestLinksAndPathsAreThere(t *testing.T) {
	tree := moduleTree{t: t, files: gitFiles(t)}
	for name, text := range documents(t) {
		report(t, CheckLinks(name, text, tree))
	}
}

// A moduleTree is the module as it lies here.
type moduleTree struct {
	t     *testing.T
	files []string
}

func (m moduleTree) Match(pattern string) bool {
	found, err := filepath.Glob(filepath.Join(root, pattern))
	return err == nil && len(found) > 0
}

func (m moduleTree) Base(pattern string) bool {
	for _, f := range m.files {
		if ok, err := path.Match(pattern, path.Base(f)); ok && err == nil {
			return true
		}
	}
	return false
}

func (m moduleTree) Folder(name string) bool {
	info, err := os.Stat(filepath.Join(root, name))
	return err == nil && info.IsDir()
}

func (m moduleTree) Anchors(file string) map[string]bool {
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		m.t.Error(err)
	}
	return Anchors(string(text))
}
