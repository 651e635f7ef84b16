// Package vet finds what the handlers of a web server do while a user waits, and what of it a job
// can do instead: sending mail, calling other servers, work on pictures, running programs, packing
// files, writing tables, inserting rows one by one, sleeping. It finds goroutines that are lost when
// the process stops, too, and jobs that are enqueued beside the transaction they belong to.
//
// `offload vet ./...` runs it. So does go vet, with the command as its tool:
//
//	go vet -vettool=$(which offload) ./...
//
// and Analyzer goes into a multichecker of your own.
//
// # What is a handler
//
// Functions, methods and function literals that take what a handler takes: (http.ResponseWriter,
// *http.Request), which is also what chi, gorilla and the like call; httprouter's; the contexts of
// gin, echo, fiber, fasthttp, iris and hertz. Files of tests are left out.
//
// # What is followed
//
// Calls of functions and methods, also into other packages and modules; function literals and
// functions that are handed to others, as they are run before that call returns; variables that
// hold a function; deferred calls; goroutines that the function waits for. The method of an
// interface is followed into the types of the package that declares the interface.
//
// Not followed are functions in fields of structs, methods of interfaces whose types are in other
// packages, reflection, generated servers (gRPC), and the standard library, of which the calls that
// matter are known by name. Of other people's modules it is known what they call at last, not by
// what way. So that nothing is found does not prove that there is nothing.
//
// A function that is bound to a task (Handle, NewTask) is no handler: it runs where nobody waits.
//
// # What stays
//
// Some work belongs into the answer: the price of a parcel is asked for because the page shows it.
// Say so at the line, or in the comment above the function, and it is not mentioned again:
//
//	//offload:inline the answer shows the price
//
// The reason is needed.
package vet

import (
	"go/ast"

	"golang.org/x/tools/go/analysis"
)

// Analyzer reports what handlers reach while a user waits. A Diagnostic's Category is one of mail,
// http, image, command, archive, pack, export, document, bulk, sleep, goroutine, tx, and inline for a
// comment without a reason. Its Related are the steps of the way there, and at the end, where there
// is one, the line that would enqueue it, behind "instead: ". A fix is suggested for tx alone.
var Analyzer = &analysis.Analyzer{
	Name:      "offload",
	Doc:       "report what HTTP handlers do while the user waits, and a job could do\n\nMail, HTTP calls, pictures, programs, archives, tables, rows in a loop, sleep, goroutines that nobody waits for, and jobs enqueued beside an open transaction.",
	URL:       "https://github.com/offloadhq/offload/blob/main/docs/vet.md",
	Run:       run,
	FactTypes: []analysis.Fact{new(reaches)},
}

func run(pass *analysis.Pass) (any, error) {
	if standard(pass) || ourOwn(pass) {
		return nil, nil
	}
	p := &program{pass: pass, inline: commentsOf(pass)}
	p.collect()
	p.settle()
	p.export()
	p.report()
	p.reportBesideTx()
	p.inline.report(pass)
	return nil, nil
}

// files yields the files that are no tests.
func (p *program) files(yield func(*ast.File) bool) {
	for _, f := range p.pass.Files {
		if !isTest(p.pass, f) && !yield(f) {
			return
		}
	}
}
