package docs

import (
	"path"
	"regexp"
	"strings"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	ourFile  = regexp.MustCompile(`^[\w./*-]+\.(go|sql|txt|md)$`)
	ourPath  = regexp.MustCompile(`^\.?[\w-]+(/[\w.*-]+)+/?$`)
	heading  = regexp.MustCompile(`^#{1,6} +(.*?)\s*$`)
	unlinked = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// A Tree is what links and paths are held against.
type Tree interface {
	// Match reports whether a file or folder has that path; * stands for any name.
	Match(pattern string) bool
	// Base reports whether some file has that name, in whatever folder.
	Base(pattern string) bool
	// Anchors returns the anchors of a document's headings.
	Anchors(file string) map[string]bool
	// Folders are the names at the module's root.
	Folder(name string) bool
}

// CheckLinks returns links and paths of a document that lead nowhere. Paths are what stands
// in backquotes and is the name of a Go, SQL, text or Markdown file, or begins with a folder
// of the module's root.
func CheckLinks(file, text string, tree Tree) (problems []Problem) {
	for n, line := range prose(text) {
		for _, m := range link.FindAllStringSubmatch(line, -1) {
			if !leads(file, m[1], tree) {
				problems = append(problems, Problem{file, n, "the link " + m[1] + " leads nowhere"})
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			if !present(file, m[1], tree) {
				problems = append(problems, Problem{file, n, "there is no " + m[1]})
			}
		}
	}
	return problems
}

func leads(file, target string, tree Tree) bool {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return true
	}
	name, anchor, _ := strings.Cut(target, "#")
	at := file
	if name != "" {
		at = path.Join(path.Dir(file), name)
	}
	return tree.Match(at) && (anchor == "" || tree.Anchors(at)[anchor])
}

func present(file, name string, tree Tree) bool {
	name = strings.TrimPrefix(name, "./")
	first, _, nested := strings.Cut(name, "/")
	switch {
	case nested && ourPath.MatchString(name) && tree.Folder(first):
		name = strings.TrimSuffix(strings.TrimSuffix(name, "/..."), "/")
		return tree.Match(name) || tree.Match(path.Join(path.Dir(file), name))
	case !nested && ourFile.MatchString(name):
		return tree.Base(name)
	}
	return true
}

// prose yields number and text of the lines that are in no code block.
func prose(text string) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		end := ""
		for i, line := range strings.Split(text, "\n") {
			m := fence.FindStringSubmatch(line)
			switch {
			case m != nil && end == "":
				end = m[1]
			case m != nil && m[1] == end:
				end = ""
			case end == "" && !yield(i+1, line):
				return
			}
		}
	}
}

// Anchors returns the anchors that headings of a document have, as GitHub makes them.
func Anchors(text string) map[string]bool {
	anchors := map[string]bool{}
	for _, line := range prose(text) {
		if m := heading.FindStringSubmatch(line); m != nil {
			plain := unlinked.ReplaceAllString(strings.ToLower(m[1]), "")
			anchors[strings.ReplaceAll(plain, " ", "-")] = true
		}
	}
	return anchors
}
