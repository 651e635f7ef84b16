package tidy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A breach is a small house, and what a rule finds in it; nothing, if it keeps the rule.
type breach struct {
	name  string
	rule  string
	files map[string]string
	want  []string // a part of each finding, in order
}

var breaches = []breach{
	{"a store does not know the app", "arrows", map[string]string{
		"store/sqlite/a.go": "package sqlite\nimport _ \"github.com/offloadhq/offload\"\n",
	}, []string{"store/sqlite/a.go:2: store/... (one store each) must not import .; it may import: store"}},
	{"a store knows the contract", "arrows", map[string]string{
		"store/sqlite/a.go": "package sqlite\nimport _ \"github.com/offloadhq/offload/store\"\n",
	}, nil},
	{"one store does not know another", "arrows", map[string]string{
		"store/sqlite/a.go": "package sqlite\nimport _ \"github.com/offloadhq/offload/store/memory\"\n",
	}, []string{"must not import store/memory"}},
	{"the laws know the model", "arrows", map[string]string{
		"store/storetest/a.go": "package storetest\nimport _ \"github.com/offloadhq/offload/store/memory\"\n",
	}, nil},
	{"the root does not link what is for tests", "arrows", map[string]string{
		"a.go": "package offload\nimport _ \"github.com/offloadhq/offload/internal/testpg\"\n",
	}, []string{"must not import internal/testpg"}},
	{"a test may import what it likes", "arrows", map[string]string{
		"store/a_test.go": "package store\nimport _ \"github.com/offloadhq/offload/internal/testpg\"\n",
	}, nil},
	{"a kit does not know a transport", "arrows", map[string]string{
		"kit/export/a.go": "package export\nimport _ \"github.com/offloadhq/offload/kit/mail/smtp\"\n",
	}, []string{"must not import kit/mail/smtp"}},
	{"a new room is asked for its arrows", "arrows", map[string]string{
		"attic/a.go": "package attic\n",
	}, []string{`room "attic" is unknown: say what it may import, in rooms (internal/tidy/arrows.go)`}},

	{"a file of two subjects", "file length", map[string]string{
		"a.go": "package offload\n" + strings.Repeat("\n", maxLines),
	}, []string{"a.go: 501 lines, want 500 at most"}},
	{"a long test", "file length", map[string]string{
		"a_test.go": "package offload\n" + strings.Repeat("\n", maxLines),
	}, nil},

	{"a package named by nothing", "names", map[string]string{
		"internal/utils/a.go": "package utils\n",
	}, []string{`"utils" says nothing`}},
	{"a file named by nothing", "names", map[string]string{
		"store/types.go": "package store\n",
		"store/job.go":   "package store\n",
	}, []string{`store/types.go: "types" says nothing`}},

	{"work left over", "left to do", map[string]string{
		"a.go":      "package offload\n\n// TO" + "DO: the rest\n",
		"README.md": "FIX" + "ME\n",
		"b.go":      "package offload\n\nfunc toDoList() {}\n",
	}, []string{"README.md:1: FIX", "a.go:3: TO"}},

	{"a path of one machine", "outside", map[string]string{
		"a.go":      "package offload\n\nvar a = \"/work/main\"\n",
		"b.go":      "package offload\n\nvar b = \"/tmp/x\"\n",
		"c_test.go": "package offload\n\nvar c = \"/tmp/x\"\n",
		"d.go":      "package offload\n\nvar d = \"/v1/work/\"\n",
		"e.go":      "package offload\n\nvar e = `offload demo --dir /tmp/shop`\n",
	}, []string{"a.go:3: a path of one machine", "b.go:3: a path of one machine"}},
	{"a document that is not here", "outside", map[string]string{
		"a.go":         "package offload\n\n// See PLAN.md and docs/mail.md.\n",
		"docs/mail.md": "See ../README.md, mail.md and https://example.com/OTHER.md.\n",
		"README.md":    "\n",
	}, []string{"a.go:3: there is no document PLAN.md"}},
	{"a number of a list that is kept elsewhere", "outside", map[string]string{
		"a.go": "package offload\n\n// By ruling 4.\n// A queue is ruled by issue #12.\n// Issues of money: 3.\n",
	}, []string{`a.go:3: "ruling 4"`, `a.go:4: "issue #12"`}},

	{"SQL that nobody reads", "dead SQL", map[string]string{
		"store/sqlite/claim.go":            "package sqlite\n\nvar (\n\t//go:embed sql/claim.sql\n\tclaim string\n)\n",
		"store/sqlite/all.go":              "package sqlite\n\n//go:embed sql/many\nvar many embed.FS\n\nvar a = read(\"named\")\n",
		"store/sqlite/schema_test.go":      "package sqlite\n\nvar golden = \"schema.sql\"\n",
		"store/sqlite/sql/claim.sql":       "SELECT 1",
		"store/sqlite/sql/dead.sql":        "SELECT 1",
		"store/sqlite/sql/many/named.sql":  "SELECT 1",
		"store/sqlite/sql/many/dead.sql":   "SELECT 1",
		"store/sqlite/schema.sql":          "CREATE TABLE job ()",
		"store/sqlite/migrations/0001.sql": "CREATE TABLE job ()",
	}, []string{"store/sqlite/sql/dead.sql: no Go file", "store/sqlite/sql/many/dead.sql: no Go file"}},

	{"a sleep", "sleep", map[string]string{
		"rig_test.go":          "package a\nimport \"testing/synctest\"\nfunc inBubble(t *testing.T) { synctest.Test(t, nil) }\n",
		"d_test.go":            "package a\nimport \"time\"\nfunc i() { inBubble(nil); time.Sleep(1) }\n",
		"a_test.go":            "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }\n",
		"b_test.go":            "package a\nimport (\"time\"; \"testing/synctest\")\nfunc g() { time.Sleep(1) }\n",
		"store/storetest/a.go": "package storetest\nimport \"time\"\nfunc f() { time.Sleep(1) }\n",
		"c.go":                 "package a\nimport \"time\"\nfunc h() { time.Sleep(1) }\n",
	}, []string{"a_test.go:3: time.Sleep in a test", "store/storetest/a.go:3: time.Sleep in a test"}},

	{"deciding by what an error says", "error text", map[string]string{
		"a.go":      "package a\n\nvar x = strings.Contains(err.Error(), \"locked\")\n",
		"b.go":      "package a\n\nvar y = strings.Contains(s, err.Error())\n",
		"a_test.go": "package a\n\nvar z = strings.Contains(err.Error(), \"locked\")\n",

		"store/storetest/a.go": "package storetest\n\nvar z = strings.Contains(err.Error(), \"locked\")\n",
	}, []string{"a.go:3: decides by an error's text"}},

	{"a statement that does not say what it does", "headers", map[string]string{
		"store/sqlite/sql/a.sql": "SELECT 1",
		"store/sqlite/sql/b.sql": "-- One.\nSELECT 1",
	}, []string{"store/sqlite/sql/a.sql:1: begin with a comment"}},

	{"testing in what users run", "test code", map[string]string{
		"a.go":             "package offload\nimport _ \"testing\"\n",
		"a_test.go":        "package offload\nimport _ \"testing\"\n",
		"offloadtest/a.go": "package offloadtest\nimport _ \"testing\"\n",
	}, []string{"a.go:2: testing is for tests"}},

	{"a package that does not say what it is", "comments", map[string]string{
		"internal/engine/a.go": "package engine\n\nfunc F() {}\n",
		"internal/batch/a.go":  "// Package batch is one round trip for many.\npackage batch\n",
		"internal/batch/b.go":  "package batch\n",
	}, []string{"internal/engine/a.go: package engine has no comment"}},
	{"public names without a comment", "comments", map[string]string{
		"store/a.go": `// Package store keeps jobs.
package store

func Bare() {}

type Job struct{}

func (j *Job) Run() {}

func (j *Job) String() string { return "" }

func (h hidden) Run() {}

type hidden struct{}

var ErrBare = 1

// States of a job.
const (
	One State = "one"
	Two State = "two"
)

const (
	Three State = "three"
	Four State = "four"
)

const Alone = 3 // the only one

// Good is explained.
func Good() {}
`,
	}, []string{
		"store/a.go:4: Bare has no comment", "store/a.go:6: Job has no comment",
		"store/a.go:8: Run has no comment", "store/a.go:16: ErrBare has no comment",
	}},
}

