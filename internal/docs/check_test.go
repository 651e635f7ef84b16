package docs

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func texts(problems []Problem) (all []string) {
	for _, p := range problems {
		all = append(all, p.String())
	}
	return all
}

// wantProblems compares problems by a part of each.
func wantProblems(t *testing.T, got []Problem, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("problems: %q\nwant: %q", texts(got), want)
		return
	}
	for i := range want {
		if !strings.Contains(got[i].String(), want[i]) {
			t.Errorf("problem %q, want %q", got[i], want[i])
		}
	}
}

func TestBlocksKnowTheirPlaceLanguageAndMark(t *testing.T) {
	text := "# Title\n\n```go\nx := 1\n```\n<!-- docs: run -->\n\n```console\n$ ls\n```\n\n~~~text\n```\n~~~\n"
	got, problems := Blocks("a.md", text)
	want := []Block{
		{"a.md", 4, "go", "", "x := 1\n"},
		{"a.md", 9, "console", "run", "$ ls\n"},
		{"a.md", 13, "text", "", "```\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
		t.Errorf("problems %v, blocks (-want +got):\n%s", problems, diff)
	}
}

func TestBlockThatDoesNotEnd(t *testing.T) {
	_, problems := Blocks("a.md", "one\n```go\nx := 1\n")
	wantProblems(t, problems, "a.md:2: this code block does not end")
}

func TestLanguagesThatNothingChecks(t *testing.T) {
	wantProblems(t, CheckLanguage(Block{File: "a.md", Line: 2}), "a.md:1: a code block without a language")
	wantProblems(t, CheckLanguage(Block{Lang: "perl"}), "nothing checks blocks in perl")
	wantProblems(t, CheckLanguage(Block{Lang: "go", Mark: "run"}), `go blocks know no mark "run"`)
	wantProblems(t, CheckLanguage(Block{Lang: "sql"}), "say above the block where it runs")
	wantProblems(t, CheckLanguage(Block{Lang: "sql", Mark: "sqlite postgres"}))
	wantProblems(t, CheckLanguage(Block{File: "a.md", Line: 2, Lang: "json", Text: "{\"a\": 1}\n{\"a\": }\n"}), "a.md:3: this is no JSON")
	wantProblems(t, CheckLanguage(Block{Lang: "json", Text: "{\n \"a\": 1\n}\n"}))
}

const smallPreamble = `package fragment

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

var ctx context.Context

var conn *pgx.Conn

type Photo struct{ Path string }

func thumbnail(p Photo) error { return fmt.Errorf("no %s", p.Path) }
`

func TestSourcesOfGoBlocks(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
	}{
		{
			"a whole file stays as it is",
			"package main\n\nfunc main() {}\n",
			"//line a.md:7\npackage main\n\nfunc main() {}\n",
		},
		{
			"declarations get imports and what they use of the preamble",
			"var f = thumbnail\n",
			"package fragment\nimport fmt \"fmt\"\ntype Photo struct{ Path string }\n" +
				"func thumbnail(p Photo) error { return fmt.Errorf(\"no %s\", p.Path) }\n//line a.md:7\nvar f = thumbnail\n",
		},
		{
			"what a fragment declares is not taken from the preamble",
			"type Photo int\n\nvar p Photo\n",
			"package fragment\n//line a.md:7\ntype Photo int\n\nvar p Photo\n",
		},
		{
			"statements go into a function, and may leave names unused",
			"row, err := conn.Exec(ctx, \"select 1\")\n",
			"package fragment\nimport context \"context\"\nimport pgx \"github.com/jackc/pgx/v5\"\n" +
				"var ctx context.Context\nvar conn *pgx.Conn\n" +
				"func _() error {\n//line a.md:7\nrow, err := conn.Exec(ctx, \"select 1\")\n\n_ = row\n_ = err\nreturn nil\n}\n",
		},
		{
			"a body may be left out",
			"func f() error { … }\n",
			"package fragment\n//line a.md:7\nfunc f() error { panic(\"elided\") }\n",
		},
	} {
		got, problems := Sources(Block{File: "a.md", Line: 7, Lang: "go", Text: test.text}, smallPreamble)
		if len(problems) > 0 || len(got) != 1 {
			t.Errorf("%s: %v", test.name, problems)
			continue
		}
		if diff := cmp.Diff(test.want, got[0].Text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	_, problems := Sources(Block{File: "a.md", Line: 7, Lang: "go", Text: "x ::= 1\n"}, smallPreamble)
	wantProblems(t, problems, "a.md:7: neither declarations nor statements")
	_, problems = Sources(Block{File: "a.md", Line: 7, Lang: "diff", Text: " x\n+y\n"}, smallPreamble)
	wantProblems(t, problems, "a.md:6: a diff must show a whole Go file")
	_, problems = Sources(Block{File: "a.md", Line: 7, Lang: "go", Text: "import \"fmt\"\nvar a = fmt.Sprint()\n"}, smallPreamble)
	wantProblems(t, problems, "a.md:7: a fragment with imports")
}

func TestDiffHasTwoSides(t *testing.T) {
	got, problems := Sources(Block{Lang: "diff", Text: " package a\n\n-var x = 1\n+var x = 2\n"}, smallPreamble)
	if len(problems) > 0 || len(got) != 2 {
		t.Fatalf("%d sources, %v", len(got), problems)
	}
	if !strings.HasSuffix(got[0].Text, "package a\n\nvar x = 1\n") || !strings.HasSuffix(got[1].Text, "package a\n\nvar x = 2\n") {
		t.Errorf("sides: %q, %q", got[0].Text, got[1].Text)
	}
}

// world is a small module with a command.
var world = World{
	Targets: map[string]bool{"test": true},
	Exists:  func(path string) bool { return slices.Contains([]string{"store", ".ci/run", "cmd/offload"}, path) },
	Help: func(sub []string) (string, error) {
		switch strings.Join(sub, " ") {
		case "":
			return "Usage:\n  offload [command]\n\nJobs:\n  job         one job\n\nRun:\n  work        works\n\nFlags:\n      --db string   where\n  -h, --help\n", nil
		case "job":
			return "Usage:\n  offload job\n\nCommands:\n  show        show one\n\nFlags:\n  -h, --help\n", nil
		case "job show":
			return "Usage:\n  offload job show ID\n\nFlags:\n      --json   as JSON\n", nil
		case "work":
			return "Usage:\n  offload work\n\nFlags:\n  -q, --queue strings   queues\n", nil
		}
		return "", errors.New("unknown")
	},
}

func TestCommandsOfDocuments(t *testing.T) {
	for _, test := range []struct {
		line string
		want string // "" is nothing wrong
	}{
		{"make test TESTFLAGS=-short", ""},
		{"make tests", "a.md:4: the Makefile has no target tests"},
		{"offload work --queue mail=3 -q x  # two queues", ""},
		{"offload work --queues mail", "offload work has no flag --queues"},
		{"offload play", "offload has no subcommand play"},
		{"offload job show 7 --json | jq .id && offload job hide", "offload job has no subcommand hide"},
		{"OFFLOAD_DB=x.db offload job show --json 7 >/dev/null", ""},
		{"offload work -- --anything", ""},
		{"go run ./cmd/offload job show --xml", "offload job show has no flag --xml"},
		{"go test ./store/...", ""},
		{"go test ./stores/...", "there is no ./stores/..."},
		{"bash .ci/run", ""},
		{"./run-me", "there is no ./run-me"},
		{"frobnicate -x", "nothing knows the program frobnicate"},
		{"# only a comment", ""},
	} {
		got := CheckCommands(Block{File: "a.md", Line: 4, Lang: "sh", Text: test.line + "\n"}, world)
		if test.want == "" {
			wantProblems(t, got)
		} else {
			wantProblems(t, got, test.want)
		}
	}
}

func TestStepsOfConsole(t *testing.T) {
	b := Block{Lang: "console", Text: "$ offload work \\\n    --queue x\nworking\n$ offload job show 7\n{\n}\n"}
	want := []step{{"offload work     --queue x", "working\n"}, {"offload job show 7", "{\n}\n"}}
	if diff := cmp.Diff(want, steps(b), cmp.AllowUnexported(step{})); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestOutputLooksLike(t *testing.T) {
	for _, test := range []struct {
		want, got string
		like      bool
	}{
		{"done in 3ms", "done in 1.25s\n", true},
		{"job 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e", "job 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4f", true},
		{"a … z\nend", "a b c z\nend\n", true},
		{"a … z", "a b\nc z", false},
		{"3 jobs", "4 jobs", false},
		{"ID   STATE", "ID STATE", true},
	} {
		if got := looksLike(test.want, test.got); got != test.like {
			t.Errorf("looksLike(%q, %q) = %v", test.want, test.got, got)
		}
	}
}

// smallTree has a README, a guide and a store.
type smallTree struct{}

func (smallTree) Match(p string) bool {
	return slices.Contains([]string{"README.md", "docs/mail.md", "store", "store/claim.go", "store/*/sql"}, p)
}
func (smallTree) Base(p string) bool             { return p == "claim.go" }
func (smallTree) Folder(name string) bool        { return name == "store" }
func (smallTree) Anchors(string) map[string]bool { return Anchors("# Title\n## Stop, right `now`\n") }

func TestLinks(t *testing.T) {
	text := "[a](docs/mail.md) [b](docs/mail.md#stop-right-now) [c](https://example.com/x)\n" +
		"[d](docs/push.md) [e](README.md#begin)\n" +
		"`store/claim.go` `claim.go` `store/*/sql/` `text/html` `a.go b`\n" +
		"`store/push.go` `push.go`\n" +
		"```text\n`push.go`\n```\n"
	wantProblems(t, CheckLinks("README.md", text, smallTree{}),
		"README.md:2: the link docs/push.md leads nowhere", "README.md:2: the link README.md#begin leads nowhere",
		"README.md:4: there is no store/push.go", "README.md:4: there is no push.go")
	wantProblems(t, CheckLinks("docs/mail.md", "[up](../README.md)\n", smallTree{}))
}
