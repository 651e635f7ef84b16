package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Source is a Go file made of a block: compiled in a package of its own.
type Source struct {
	Block Block
	Name  string // of the file: block.go, or block_test.go
	Text  string
}

// Sources returns the Go files that a go or diff block stands for. The preamble declares
// what fragments may use without saying where it comes from.
func Sources(b Block, preamble string) ([]Source, []Problem) {
	switch b.Lang {
	case "go":
		s, err := source(b, b.Text, preamble)
		if err != nil {
			return nil, []Problem{b.problem(0, "%v", err)}
		}
		return []Source{s}, nil
	case "diff":
		before, after := sides(b.Text)
		if !isFile(before) || !isFile(after) {
			return nil, []Problem{b.problem(-1, "a diff must show a whole Go file, so that both sides can be compiled")}
		}
		return []Source{whole(b, before), whole(b, after)}, nil
	}
	return nil, nil
}

// sides returns the text before and after a diff.
func sides(diff string) (before, after string) {
	for line := range strings.Lines(diff) {
		if line == "\n" {
			line = " \n"
		}
		sign, rest := line[0], line[1:]
		if sign != '+' {
			before += rest
		}
		if sign != '-' {
			after += rest
		}
	}
	return before, after
}

// source makes a Go file of a block's text.
func source(b Block, text, preamble string) (Source, error) {
	if isFile(text) {
		return whole(b, text), nil
	}
	body := elided.ReplaceAllString(text, `{ panic("elided") }`)
	line := fmt.Sprintf("//line %s:%d\n", b.File, b.Line)
	declarations := "package fragment\n" + line + body
	if file, err := parser.ParseFile(token.NewFileSet(), "", declarations, 0); err == nil {
		return fragment(b, file, line+body, preamble)
	}
	statements, err := asFunction(line, body)
	if err != nil {
		return Source{}, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", "package fragment\n"+statements, 0)
	if err != nil {
		return Source{}, err
	}
	return fragment(b, file, statements, preamble)
}

// elided is a function's body that a document leaves out.
var elided = regexp.MustCompile(`\{ *(…|\.\.\.) *\}`)

var packageClause = regexp.MustCompile(`(?m)^package \w+$`)

func isFile(text string) bool { return packageClause.MatchString(text) }

func whole(b Block, text string) Source {
	name := "block.go"
	if strings.Contains(text, `"testing"`) {
		name = "block_test.go"
	}
	return Source{b, name, fmt.Sprintf("//line %s:%d\n%s", b.File, b.Line, text)}
}

// asFunction wraps statements into a function, and uses what they declare and don't use.
func asFunction(line, body string) (string, error) {
	head := "func _() error {\n" + line
	file, err := parser.ParseFile(token.NewFileSet(), "", "package fragment\n"+head+body+"\nreturn nil\n}\n", 0)
	if err != nil {
		return "", fmt.Errorf("neither declarations nor statements: %w", err)
	}
	var uses strings.Builder
	for _, name := range declared(file.Decls[0].(*ast.FuncDecl).Body.List) {
		fmt.Fprintf(&uses, "_ = %s\n", name)
	}
	return head + body + "\n" + uses.String() + "return nil\n}\n", nil
}

// declared returns the names that statements declare, in their order.
func declared(list []ast.Stmt) (names []string) {
	add := func(id *ast.Ident) {
		if id.Name != "_" && !slices.Contains(names, id.Name) {
			names = append(names, id.Name)
		}
	}
	for _, stmt := range list {
		switch s := stmt.(type) {
		case *ast.AssignStmt:
			for _, e := range s.Lhs {
				if id, ok := e.(*ast.Ident); ok && s.Tok == token.DEFINE {
					add(id)
				}
			}
		case *ast.DeclStmt:
			for _, spec := range s.Decl.(*ast.GenDecl).Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for _, id := range v.Names {
						add(id)
					}
				}
			}
		}
	}
	return names
}

// fragment makes a file of a fragment: with the imports that it names, and the declarations
// of the preamble that it uses and does not make itself.
func fragment(b Block, file *ast.File, text, preamble string) (Source, error) {
	if len(file.Imports) > 0 {
		return Source{}, fmt.Errorf("a fragment with imports: give it a package clause, so that it is a whole file")
	}
	pre, err := parsePreamble(preamble)
	if err != nil {
		return Source{}, err
	}
	used := pre.needed(file)
	parts := []string{"package fragment"}
	imports := map[string]bool{}
	for _, d := range used {
		for name := range selected(d.node) {
			imports[name] = true
		}
	}
	for name := range selected(file) {
		imports[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(imports)) {
		if path := pre.imports[name]; path != "" {
			parts = append(parts, fmt.Sprintf("import %s %s", name, strconv.Quote(path)))
		}
	}
	for _, d := range used {
		parts = append(parts, d.text)
	}
	name := "block.go"
	if imports["testing"] {
		name = "block_test.go"
	}
	return Source{b, name, strings.Join(append(parts, text), "\n")}, nil
}

// selected returns the names that stand before a dot: packages, among others.
func selected(n ast.Node) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok {
				names[x.Name] = true
			}
		}
		return true
	})
	return names
}
