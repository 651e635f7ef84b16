package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/offloadhq/offload/vet"
)

func newVet(s *session) *cobra.Command {
	var tags string
	cmd := &cobra.Command{
		Use:   "vet [flags] [PACKAGE…]",
		Short: "Find what web handlers do while a user waits",
		Long: `Vet reads the Go packages that are named, ./... if none is, and lists what their HTTP handlers do while
a user waits: mail, calls of other servers, pictures, programs, archives, tables, rows in a loop, sleep.
Each comes with the way there, the kit that takes it over, and the line that would enqueue it. It finds
goroutines that are lost when the process stops, and jobs enqueued beside the transaction they belong to.

What belongs into the answer stays with a comment at the line or above: //offload:inline REASON

The exit code is 1 if something is found, 2 if the packages can't be loaded. It needs the Go toolchain,
and no database. go vet -vettool=$(which offload) ./... does the same among other checks.`,
		Example: "  offload vet ./...\n  offload vet --json ./... | jq -r '.category' | sort | uniq -c",
	}
	asJSON := jsonFlag(cmd)
	cmd.Flags().StringVar(&tags, "tags", "", "build tags, with commas between")
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			args = []string{"./..."}
		}
		for _, arg := range args {
			if strings.HasPrefix(arg, "-") {
				return wrong("%q is no package", arg)
			}
		}
		return s.vet(cmd.Context(), tags, args, *asJSON)
	})
	return cmd
}

// vet has the go command load the packages and run this program on each, as it runs its own vet: so
// what has not changed since comes from its cache.
func (s *session) vet(ctx context.Context, tags string, packages []string, asJSON bool) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	args := []string{"vet", "-vettool=" + self, "-json"}
	if tags != "" {
		args = append(args, "-tags="+tags)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
	said := new(strings.Builder)
	cmd.Stderr = said
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return wrong("there is no `go` in PATH; vet needs the Go toolchain, https://go.dev/dl")
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit):
		s.note("%s", clean(strings.TrimSpace(said.String())))
		return wrong("go could not load %s", strings.Join(packages, " "))
	case err != nil:
		return fmt.Errorf("run go vet: %w", err)
	}
	found, err := readFindings(strings.NewReader(string(out)))
	if err == nil && len(found) == 0 {
		found, err = readFindings(withoutHeads(said.String())) // before Go 1.26 it writes them there
	}
	if err != nil {
		return wrong("read what go vet found: %v", err)
	}
	return s.showFindings(found, asJSON)
}

// A vetFinding is a place in a program, and what would be better there.
type vetFinding struct {
	File     string    `json:"file"`
	Line     int       `json:"line"`
	Column   int       `json:"column"`
	EndLine  int       `json:"end_line"`
	Category string    `json:"category"`
	Message  string    `json:"message"`
	Path     []vetStep `json:"path,omitempty"`    // from the handler on
	Instead  string    `json:"instead,omitempty"` // a line of Go
}

// A vetStep is one call on the way.
type vetStep struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// readFindings reads what go vet -json writes: for each package what each analyzer found.
func readFindings(r io.Reader) (found []vetFinding, err error) {
	for d := json.NewDecoder(r); ; {
		var packages map[string]map[string]json.RawMessage
		err := d.Decode(&packages)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, analyzers := range packages {
			for _, result := range analyzers {
				more, err := readResult(result)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
		}
	}
	slices.SortFunc(found, func(a, b vetFinding) int {
		return compareAll(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Message, b.Message))
	})
	return found, nil
}

func compareAll(parts ...int) int {
	for _, part := range parts {
		if part != 0 {
			return part
		}
	}
	return 0
}

