package vet

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// loaded returns packages as they are, by path; those that are not to be had are left out.
func loaded(t *testing.T, atLeast int, paths ...string) map[string]*types.Package {
	t.Helper()
	all, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes}, paths...)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*types.Package{}
	for _, p := range all {
		if p.Types != nil && len(p.Errors) == 0 {
			found[p.PkgPath] = p.Types
		}
	}
	if len(found) < atLeast {
		t.Fatalf("%d of the packages could be loaded, want %d at least", len(found), atLeast)
	}
	return found
}

// The lines that are offered name what the kits really have.
func TestAdviceNamesWhatThereIs(t *testing.T) {
	known := map[string]*types.Package{}
	for _, p := range loaded(t, 10, ourModule, ourModule+"/kit/...") {
		known[p.Name()] = p
	}
	lines := map[kind][]string{archive: {insteadUnpack, insteadDecompress}}
	for k, d := range descriptions {
		lines[k] = append(lines[k], d.instead)
		if kit, ok := strings.CutPrefix(d.taker, "kit/"); ok && known[kit] == nil {
			t.Errorf("%s: there is no %s", k, d.taker)
		}
	}
	for k, all := range lines {
		for _, line := range all {
			checkLine(t, known, k, line)
		}
	}
}

// checkLine checks a line and what is behind it as a comment, each a statement or a declaration.
func checkLine(t *testing.T, known map[string]*types.Package, k kind, line string) {
	t.Helper()
	line = strings.NewReplacer("{ctx}", "ctx", "{app}", "app", "{arg0}", "d", "…", "nil").Replace(line)
	for part := range strings.SplitSeq(line, " // ") {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; func f() { "+part+" }", 0)
		if err != nil {
			t.Errorf("%s: %q is no Go: %v", k, part, err)
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if p := packageOf(known, n); p != nil && p.Scope().Lookup(n.Sel.Name) == nil {
					t.Errorf("%s: there is no %s.%s", k, p.Name(), n.Sel.Name)
				}
			case *ast.CompositeLit:
				checkFields(t, known, k, n)
			}
			return true
		})
	}
}

func packageOf(known map[string]*types.Package, n *ast.SelectorExpr) *types.Package {
	id, ok := n.X.(*ast.Ident)
	if !ok {
		return nil
	}
	return known[id.Name]
}

func checkFields(t *testing.T, known map[string]*types.Package, k kind, n *ast.CompositeLit) {
	t.Helper()
	sel, ok := n.Type.(*ast.SelectorExpr)
	if !ok {
		return
	}
	p := packageOf(known, sel)
	if p == nil || p.Scope().Lookup(sel.Sel.Name) == nil {
		return
	}
	for _, element := range n.Elts {
		name := element.(*ast.KeyValueExpr).Key.(*ast.Ident).Name
		if field, _, _ := types.LookupFieldOrMethod(p.Scope().Lookup(sel.Sel.Name).Type(), false, nil, name); field == nil {
			t.Errorf("%s: there is no field %s.%s.%s", k, p.Name(), sel.Sel.Name, name)
		}
	}
}

// Rules for packages that can be had here name functions that are there.
func TestRulesNameWhatThereIs(t *testing.T) {
	var paths []string
	for _, r := range rules {
		if !strings.Contains(r.pkg, ".") {
			paths = append(paths, r.pkg)
		}
	}
	paths = append(paths, "golang.org/x/image/draw", "golang.org/x/image/tiff", "golang.org/x/image/bmp", "golang.org/x/image/webp",
		"github.com/wneessen/go-mail", "github.com/emersion/go-smtp", "github.com/xuri/excelize/v2", "github.com/parquet-go/parquet-go",
		"github.com/minio/minio-go/v7", "github.com/gen2brain/webp")
	slices.Sort(paths)
	paths = slices.Compact(paths)
	for at, p := range loaded(t, len(paths), paths...) {
		names := functionsOf(p)
		for _, r := range exactRules[unversioned(at)] {
			for _, pattern := range strings.Fields(r.names) {
				if !slices.ContainsFunc(names, func(name string) bool { ok, _ := path.Match(pattern, name); return ok }) {
					t.Errorf("%s has nothing like %s", at, pattern)
				}
			}
		}
	}
}

// functionsOf names the functions of a package, and the methods of its types.
func functionsOf(p *types.Package) (names []string) {
	for _, name := range p.Scope().Names() {
		switch obj := p.Scope().Lookup(name).(type) {
		case *types.Func:
			names = append(names, nameIn(obj))
		case *types.TypeName:
			set := types.NewMethodSet(types.NewPointer(obj.Type()))
			if types.IsInterface(obj.Type()) {
				set = types.NewMethodSet(obj.Type())
			}
			for method := range set.Methods() {
				names = append(names, nameIn(method.Obj().(*types.Func)))
			}
		}
	}
	return names
}