func TestRulesFindBreaches(t *testing.T) {
	tried := map[string]bool{}
	for _, b := range breaches {
		t.Run(b.name, func(t *testing.T) {
			h, err := build(b.files)
			if err != nil {
				t.Fatal(err)
			}
			found := rules[b.rule](h)
			if len(found) != len(b.want) {
				t.Fatalf("found %d: %v\nwant %d: %q", len(found), found, len(b.want), b.want)
			}
			for i, want := range b.want {
				if got := found[i].String(); !strings.Contains(got, want) {
					t.Errorf("found %q, want %q", got, want)
				}
			}
		})
		tried[b.rule] = tried[b.rule] || len(b.want) > 0
	}
	for name := range rules {
		if !tried[name] {
			t.Errorf("no breach of the rule %q has been tried", name)
		}
	}
}

func TestAPINamesWhatUsersSee(t *testing.T) {
	h, err := build(map[string]string{
		"a.go": `// Package offload is small here.
package offload

type Job struct {
	ID ID
	hidden int
	*Embedded
	embedded
}

func (j *Job) Run(ctx context.Context,
	queues ...string) (n int, err error) { return 0, nil }

func (h hidden) Run() {}

type Task[In any] struct{ f func(In) }

type Option interface {
	Apply(c *Config)
	apply()
}

type ID = store.ID

type State string

const (
	One State = "one"
	Two State = "two"
	three State = "three"
)

var ErrGone = errors.New("gone")
`,
		"a_test.go":            "package offload\n\nfunc ForTests() {}\n",
		"internal/engine/a.go": "package engine\n\nfunc Inside() {}\n",
		"kit/mail/a.go":        "package mail\n\nvar Send = offload.Declare[Message](\"mail\")\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"kit/mail: var Send = offload.Declare[Message]",
		"offload: const One State",
		"offload: const Two State",
		"offload: func (j *Job) Run(ctx context.Context, queues ...string) (n int, err error)",
		"offload: type ID = store.ID",
		"offload: type Job struct",
		"offload: type Job struct, ID ID",
		"offload: type Job struct, embeds *Embedded",
		"offload: type Option interface",
		"offload: type Option interface, Apply func(c *Config)",
		"offload: type Option interface, only this package implements it",
		"offload: type State string",
		"offload: type Task[In any] struct",
		"offload: var ErrGone = errors.New",
	}
	if diff := cmp.Diff(want, api(h)); diff != "" {
		t.Errorf("api (-want +got):\n%s", diff)
	}
}

func TestDepsFollowsImports(t *testing.T) {
	packages, err := readList(strings.NewReader(`
{"ImportPath": "errors", "Standard": true, "Imports": ["internal/errors"]}
{"ImportPath": "example.com/far", "Imports": ["errors"], "Module": {"Path": "example.com/far"}}
{"ImportPath": "example.com/near/x", "Imports": ["example.com/far"], "Module": {"Path": "example.com/near"}}
{"ImportPath": "our.com/m", "Imports": ["our.com/m/store"], "Module": {"Path": "our.com/m", "Main": true}}
{"ImportPath": "our.com/m/store", "Imports": ["example.com/near/x"], "Module": {"Path": "our.com/m", "Main": true}}
{"ImportPath": "our.com/m/batch", "Imports": ["errors"], "Module": {"Path": "our.com/m", "Main": true}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		".: example.com/far", ".: example.com/near", "batch: nothing",
		"store: example.com/far", "store: example.com/near",
	}
	if diff := cmp.Diff(want, deps(packages)); diff != "" {
		t.Errorf("deps (-want +got):\n%s", diff)
	}
}

func TestListThatIsBrokenIsAnError(t *testing.T) {
	if _, err := readList(strings.NewReader(`{"ImportPath": "errors"`)); err == nil {
		t.Error("half an answer of go list is taken for a whole one")
	}
}
