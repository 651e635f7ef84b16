package tidy

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// helpsTests are rooms whose code runs in tests only, though it is in no _test.go file.
var helpsTests = []string{"store/storetest", "kit/blob/blobtest", "offloadtest", "internal/testpg", "internal/testpush", "internal/cutwire"}

// testCode finds package testing linked into what users run.
func testCode(h *house) (found []finding) {
	for f := range h.goFiles {
		if f.isTest() || slices.Contains(helpsTests, f.dir()) {
			continue
		}
		for _, spec := range f.ast.Imports {
			if p := strings.Trim(spec.Path.Value, `"`); p == "testing" || strings.HasPrefix(p, "testing/") {
				found = append(found, finding{f.path, h.line(spec), p + " is for tests; move the code to a _test.go file or to " + strings.Join(helpsTests, ", ")})
			}
		}
	}
	return found
}

// sleep finds tests that wait for real time to pass: slow where they are right, and wrong
// on a slow machine. Within testing/synctest a sleep costs nothing: files are passed over
// that import it, or call a function of their package that makes a bubble.
func sleep(h *house) (found []finding) {
	bubbles := h.bubbles()
	for f := range h.goFiles {
		if !f.isTest() && !slices.Contains(helpsTests, f.dir()) || f.imports("testing/synctest") || f.calls(bubbles[f.dir()]) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && isSelector(call.Fun, "time", "Sleep") {
				found = append(found, finding{f.path, h.line(call), "time.Sleep in a test: wait for what you wait for, or use testing/synctest"})
			}
			return true
		})
	}
	return found
}

// bubbles returns the functions of tests that call synctest.Test, by their room.
func (h *house) bubbles() map[string][]string {
	all := map[string][]string{}
	for f := range h.goFiles {
		for _, decl := range f.ast.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok || !f.isTest() || d.Recv != nil || d.Body == nil {
				continue
			}
			ast.Inspect(d.Body, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok && isSelector(e, "synctest", "Test") {
					all[f.dir()] = append(all[f.dir()], d.Name.Name)
				}
				return true
			})
		}
	}
	return all
}

// calls reports whether a file calls one of the functions.
func (f *file) calls(names []string) (calls bool) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			id, ok := call.Fun.(*ast.Ident)
			calls = calls || ok && slices.Contains(names, id.Name)
		}
		return !calls
	})
	return calls
}

// errorText finds programs that decide by what an error says. Texts change with a release or
// a language; errors.Is and errors.As, and codes of databases, do not.
func errorText(h *house) (found []finding) {
	for f := range h.goFiles {
		if f.isTest() || slices.Contains(helpsTests, f.dir()) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 && isErrorText(call.Args[0]) && isQuestion(call.Fun) {
				found = append(found, finding{f.path, h.line(call), "decides by an error's text; use errors.Is, errors.As or a code"})
			}
			return true
		})
	}
	return found
}

// isErrorText reports whether e is x.Error().
func isErrorText(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) > 0 {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Error"
}

// isQuestion reports whether e is a function that looks for something in a string.
func isQuestion(e ast.Expr) bool {
	return slices.ContainsFunc([]string{"Contains", "HasPrefix", "HasSuffix", "Index", "EqualFold"}, func(name string) bool {
		return isSelector(e, "strings", name)
	})
}

func (f *file) imports(name string) bool {
	return slices.ContainsFunc(f.ast.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"`+name+`"` })
}

func isSelector(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg && sel.Sel.Name == name
}

// comments finds packages without a comment, and exported names of public packages without
// one.
func comments(h *house) (found []finding) {
	documented := map[string]bool{}
	first := map[string]*file{}
	for f := range h.goFiles {
		if f.isTest() {
			continue
		}
		if first[f.dir()] == nil {
			first[f.dir()] = f
		}
		if f.ast.Doc != nil {
			documented[f.dir()] = true
		}
		if isPublic(f.dir()) {
			found = append(found, h.uncommented(f)...)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(first)) {
		if f := first[dir]; !documented[dir] {
			found = append(found, finding{f.path, 0, "package " + f.ast.Name.Name + " has no comment that says what it is"})
		}
	}
	return found
}

// uncommented returns the exported names of a file that have no comment. In a group of
// constants, variables or types the group's own comment will do, or one at the line's end.
func (h *house) uncommented(f *file) (found []finding) {
	missing := func(n ast.Node, name string) {
		found = append(found, finding{f.path, h.line(n), name + " has no comment"})
	}
	for _, decl := range f.ast.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !obvious[d.Name.Name] {
				missing(d, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if name := undocumented(d, spec); name != "" {
					missing(spec, name)
				}
			}
		}
	}
	return found
}

// obvious are methods that a well-known interface explains.
var obvious = map[string]bool{
	"Error": true, "Unwrap": true, "Is": true, "As": true, "String": true,
	"Len": true, "Less": true, "Swap": true,
	"MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true,
}

// undocumented returns the first exported name of a spec that no comment explains.
func undocumented(d *ast.GenDecl, spec ast.Spec) string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
			return s.Name.Name
		}
	case *ast.ValueSpec:
		if d.Doc != nil || s.Doc != nil || s.Comment != nil || typedGroup(d, s) {
			return ""
		}
		for _, name := range s.Names {
			if name.IsExported() {
				return name.Name
			}
		}
	}
	return ""
}

// typedGroup reports whether s is one of several values of one type, such as the states of a
// job: the type's comment explains them.
func typedGroup(d *ast.GenDecl, s *ast.ValueSpec) bool {
	if !d.Lparen.IsValid() || len(d.Specs) < 2 {
		return false
	}
	if _, named := s.Type.(*ast.Ident); named {
		return true
	}
	return s.Type == nil && len(s.Values) == 0 // goes on from the line above, as with iota
}

// exportedReceiver reports whether d is a function, or a method of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	name, _ := receiver(d)
	return ast.IsExported(name)
}

// receiver returns the name of a method's type, and whether it is a pointer to it.
func receiver(d *ast.FuncDecl) (name string, pointer bool) {
	e := d.Recv.List[0].Type
	for {
		switch t := e.(type) {
		case *ast.StarExpr:
			e, pointer = t.X, true
		case *ast.IndexExpr:
			e = t.X
		case *ast.IndexListExpr:
			e = t.X
		case *ast.Ident:
			return t.Name, pointer
		default:
			return fmt.Sprintf("%T", t), pointer
		}
	}
}
