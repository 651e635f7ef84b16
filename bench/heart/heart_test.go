package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestFlagsAreChecked(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string // in the error; "" is none
	}{
		{nil, ""},
		{[]string{"-store", "sqlite", "commit", "idle"}, ""},
		{[]string{"comit"}, `question "comit"`},
		{[]string{"-store", "mysql"}, `-store "mysql": want sqlite, postgres or both`},
		{[]string{"-deep", "10"}, "-deep 10: want 20,000 or more"},
		{[]string{"-hold", "1s"}, "-hold 1s: want 5s or more"},
	} {
		_, err := parse(test.args)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("parse(%q) = %v, want %q", test.args, err, test.want)
		}
	}
}

func TestAFigureSaysWhetherItHolds(t *testing.T) {
	for _, test := range []struct {
		f    figure
		want string // at the end of its line
	}{
		{figure{Value: 0.95, Least: 0.9}, "wanted ≥ 0.9"},
		{figure{Value: 0.5, Least: 0.9, Of: "1/s against 2/s"}, "1/s against 2/s; wanted ≥ 0.9, NOT HELD"},
		{figure{Value: 3, Most: 2}, "wanted ≤ 2, NOT HELD"},
		{figure{Value: 3, Of: "four"}, "four"},
	} {
		var line bytes.Buffer
		test.f.print(&line, false)
		if got := strings.TrimSpace(line.String()); !strings.HasSuffix(got, test.want) {
			t.Errorf("%+v is printed as %q, want %q at its end", test.f, got, test.want)
		}
	}
}

// A short form of the questions that end soon on SQLite, so that they are known to work.
func TestQuestionsAreAnswered(t *testing.T) {
	var out bytes.Buffer
	o := options{store: "sqlite", deep: 20_000, hold: 5 * time.Second, names: []string{"commit", "depth"}}
	if _, err := ask(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3 {
		t.Errorf("%d figures, want 3:\n%s", lines, out.String())
	}
}
