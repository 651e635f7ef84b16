package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestCommandsAreThere(t *testing.T) {
	binary := buildOffload(t)
	w := World{
		Targets: Targets(read(t, "Makefile")),
		Exists:  moduleTree{t: t}.Match,
		Help:    helpOf(binary),
	}
	for _, b := range blocksOf(t) {
		if b.Lang == "sh" || b.Lang == "console" {
			report(t, CheckCommands(b, w))
		}
	}
}

// buildOffload builds the command and returns where it is.
func buildOffload(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "offload")
	if out, err := goCommand(root, "build", "-o", binary, "./cmd/offload"); err != nil {
		t.Fatalf("go build ./cmd/offload: %v\n%s", err, out)
	}
	return binary
}

// helpOf returns a function that asks the command for help, each subcommand once.
func helpOf(binary string) func([]string) (string, error) {
	type answer struct {
		text string
		err  error
	}
	asked := map[string]answer{}
	return func(subcommand []string) (string, error) {
		key := strings.Join(subcommand, " ")
		if a, ok := asked[key]; ok {
			return a.text, a.err
		}
		out, err := exec.Command(binary, append(subcommand, "--help")...).CombinedOutput()
		asked[key] = answer{string(out), err}
		return string(out), err
	}
}

func TestConsoleSessionsRun(t *testing.T) {
	var sessions []Block
	for _, b := range blocksOf(t) {
		if b.Lang == "console" && b.Mark == "run" {
			sessions = append(sessions, b)
		}
	}
	if len(sessions) == 0 {
		return
	}
	binary := buildOffload(t)
	for _, b := range sessions {
		t.Run(fmt.Sprintf("%s:%d", b.File, b.Line), func(t *testing.T) {
			runSession(t, b, filepath.Dir(binary))
		})
	}
}

// runSession runs the commands of a console block in one shell in an empty folder, and
// compares what they print.
func runSession(t *testing.T, b Block, bin string) {
	t.Helper()
	dir := t.TempDir()
	const cut = "\x1eend\n"
	var script strings.Builder
	var wants []string
	for _, step := range steps(b) {
		fmt.Fprintf(&script, "%s\nprintf '\\036end\\n'\n", step.command)
		wants = append(wants, step.output)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NO_COLOR=1", "HOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	got := strings.Split(string(out), cut)
	for i, want := range wants {
		if i >= len(got) || !looksLike(want, got[i]) {
			t.Errorf("%s: the document says\n%s\nand it prints\n%s", b.problem(0, "step %d", i+1), want, got[min(i, len(got)-1)])
		}
	}
}

var (
	anything = regexp.MustCompile(`…|\\\.\\\.\\\.`)
	varying  = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d:\d\d)?|[\d.]+(ns|µs|ms|s|m|h)\b`)
)

// looksLike reports whether output is what a document says: ids, times and durations may be
// others, and … stands for anything within a line.
func looksLike(want, got string) bool {
	clean := func(s string) string {
		return varying.ReplaceAllString(strings.TrimSpace(regexp.MustCompile(`[ \t]+`).ReplaceAllString(s, " ")), "#")
	}
	pattern := anything.ReplaceAllString(regexp.QuoteMeta(clean(want)), `.*`)
	return regexp.MustCompile("^" + pattern + "$").MatchString(clean(got))
}
