package docs

import (
	"encoding/json"
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
	vet(t, sources)
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

// overlay gives each source a folder of its own in the module, for the go command alone, and
// returns the file that says so and the packages.
func overlay(t *testing.T, sources []Source) (file string, packages []string) {
	t.Helper()
	dir := t.TempDir()
	abs, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for i, s := range sources {
		name := fmt.Sprintf("block%d", i)
		at := filepath.Join(dir, name+".go")
		if err := os.WriteFile(at, []byte(s.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(abs, name, s.Name)] = at
		packages = append(packages, "./"+name)
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, packages
}

// vet compiles sources, all at once, and looks for common mistakes.
func vet(t *testing.T, sources []Source) {
	t.Helper()
	if len(sources) == 0 {
		return
	}
	file, packages := overlay(t, sources)
	out, err := goCommand(append([]string{"vet", "-overlay", file}, packages...)...)
	if err != nil {
		t.Errorf("go vet: %v\n%s", err, readable(out, sources))
	}
}

func goCommand(args ...string) (out string, err error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	b, err := cmd.CombinedOutput()
	return string(b), err
}

var blockPath = regexp.MustCompile(`(vet: )?(\./)?block(\d+)/`)

// readable removes from what go prints the folders that are in no document.
func readable(out string, sources []Source) string {
	for i, s := range sources {
		out = strings.ReplaceAll(out, fmt.Sprintf("offload/block%d\n", i), fmt.Sprintf("(%s, block of line %d)\n", s.Block.File, s.Block.Line))
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
