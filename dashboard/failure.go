package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/offloadhq/offload"
)

// A failure is a failed attempt as a page shows it.
type failure struct {
	offload.Failure
	First   string  // line of the error
	Changed []piece // the same line, by what is new in it since the attempt before
	Rest    string  // of the error
	Same    int     // the attempt before that failed in the same way; 0 is none
	Own     []frameOf
	Other   []frameOf // of the runtime and of libraries
}

// A frameOf is a line of a stack.
type frameOf struct{ Func, Place string }

// failuresOf are failures, newest first, each beside the one before it.
func failuresOf(failures []offload.Failure) []failure {
	all := make([]failure, len(failures))
	for i := range failures {
		f := &all[len(failures)-1-i]
		f.Failure = failures[i]
		f.Error = seen(strings.ToValidUTF8(f.Error, "�"))
		f.First, f.Rest, _ = strings.Cut(f.Error, "\n")
		f.Own, f.Other = framesOf(f.Stack)
		f.Changed = []piece{{f.First, false}}
		if i > 0 {
			f.Changed = changes(all[len(failures)-i].Error, f.First)
		}
		if i > 0 && failures[i-1].Error == failures[i].Error && failures[i-1].Kind == failures[i].Kind {
			f.Same = failures[i-1].Attempt
		}
	}
	return all
}

// A piece is a part of a line.
type piece struct {
	Text string
	New  bool
}

// changes are a line by what is new in it beside the the first line of another text: what lies between the words with which both
// begin and end. Lines that have little in common are not compared.
func changes(old, line string) []piece {
	old, _, _ = strings.Cut(old, "\n")
	was, is := strings.SplitAfter(old, " "), strings.SplitAfter(line, " ")
	begin := 0
	for begin < min(len(was), len(is)) && was[begin] == is[begin] {
		begin++
	}
	end := 0
	for end < min(len(was), len(is))-begin && was[len(was)-1-end] == is[len(is)-1-end] {
		end++
	}
	if begin+end == len(is) || 2*(begin+end) < len(is) {
		return []piece{{line, false}}
	}
	var all []piece
	for i, part := range [][]string{is[:begin], is[begin : len(is)-end], is[len(is)-end:]} {
		if len(part) > 0 {
			all = append(all, piece{strings.Join(part, ""), i == 1})
		}
	}
	return all
}

// framesOf are the lines of a stack as runtime/debug.Stack writes it: those of the user's own code, and the others.
func framesOf(stack string) (own, other []frameOf) {
	lines := strings.Split(stack, "\n")
	for i := 0; i+1 < len(lines); i++ {
		place, indented := strings.CutPrefix(lines[i+1], "\t")
		if !indented || lines[i] == "" {
			continue
		}
		place, _, _ = strings.Cut(place, " +0x")
		f := frameOf{lines[i], place}
		if foreign(f) {
			other = append(other, f)
		} else {
			own = append(own, f)
		}
		i++
	}
	return own, other
}

// foreign reports whether a line of a stack is not of the user's code: of Go, of offload, or of a module that was loaded.
func foreign(f frameOf) bool {
	name := strings.TrimPrefix(f.Func, "created by ")
	first, _, _ := strings.Cut(name, "/")
	dotted := strings.Contains(first, ".") && strings.Contains(name, "/")
	switch {
	case strings.HasPrefix(name, "main."):
		return false
	case strings.HasPrefix(name, "github.com/offloadhq/offload.") || strings.HasPrefix(name, "github.com/offloadhq/offload/internal/"):
		return true
	case strings.Contains(f.Place, "/pkg/mod/"):
		return true
	}
	return !dotted && (strings.HasPrefix(name, "runtime") || strings.HasPrefix(name, "panic(") || strings.Contains(f.Place, "/src/runtime/") || strings.Contains(f.Place, "/usr/local/go/src/"))
}

// fieldsOf are the attributes of a line of a log, as name=value.
func fieldsOf(attrs []byte) string {
	if len(attrs) == 0 {
		return ""
	}
	dec := json.NewDecoder(bytes.NewReader(attrs))
	dec.UseNumber()
	var all map[string]any
	if dec.Decode(&all) != nil {
		return string(attrs)
	}
	var parts []string
	for name, value := range all {
		text, err := json.Marshal(value)
		if s, is := value.(string); is && !strings.ContainsAny(s, " \"\n=") {
			text, err = []byte(s), nil
		}
		if err == nil {
			parts = append(parts, fmt.Sprintf("%s=%s", name, text))
		}
	}
	sort.Strings(parts)
	return seen(strings.Join(parts, " "))
}
