package vet_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/offloadhq/offload/vet"
)

// What is found, and what is not, is said in the packages of testdata, at the line.
func TestFindings(t *testing.T) {
	for _, pkg := range []string{"shop", "web", "frameworks", "loops", "notify"} {
		t.Run(pkg, func(t *testing.T) { analysistest.Run(t, analysistest.TestData(), vet.Analyzer, pkg) })
	}
}

// Enqueues beside a transaction come with the edit that puts them in.
func TestBesideTransaction(t *testing.T) {
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), vet.Analyzer, "beside")
}
