package tidy

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxLines is how long a Go file may be. A longer one has two subjects.
const maxLines = 500

// long are files that may be longer, with the reason.
var long = map[string]string{}

// fileLength finds Go files that are too long, tests apart.
func fileLength(h *house) (found []finding) {
	for f := range h.goFiles {
		n := strings.Count(f.text, "\n")
		if f.isTest() || n <= maxLines || long[f.path] != "" {
			continue
		}
		found = append(found, finding{f.path, 0, fmt.Sprintf("%d lines, want %d at most: split it by subject, or give a reason in long (internal/tidy/files.go)", n, maxLines)})
	}
	return found
}

// empty are names of packages that say nothing of what is in them.
var empty = []string{"util", "utils", "common", "types", "type", "helper", "helpers", "manager", "misc", "base", "shared", "lib"}

// packageNames finds packages and files with names that say nothing.
func packageNames(h *house) (found []finding) {
	for f := range h.goFiles {
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
		for _, name := range []string{strings.TrimSuffix(f.ast.Name.Name, "_test"), stem} {
			if slices.Contains(empty, name) {
				found = append(found, finding{f.path, 0, fmt.Sprintf("%q says nothing of what is in it; name it by what it does", name)})
				break
			}
		}
	}
	return found
}

// todo is split so that this file keeps its own rule.
var todo = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)

// leftToDo finds marks of what was left to do. An issue is the place for that.
func leftToDo(h *house) (found []finding) {
	for _, f := range h.files {
		for n, line := range f.lines {
			if mark := todo.FindString(line); mark != "" {
				found = append(found, finding{f.path, n, mark + ": do it, or open an issue"})
			}
		}
	}
	return found
}

// Things of the outside: a reader of this repository cannot see them.
var (
	machinePath = regexp.MustCompile(`(^|[\s"'=:(\x60])(/work/|/home/\w|/Users/\w|/root/)`)
	tmpPath     = regexp.MustCompile(`(^|[\s"'=:(\x60])/tmp/`)
	document    = regexp.MustCompile(`(?:[\w.-]+://\S*)|[\w./-]*\b[\w-]+\.md\b`)
	numbered    = regexp.MustCompile(`(?i)\b(rulings?|issues?) #?\d+\b|\bdesign,? section\b|\b(my|our|a) colleagues?\b|\bthe brief\b`)
)

// outside finds mentions of what lies outside of the repository: paths of one machine,
// documents that are not here, numbers of lists that are kept elsewhere.
func outside(h *house) (found []finding) {
	for _, f := range h.files {
		if f.dir() == "internal/tidy" || f.dir() == "internal/docs" || f.under("testdata") {
			continue // they speak of such things
		}
		for n, line := range f.lines {
			for _, what := range outsideOf(h, f, line) {
				found = append(found, finding{f.path, n, what})
			}
		}
	}
	return found
}

func outsideOf(h *house, f *file, line string) (whats []string) {
	example := strings.Contains(line, "offload ") // of the command, for people to type
	if machinePath.MatchString(line) || tmpPath.MatchString(line) && !f.isTest() && !example {
		whats = append(whats, "a path of one machine: "+strings.TrimSpace(line))
	}
	if m := numbered.FindString(line); m != "" {
		whats = append(whats, fmt.Sprintf("%q is not in this repository: give the reason itself", m))
	}
	for _, name := range slices.Compact(document.FindAllString(line, -1)) {
		if strings.Contains(name, "://") || h.has(path.Clean(name)) || h.has(path.Join(f.dir(), name)) {
			continue
		}
		whats = append(whats, fmt.Sprintf("there is no document %s in this repository", name))
	}
	return whats
}

// embedding is a line that takes files into the program.
var embedding = regexp.MustCompile(`(?m)^\s*//go:embed (.*)$`)

// deadSQL finds .sql files that no program of their package reads: neither embedded by name,
// nor in an embedded folder and named in a string. Migrations are read by their folder, and
// a golden schema by its test. Those of the documents are for people; internal/docs runs them.
func deadSQL(h *house) (found []finding) {
	for _, f := range h.files {
		if !strings.HasSuffix(f.path, ".sql") || f.under("testdata") || f.under("migrations") || strings.HasPrefix(f.path, "docs/") {
			continue
		}
		if !h.reads(f) {
			found = append(found, finding{f.path, 0, "no Go file of its package embeds or names it: use it or delete it"})
		}
	}
	return found
}

// reads reports whether a Go file of the package that sql belongs to, the nearest above it,
// embeds it or names it in a string.
func (h *house) reads(sql *file) bool {
	for dir := sql.dir(); ; dir = path.Dir(dir) {
		isPackage := false
		for f := range h.goFiles {
			if f.dir() != dir {
				continue
			}
			isPackage = true
			if f.names(strings.TrimPrefix(sql.path, strings.TrimPrefix(dir+"/", "./"))) {
				return true
			}
		}
		if isPackage || dir == "." {
			return false
		}
	}
}

// names reports whether a Go file embeds a path by its full name, or has its base name, with
// or without ".sql", as a string.
func (f *file) names(name string) bool {
	for _, m := range embedding.FindAllStringSubmatch(f.text, -1) {
		if slices.Contains(strings.Fields(m[1]), name) {
			return true
		}
	}
	base := path.Base(name)
	for _, s := range []string{base, strings.TrimSuffix(base, ".sql"), name} {
		if strings.Contains(f.text, strconv.Quote(s)) || strings.Contains(f.text, "`"+s+"`") {
			return true
		}
	}
	return false
}

// headers finds statements that do not say what they do: a .sql file begins with a comment,
// which has its parameters, its reason and its plan.
func headers(h *house) (found []finding) {
	for _, f := range h.files {
		if strings.HasSuffix(f.path, ".sql") && !f.under("testdata") && !strings.HasPrefix(f.text, "--") {
			found = append(found, finding{f.path, 1, "begin with a comment: what it does, its parameters, its reason"})
		}
	}
	return found
}
