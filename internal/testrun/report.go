package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// An event is a line of go test -json (go doc test2json), or of go build -json.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build events
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

// A report gathers events and prints what people want to know of them: packages as they
// end, the output of what failed, and at the end the sums.
type report struct {
	mu       sync.Mutex // events of two calls of go come at once
	w        io.Writer
	tests    map[testKey]*test
	packages map[string]*pkg
	builds   map[string][]string // output of builds, by import path
	skipped  map[string][]string // packages, by "name: how to get it"
	failures []string            // names, in the order they were seen
	left     []string            // tests that were skipped, and why
	broken   int                 // failures that are no test's
}

type testKey struct{ pkg, test string }

type test struct {
	output  []string
	parent  bool // has subtests
	failing bool // a subtest has failed
	outcome string
	elapsed time.Duration
}

type pkg struct {
	output []string
	failed int // tests
}

func newReport(w io.Writer) *report {
	return &report{
		w:        w,
		tests:    map[testKey]*test{},
		packages: map[string]*pkg{},
		builds:   map[string][]string{},
		skipped:  map[string][]string{},
	}
}

// read takes events until r ends, with a label behind the names of packages. A line that is no event is printed as it is.
func (r *report) read(from io.Reader, label string) error {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			r.takeLine(line, label)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) takeLine(line []byte, label string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		fmt.Fprintf(r.w, "%s\n", bytes.TrimRight(line, "\n"))
		return
	}
	if e.Package != "" {
		e.Package += label
	}
	r.take(e)
}

// take takes one event.
func (r *report) take(e event) {
	switch {
	case e.Action == "build-output":
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
	case e.Package == "":
	case e.Action == "output":
		r.takeOutput(e)
	case e.Test != "":
		r.takeTest(e)
	default:
		r.takePackage(e)
	}
}

func (r *report) takeOutput(e event) {
	if found := skippedGroup.FindStringSubmatch(e.Output); found != nil {
		r.skip(strings.TrimSpace(found[1]), e.Package)
	}
	if e.Test != "" {
		t := r.test(e)
		t.output = append(t.output, e.Output)
		return
	}
	p := r.pkg(e.Package)
	p.output = append(p.output, e.Output)
}

// skippedGroup is what a test prints that cannot run on this machine.
var skippedGroup = regexp.MustCompile(`\bSKIPPED GROUP ([\w./-]+: .*)`)

// skip notes that a group of tests was left out: "name: how to get it".
func (r *report) skip(group, where string) {
	if !slices.Contains(r.skipped[group], where) {
		r.skipped[group] = append(r.skipped[group], where)
	}
}

func (r *report) takeTest(e event) {
	t := r.test(e)
	switch e.Action {
	case "run":
		for parent := range r.parents(e) {
			parent.parent = true
		}
		return
	case "pass":
		t.output = nil
	case "skip":
		r.left = append(r.left, e.Package+" "+e.Test+": "+reason(t.output))
		t.output = nil
	case "fail":
		r.failTest(e, t)
	default:
		return
	}
	t.outcome, t.elapsed = e.Action, seconds(e.Elapsed)
}

// failTest prints the output of a test that failed. A parent is counted only if it failed by
// itself, and not because of a subtest.
func (r *report) failTest(e event, t *test) {
	for parent := range r.parents(e) {
		parent.failing = true
	}
	if !t.failing {
		r.pkg(e.Package).failed++
		r.failures = append(r.failures, e.Package+" "+e.Test)
	}
	said := slices.DeleteFunc(t.output, noise.MatchString)
	if !t.failing || len(said) > 0 {
		fmt.Fprintf(r.w, "--- FAIL %s %s\n    %s", e.Package, e.Test, strings.Join(said, "    "))
	}
	t.output = nil
}

// noise are go test's own lines about tests that come and go.
var noise = regexp.MustCompile(`^\s*(=== (RUN|PAUSE|CONT|NAME)|--- (PASS|FAIL|SKIP):)`)

func (r *report) takePackage(e event) {
	p := r.pkg(e.Package)
	switch e.Action {
	case "fail":
		r.failPackage(e, p)
	case "pass", "skip":
		// The last line is "ok" with the time, or that there are no test files.
		if n := len(p.output); n > 0 {
			fmt.Fprint(r.w, p.output[n-1])
		}
	default:
		return
	}
	p.output = nil
}

