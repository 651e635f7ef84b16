// Cross checks the types of what users link as they are on other systems, where no test runs: it takes seconds, and
// finds what a compiler would.
//
//	go run ./internal/cross windows/amd64 darwin/arm64 linux/386
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

// linked are the packages that users link.
var linked = []string{".", "./cmd/...", "./dashboard/...", "./examples/...", "./kit/...", "./offloadtest/...", "./operate/...", "./record/...", "./store/...", "./telemetry/..."}

func main() {
	failed := false
	for _, system := range os.Args[1:] {
		fmt.Println(system)
		wrong, err := check(".", system, linked...)
		if err != nil {
			wrong = append(wrong, err.Error())
		}
		for _, w := range wrong {
			fmt.Println(w)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// check returns what is wrong with packages, and with what they import, on a system such as "linux/386", without cgo.
func check(dir, system string, patterns ...string) (wrong []string, err error) {
	goos, goarch, ok := strings.Cut(system, "/")
	if !ok {
		return nil, fmt.Errorf("%q is no system; want one such as linux/386", system)
	}
	found, err := packages.Load(&packages.Config{
		Dir:  dir,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax,
		Env:  append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0"),
	}, patterns...)
	if err != nil {
		return nil, fmt.Errorf("load for %s: %w", system, err)
	}
	packages.Visit(found, nil, func(p *packages.Package) {
		for _, e := range p.Errors {
			wrong = append(wrong, e.Error())
		}
	})
	return wrong, nil
}
