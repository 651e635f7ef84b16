package vet

import (
	"go/ast"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// ourModule is the module whose tasks are enqueued.
const ourModule = "github.com/offloadhq/offload"

// standardRoots are the first elements of the standard library's packages. A driver gives those no
// module, but neither does it to a program outside of one.
var standardRoots = strings.Fields(`archive bufio builtin bytes cmp compress container context crypto database debug embed encoding
	errors expvar flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime
	simd slices sort strconv strings structs sync syscall testing text time unicode unique unsafe vendor weak`)

// standard reports whether the package is of the standard library, which is known by name.
func standard(pass *analysis.Pass) bool {
	if pass.Module != nil && pass.Module.Path != "" {
		return false
	}
	root, _, _ := strings.Cut(pass.Pkg.Path(), "/")
	return slices.Contains(standardRoots, root)
}

// ourOwn reports whether the package is what takes the work over.
func ourOwn(pass *analysis.Pass) bool {
	return isOurs(pass.Pkg.Path())
}

func isOurs(pkg string) bool {
	below, ok := strings.CutPrefix(pkg, ourModule)
	return ok && (below == "" || strings.HasPrefix(below, "/") && !strings.HasPrefix(below, "/examples/") && !strings.HasPrefix(below, "/vet/testdata/"))
}

// foreign reports whether the package is of somebody else's module.
func foreign(pass *analysis.Pass) bool { return pass.Module != nil && pass.Module.Version != "" }

func isTest(pass *analysis.Pass, f *ast.File) bool {
	return strings.HasSuffix(pass.Fset.Position(f.FileStart).Filename, "_test.go")
}