// failPackage prints what a package said that failed: with tests that failed only what no
// test said; else it did not build, its TestMain failed, or it was ended by its time-out.
func (r *report) failPackage(e event, p *pkg) {
	if e.FailedBuild != "" {
		for _, line := range r.builds[e.FailedBuild] {
			fmt.Fprint(r.w, line)
		}
		delete(r.builds, e.FailedBuild)
	}
	r.printRunning(e.Package)
	for _, line := range p.output {
		if line != "FAIL\n" && line != "PASS\n" {
			fmt.Fprint(r.w, line)
		}
	}
	if p.failed == 0 {
		r.broken++
		r.failures = append(r.failures, e.Package)
	}
}

// printRunning prints the output of tests that never ended: the process did.
func (r *report) printRunning(pkg string) {
	for _, k := range slices.SortedFunc(maps.Keys(r.tests), testKey.compare) {
		if t := r.tests[k]; k.pkg == pkg && t.outcome == "" && !t.parent {
			fmt.Fprintf(r.w, "--- DID NOT END %s %s\n", k.pkg, k.test)
			for _, line := range t.output {
				fmt.Fprintf(r.w, "    %s", line)
			}
			t.output = nil
		}
	}
}

// failStep notes that something beside the tests has failed.
func (r *report) failStep(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken++
	r.failures = append(r.failures, what)
}

func (r *report) anyFailed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

// counts returns how many tests passed, failed and were skipped by themselves. Of tests with
// subtests only the subtests count.
func (r *report) counts() (passed, failed, skipped int) {
	failed = r.broken
	for _, p := range r.packages {
		failed += p.failed
	}
	for _, t := range r.tests {
		switch {
		case t.parent:
		case t.outcome == "pass":
			passed++
		case t.outcome == "skip":
			skipped++
		}
	}
	return passed, failed, skipped
}

// close prints the sums and reports whether all is well.
func (r *report) close(slowest int, took time.Duration, ci bool) bool {
	r.printSlowest(slowest)
	if ci {
		for _, group := range slices.Sorted(maps.Keys(r.skipped)) {
			name, _, _ := strings.Cut(group, ":")
			r.failStep("skipped group " + name + ", and CI is set")
		}
	}
	for _, group := range slices.Sorted(maps.Keys(r.skipped)) {
		fmt.Fprintf(r.w, "SKIPPED GROUP %s (%s)\n", group, strings.Join(r.skipped[group], ", "))
	}
	for _, name := range r.left {
		fmt.Fprintf(r.w, "skipped: %s\n", name)
	}
	passed, failed, skipped := r.counts()
	for _, name := range r.failures {
		fmt.Fprintf(r.w, "failed: %s\n", name)
	}
	fmt.Fprintf(r.w, "%v, %d skipped\n", took.Round(time.Second), skipped)
	fmt.Fprintf(r.w, "%d passed, %d failed\n", passed, failed)
	return failed == 0
}

// printSlowest prints the n slowest tests that took a second or more.
func (r *report) printSlowest(n int) {
	slow := slices.DeleteFunc(slices.Collect(maps.Keys(r.tests)), func(k testKey) bool {
		return r.tests[k].parent || r.tests[k].elapsed < time.Second
	})
	slices.SortFunc(slow, func(a, b testKey) int {
		return cmp.Or(cmp.Compare(r.tests[b].elapsed, r.tests[a].elapsed), a.compare(b))
	})
	for _, k := range slow[:min(n, len(slow))] {
		fmt.Fprintf(r.w, "slow: %6.1fs %s %s\n", r.tests[k].elapsed.Seconds(), k.pkg, k.test)
	}
}

func (r *report) test(e event) *test {
	k := testKey{e.Package, e.Test}
	if r.tests[k] == nil {
		r.tests[k] = &test{}
	}
	return r.tests[k]
}

func (r *report) pkg(name string) *pkg {
	if r.packages[name] == nil {
		r.packages[name] = &pkg{}
	}
	return r.packages[name]
}

func (k testKey) compare(other testKey) int {
	return cmp.Or(cmp.Compare(k.pkg, other.pkg), cmp.Compare(k.test, other.test))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// parents yields the tests that a test is part of. A part's own name may have slashes too.
func (r *report) parents(e event) iter.Seq[*test] {
	return func(yield func(*test) bool) {
		for i, c := range e.Test {
			if c != '/' {
				continue
			}
			if t := r.tests[testKey{e.Package, e.Test[:i]}]; t != nil && !yield(t) {
				return
			}
		}
	}
}

// reason returns what a skipped test said last.
func reason(output []string) string {
	said := slices.DeleteFunc(output, noise.MatchString)
	if len(said) == 0 {
		return "without a reason"
	}
	return strings.TrimSpace(said[len(said)-1])
}
