package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strconv"
)

// A prelude is what fragments may use: packages, and declarations by their names.
type prelude struct {
	imports      map[string]string // path, by the name in front of the dot
	declarations []declaration
}

// A declaration declares one or more names.
type declaration struct {
	names []string
	node  ast.Node
	text  string
}

// parsePreamble reads the Go file that declares what fragments may use.
func parsePreamble(text string) (*prelude, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "preamble.go", text, 0)
	if err != nil {
		return nil, fmt.Errorf("preamble: %w", err)
	}
	p := &prelude{imports: map[string]string{}}
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("preamble: %w", err)
		}
		name := packageName(target)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		p.imports[name] = target
	}
	for _, decl := range file.Decls {
		d := declaration{node: decl, text: text[fset.Position(decl.Pos()).Offset:fset.Position(decl.End()).Offset]}
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			d.names = []string{decl.Name.Name}
			if decl.Recv != nil {
				return nil, fmt.Errorf("preamble: method %s: only types, variables and functions", decl.Name.Name)
			}
		case *ast.GenDecl:
			if decl.Tok == token.IMPORT {
				continue
			}
			d.names = namesOf(decl)
		}
		p.declarations = append(p.declarations, d)
	}
	return p, nil
}

var majorVersion = regexp.MustCompile(`^v\d+$`)

// packageName guesses the name of a package by its path.
func packageName(target string) string {
	base := path.Base(target)
	if majorVersion.MatchString(base) {
		base = path.Base(path.Dir(target))
	}
	return base
}

func namesOf(d *ast.GenDecl) (names []string) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			names = append(names, s.Name.Name)
		case *ast.ValueSpec:
			for _, id := range s.Names {
				names = append(names, id.Name)
			}
		}
	}
	return names
}

// needed returns the declarations that a fragment uses, directly or through others, without
// those that it makes itself.
func (p *prelude) needed(file *ast.File) (used []declaration) {
	own := map[string]bool{}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				own[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, name := range namesOf(d) {
				own[name] = true
			}
		}
	}
	wanted := identifiers(file)
	taken := make([]bool, len(p.declarations))
	for again := true; again; {
		again = false
		for i, d := range p.declarations {
			if taken[i] || !anyOf(d.names, wanted) || anyOf(d.names, own) {
				continue
			}
			taken[i], again = true, true
			for name := range identifiers(d.node) {
				wanted[name] = true
			}
		}
	}
	for i, d := range p.declarations {
		if taken[i] {
			used = append(used, d)
		}
	}
	return used
}

func anyOf(names []string, of map[string]bool) bool {
	for _, name := range names {
		if of[name] {
			return true
		}
	}
	return false
}

// identifiers returns all names that a node uses or declares.
func identifiers(n ast.Node) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			names[id.Name] = true
		}
		return true
	})
	return names
}
