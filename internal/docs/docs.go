// Package docs holds what the documents say against the program: every code block of every
// Markdown file is compiled or run, every path and link must be there. Its tests do that.
//
// What becomes of a block is said by its language:
//
//	go       a whole file (it has a package clause) is compiled as it stands; a fragment is
//	         wrapped: declarations into a file, statements into a function. Names that it does
//	         not declare come from testdata/preamble.go, imports are added
//	diff     of a whole Go file: both sides are compiled
//	sh       each line must call a program, subcommand, flag or make target that exists
//	console  as sh for lines that begin with "$ "; what follows is output
//	sql      is run by the store that a mark above the block names
//	json     must be JSON
//	js       is run by Chromium (bench/browser), each document's with what it needs around it
//	text     is left alone, as yaml, ini, csv, dockerfile, python and ruby are
//
// A mark is a comment above the block: <!-- docs: run --> runs a console block and compares
// its output, <!-- docs: sqlite --> and <!-- docs: postgres --> run SQL.
package docs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Block is a fenced code block of a document.
type Block struct {
	File string // slash-separated, from the module's root
	Line int    // of its first line of code
	Lang string
	Mark string // of the comment above it
	Text string
}

// A Problem is a place where a document is wrong.
type Problem struct {
	File string
	Line int
	Text string
}

func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// problem returns a problem of a line of the block, counted from 0.
func (b Block) problem(line int, format string, args ...any) Problem {
	return Problem{b.File, b.Line + line, fmt.Sprintf(format, args...)}
}

var (
	fence = regexp.MustCompile("^ {0,3}(```+|~~~+)\\s*([\\w+-]*)\\s*$")
	mark  = regexp.MustCompile(`^<!-- docs: (.*?) -->\s*$`)
)

// Blocks returns the fenced code blocks of a document.
func Blocks(file, text string) (blocks []Block, problems []Problem) {
	var open *Block
	var end, above string
	for i, line := range strings.Split(text, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case open != nil && m != nil && m[1] == end && m[2] == "":
			blocks = append(blocks, *open)
			open, above = nil, ""
		case open != nil:
			open.Text += line + "\n"
		case m != nil:
			open, end = &Block{File: file, Line: i + 2, Lang: m[2], Mark: above}, m[1]
		case mark.MatchString(line):
			above = mark.FindStringSubmatch(line)[1]
		case strings.TrimSpace(line) != "":
			above = ""
		}
	}
	if open != nil {
		problems = append(problems, open.problem(-1, "this code block does not end"))
	}
	return blocks, problems
}

// languages are those that a block may be in, with the marks that it may have.
var languages = map[string][]string{
	"go":         nil,
	"diff":       nil,
	"sh":         nil,
	"console":    {"run"},
	"sql":        {"sqlite", "postgres"},
	"json":       nil,
	"js":         nil,
	"text":       nil,
	"yaml":       nil,
	"ini":        nil,
	"csv":        nil,
	"dockerfile": nil,
	"python":     nil,
	"ruby":       nil,
}

// CheckLanguage returns what is wrong with a block's language and mark, and with its text
// where that needs nothing else.
func CheckLanguage(b Block) (problems []Problem) {
	marks, known := languages[b.Lang]
	switch {
	case b.Lang == "":
		return []Problem{b.problem(-1, "a code block without a language; output and drawings are text")}
	case !known:
		return []Problem{b.problem(-1, "nothing checks blocks in %s; see the package comment of internal/docs", b.Lang)}
	case b.Mark == "" && b.Lang == "sql":
		return []Problem{b.problem(-1, "say above the block where it runs: <!-- docs: sqlite --> or <!-- docs: postgres -->")}
	}
	for word := range strings.FieldsSeq(b.Mark) {
		if !slices.Contains(marks, word) {
			problems = append(problems, b.problem(-1, "%s blocks know no mark %q", b.Lang, word))
		}
	}
	if b.Lang == "json" {
		for i, line := range jsonTexts(b.Text) {
			if !json.Valid([]byte(line)) {
				problems = append(problems, b.problem(i, "this is no JSON"))
			}
		}
	}
	return problems
}

// jsonTexts returns the text as one, or line by line if each line is a JSON text.
func jsonTexts(text string) []string {
	if json.Valid([]byte(text)) {
		return []string{text}
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) == 1 || !json.Valid([]byte(lines[0])) {
		return []string{text}
	}
	return lines
}
