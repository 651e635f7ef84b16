package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func testRoot() *cobra.Command {
	return newRoot(newSession(os.Stdin, os.Stdout, os.Stderr))
}

// commands are all of ours, the root included.
func commands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		all = append(all, commands(c)...)
	}
	return all
}

func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	for _, cmd := range commands(testRoot()) {
		name := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || len(cmd.Short) > 70 {
			t.Errorf("%s: Short %q, want a line without a period", name, cmd.Short)
		}
		if !strings.Contains(cmd.Example, name) {
			t.Errorf("%s: its example %q doesn't show it", name, cmd.Example)
		}
		if cmd.RunE == nil {
			t.Errorf("%s: not run by RunE", name)
		}
		for _, text := range strings.Split(cmd.Long, "\n") {
			if len([]rune(text)) > 110 {
				t.Errorf("%s: line of help is too long: %s", name, text)
			}
		}
	}
}

func TestExamplesAreUnderstood(t *testing.T) {
	for _, cmd := range commands(testRoot()) {
		for _, example := range strings.Split(cmd.Example, "\n") {
			args, ok := wordsAfter(example, "offload")
			if !ok {
				t.Errorf("%s: no call of offload in %q", cmd.CommandPath(), example)
				continue
			}
			found, rest, err := testRoot().Find(args)
			if err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), example, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), example, err)
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), example, err)
			}
		}
	}
}

// wordsAfter returns the arguments of a program in a line for a shell.
func wordsAfter(line, program string) (args []string, ok bool) {
	var word strings.Builder
	quote, in := rune(0), false
	flush := func() bool {
		if in {
			if ok {
				args = append(args, word.String())
			}
			ok = ok || word.String() == program
		}
		word.Reset()
		in = false
		return ok
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ':
			flush()
		case r == '|' || r == '&' || r == '>':
			if flush() {
				return args, true
			}
		default:
			in = true
			word.WriteRune(r)
		}
	}
	flush()
	return args, ok
}
