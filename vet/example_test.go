package vet_test

import (
	"fmt"

	"golang.org/x/tools/go/analysis"

	"github.com/offloadhq/offload/vet"
)

// A program that checks code with several analyzers hands them to multichecker.Main.
func Example() {
	mine := []*analysis.Analyzer{vet.Analyzer}
	// multichecker.Main(mine...)
	fmt.Println(mine[0].Name)
	// Output: offload
}
