package offloadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offloadhq/offload"
)

// WantLogged fails the test, showing what was logged instead, unless the job's handler has logged
// a line with that text by offload.Logger, and with those attributes among its own: keys and values
// in turn, as for slog, in groups as "group.key". It returns the line, the oldest if there are
// several. Values are compared as the JSON that is stored.
func WantLogged(t testing.TB, app *App, id offload.ID, text string, attrs ...any) offload.LogLine {
	t.Helper()
	if len(attrs)%2 != 0 {
		t.Fatalf("WantLogged(%q): %d attributes; want a value for each key", text, len(attrs))
		return offload.LogLine{}
	}
	var lines []offload.LogLine
	for line, err := range app.Logs(context.Background(), id, false) {
		if err != nil {
			t.Fatalf("read the log of job %s: %v", id, err)
			return offload.LogLine{}
		}
		lines = append(lines, line)
	}
	found := slices.IndexFunc(lines, func(l offload.LogLine) bool { return l.Text == text && has(l, attrs) })
	if found >= 0 {
		return lines[found]
	}
	t.Fatalf("job %s has not logged %q%s; it has logged%s", id, text, pairs(attrs), shown(lines))
	return offload.LogLine{}
}

// has reports whether a line has the attributes.
func has(l offload.LogLine, attrs []any) bool {
	if len(attrs) == 0 {
		return true
	}
	all, err := normalJSON(l.Attrs)
	if err != nil {
		return false
	}
	for i := 0; i < len(attrs); i += 2 {
		want, err := normal(attrs[i+1])
		if err != nil {
			return false
		}
		got, ok := member(all, fmt.Sprint(attrs[i]))
		if !ok || !cmp.Equal(got, want) {
			return false
		}
	}
	return true
}

// member returns what an object has under a key, or in a group.
func member(object any, key string) (any, bool) {
	fields, _ := object.(map[string]any)
	if value, ok := fields[key]; ok {
		return value, true
	}
	group, rest, ok := strings.Cut(key, ".")
	if !ok || fields[group] == nil {
		return nil, false
	}
	return member(fields[group], rest)
}

func pairs(attrs []any) string {
	if len(attrs) == 0 {
		return ""
	}
	var all []string
	for i := 0; i < len(attrs); i += 2 {
		value, err := json.Marshal(attrs[i+1])
		if err != nil {
			value = []byte(err.Error())
		}
		all = append(all, fmt.Sprintf("%v=%s", attrs[i], value))
	}
	return " with " + strings.Join(all, " ")
}

func shown(lines []offload.LogLine) string {
	if len(lines) == 0 {
		return " nothing"
	}
	var b strings.Builder
	for i, l := range lines {
		if i == 50 {
			fmt.Fprintf(&b, "\n… and %d more", len(lines)-i)
			break
		}
		fmt.Fprintf(&b, "\n%s %q %s", l.Level, l.Text, l.Attrs)
	}
	return ":" + b.String()
}
