package vet

import (
	"go/ast"
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// directive marks what shall stay in the handler.
const directive = "//offload:inline"

// comments are the places where somebody has said that work belongs into the answer.
type comments struct {
	fset  *token.FileSet
	lines map[string]map[int]bool // by file, the lines that are meant
	bare  []*ast.Comment          // those without a reason
}

func commentsOf(pass *analysis.Pass) *comments {
	c := &comments{fset: pass.Fset, lines: map[string]map[int]bool{}}
	for _, file := range pass.Files {
		if isTest(pass, file) {
			continue
		}
		var code map[int]bool // lines with code, once they are needed
		for _, group := range file.Comments {
			for _, one := range group.List {
				if !strings.HasPrefix(one.Text, directive) {
					continue
				}
				if code == nil {
					code = linesOfCode(pass.Fset, file)
				}
				c.read(one, group, code)
			}
		}
	}
	return c
}

// linesOfCode returns the lines of a file in which something begins or ends.
func linesOfCode(fset *token.FileSet, file *ast.File) map[int]bool {
	lines := map[int]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n.(type) {
		case nil, *ast.File, *ast.Comment, *ast.CommentGroup:
			return true
		}
		lines[fset.Position(n.Pos()).Line] = true
		lines[fset.Position(n.End()).Line] = true
		return true
	})
	return lines
}

// read notes the line that a comment means: its own, or where it stands alone that behind the group
// of comments that it is in.
func (c *comments) read(one *ast.Comment, group *ast.CommentGroup, code map[int]bool) {
	reason := strings.TrimPrefix(one.Text, directive)
	if reason != "" && reason[0] != ' ' && reason[0] != '\t' {
		return
	}
	if strings.TrimSpace(reason) == "" {
		c.bare = append(c.bare, one)
		return
	}
	at := c.fset.Position(one.Pos())
	line := at.Line
	if !code[line] {
		line = c.fset.Position(group.End()).Line + 1
	}
	if c.lines[at.Filename] == nil {
		c.lines[at.Filename] = map[int]bool{}
	}
	c.lines[at.Filename][line] = true
}

// at reports whether one of the positions is in a line that is meant.
func (c *comments) at(positions ...token.Pos) bool {
	for _, pos := range positions {
		if at := c.fset.Position(pos); c.lines[at.Filename][at.Line] {
			return true
		}
	}
	return false
}

// inDoc reports whether a function's comment says it for all of the function.
func (c *comments) inDoc(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, one := range doc.List {
		if reason, ok := strings.CutPrefix(one.Text, directive+" "); ok && strings.TrimSpace(reason) != "" {
			return true
		}
	}
	return false
}

// report reports the comments without a reason.
func (c *comments) report(pass *analysis.Pass) {
	for _, one := range c.bare {
		pass.Report(analysis.Diagnostic{
			Pos: one.Pos(), End: one.End(), Category: "inline",
			Message: "offload:inline needs a reason, such as: " + directive + " the answer shows the price",
		})
	}
}