// readResult reads what one analyzer says of one package: what it has found, or why it could not.
func readResult(result json.RawMessage) (found []vetFinding, err error) {
	var failed struct{ Error string }
	if json.Unmarshal(result, &failed) == nil && failed.Error != "" {
		return nil, errors.New(failed.Error)
	}
	var diagnostics []struct {
		Category, Posn, End, Message string
		Related                      []struct{ Posn, Message string }
	}
	if err := json.Unmarshal(result, &diagnostics); err != nil {
		return nil, err
	}
	for _, d := range diagnostics {
		f := vetFinding{Category: d.Category, Message: d.Message}
		f.File, f.Line, f.Column = placeOf(d.Posn)
		_, f.EndLine, _ = placeOf(d.End)
		for _, r := range d.Related {
			if instead, ok := strings.CutPrefix(r.Message, "instead: "); ok {
				f.Instead = instead
				continue
			}
			step := vetStep{Text: r.Message}
			step.File, step.Line, _ = placeOf(r.Posn)
			f.Path = append(f.Path, step)
		}
		found = append(found, f)
	}
	return found, nil
}

// placeOf takes "file:line:column" apart. The file is named as seen from here where it is below.
func placeOf(at string) (file string, line, column int) {
	rest, last := cutBehind(at)
	file, before := cutBehind(rest)
	line, _ = strconv.Atoi(before)
	column, _ = strconv.Atoi(last)
	if here, err := os.Getwd(); err == nil {
		if below, err := filepath.Rel(here, file); err == nil && filepath.IsLocal(below) {
			file = below
		}
	}
	return file, line, column
}

func cutBehind(s string) (before, after string) {
	i := max(strings.LastIndexByte(s, ':'), 0)
	return s[:i], strings.TrimPrefix(s[i:], ":")
}

// withoutHeads leaves out the lines that name packages.
func withoutHeads(said string) io.Reader {
	var kept []string
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return strings.NewReader(strings.Join(kept, ""))
}

func (s *session) showFindings(found []vetFinding, asJSON bool) error {
	for i, f := range found {
		if asJSON {
			if err := s.object(f); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		s.showFinding(f)
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		return errors.New("1 finding")
	}
	return fmt.Errorf("%d findings", len(found))
}

// maxShown is how many lines of a source are shown of a finding.
const maxShown = 6

func (s *session) showFinding(f vetFinding) {
	fmt.Fprintf(s.out, "%s %s\n", s.paint(bold, clean(fmt.Sprintf("%s:%d:%d:", f.File, f.Line, f.Column))), clean(f.Message))
	if f.Instead == "" {
		return
	}
	lines := sourceOf(f)
	for _, line := range lines[:min(len(lines), maxShown)] {
		fmt.Fprintln(s.out, s.paint(red, "\t- "+clean(line)))
	}
	if len(lines) > maxShown {
		fmt.Fprintln(s.out, s.paint(red, "\t- …"))
	}
	fmt.Fprintln(s.out, s.paint(green, "\t+ "+clean(f.Instead)))
}

// sourceOf returns the lines of a finding, without the indent that they share; nothing where the
// file can't be read.
func sourceOf(f vetFinding) []string {
	text, err := os.ReadFile(f.File)
	if err != nil {
		return nil
	}
	all := strings.Split(string(text), "\n")
	if f.Line < 1 || f.Line > len(all) {
		return nil
	}
	lines := slices.Clone(all[f.Line-1 : min(max(f.EndLine, f.Line), len(all))])
	indent := lines[0][:len(lines[0])-len(strings.TrimLeft(lines[0], "\t "))]
	for i := range lines {
		lines[i] = strings.TrimSuffix(strings.TrimPrefix(lines[i], indent), "\r")
	}
	return lines
}

// asVetTool reports whether the go command calls: go vet -vettool asks a tool for its version and
// its flags, and then hands it a package each, described by a file.
func asVetTool(args []string) bool {
	if len(args) == 0 {
		return false
	}
	last := args[len(args)-1]
	if last == "-V=full" || last == "-flags" {
		return len(args) == 1
	}
	if !strings.HasSuffix(last, ".cfg") {
		return false
	}
	return !slices.ContainsFunc(args[:len(args)-1], func(arg string) bool { return !strings.HasPrefix(arg, "-") })
}

// runVetTool does what the go command asks for, and ends the process.
func runVetTool() { unitchecker.Main(vet.Analyzer) }
