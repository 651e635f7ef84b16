package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
)

func TestErrorIsOneLineWithTheNameOnce(t *testing.T) {
	for want, err := range map[string]error{
		"offload: job 7: not found":     fmt.Errorf("job 7: %w", offload.ErrNotFound),
		"offload: list jobs: no answer": errors.New("offload: list jobs: offload: no answer"),
		"offload: a b":                  errors.New("a\n\tb"),
		"offload: a\uFFFD[31mb":         errors.New("a\x1b[31mb"),
	} {
		if got := line(err); got != want {
			t.Errorf("line(%q) = %q, want %q", err, got, want)
		}
	}
}

func TestJoinedErrorsHaveALineEach(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), fmt.Errorf("c: %w: %w", errors.New("c1"), errors.New("c\n2"))
	if got := flatten(errors.Join(a, errors.Join(b, c))); !slices.Equal(got, []error{a, b, c}) {
		t.Errorf("flatten = %v", got)
	}
}

func TestExitCodes(t *testing.T) {
	input := &offload.InputError{Field: "Delay", Got: -1, Want: "0 or more"}
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("no answer"), 1},
		{offload.ErrUnavailable, 1},
		{wrong("no"), 2},
		{input, 2},
		{fmt.Errorf("line 7: %w", input), 2},
		{fmt.Errorf("%w: no store", offload.ErrRefused), 2},
		{offload.ErrUnknownTask, 2},
		{fmt.Errorf("retry job 7: %w", &offload.ConflictError{}), 2},
		{fmt.Errorf("job 7: %w", offload.ErrNotFound), 3},
		{errors.Join(input, offload.ErrNotFound), 3},
	} {
		s := &session{begun: true}
		if got := s.exitCode(test.err); got != test.want {
			t.Errorf("exit code of %v = %d, want %d", test.err, got, test.want)
		}
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"grüße, 世界":        "grüße, 世界",
		"a\tb\nc":          "a\tb\nc",
		"\x1b]0;title\x07": "\uFFFD]0;title\uFFFD",
		"abc\u202Etxt.exe": "abc\uFFFDtxt.exe",
		"\u009b31m":        "\uFFFD31m",
		"a\x7f":            "a\uFFFD",
		"\xff":             "\uFFFD",
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestLineReader(t *testing.T) {
	long := strings.Repeat("x", streamLine+1)
	for _, test := range []struct {
		name, text string
		want       []string // line numbers in front
	}{
		{"nothing", "", nil},
		{"empty lines are counted only", "a\n\n \nb\n", []string{"1 a", "4 b"}},
		{"the last line need not end", "a\r\nb", []string{"1 a", "2 b"}},
		{"a line that is too long is refused by its number", "a\n" + long, []string{"1 a", "2 refused"}},
	} {
		lines := &lineReader{r: bufio.NewReaderSize(strings.NewReader(test.text), streamLine)}
		var got []string
		for {
			text, err := lines.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				got = append(got, fmt.Sprint(lines.n, " refused"))
				break
			}
			got = append(got, fmt.Sprint(lines.n, " ", string(text)))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestParseQueues(t *testing.T) {
	names, parts, err := parseQueues([]string{"mail=2", "import"})
	if err != nil || !slices.Equal(names, []string{"import", "mail"}) || len(parts) != 3 {
		t.Errorf("parseQueues = %v, %d parts, %v", names, len(parts), err)
	}
	if names, _, err := parseQueues(nil); err != nil || names != nil {
		t.Errorf("no queue is every queue; got %v, %v", names, err)
	}
	for _, bad := range []string{"mail=", "mail=0", "mail=x", "=3", "", "mail=10001"} {
		if _, _, err := parseQueues([]string{bad}); err == nil {
			t.Errorf("--queue %q is not refused", bad)
		}
	}
	if _, _, err := parseQueues([]string{"mail", "mail=3"}); err == nil {
		t.Error("the same queue twice is not refused")
	}
}

func TestProgressAndColoursAreForTerminalsOnly(t *testing.T) {
	for _, test := range []struct {
		terminal     bool
		painted, err string
	}{
		{false, "bad", ""},
		{true, "\x1b[31mbad\x1b[0m", "\r\x1b[K7 jobs\r\x1b[K"},
	} {
		var out strings.Builder
		s := &session{err: &out, live: test.terminal, colour: test.terminal}
		s.progress("%d jobs", 7)
		s.progress("")
		if got := s.paint(red, "bad"); got != test.painted || out.String() != test.err {
			t.Errorf("terminal %t: painted %q, progress %q", test.terminal, got, out.String())
		}
	}
}
