package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// program is a module with a test for each way in which a test can end.
var program = map[string]string{
	"go.mod": "module example.com/m\n\ngo 1.26.0\n",
	"good/good_test.go": `package good
import "testing"
func TestGood(t *testing.T) { println("said by a good test") }
func TestParts(t *testing.T) {
	t.Run("one", func(t *testing.T) {})
	t.Run("two", func(t *testing.T) {})
	t.Run("of/three", func(t *testing.T) {})
}
func TestLeftOut(t *testing.T) { t.Skip("SKIPPED GROUP ghosts: apt-get install ghosts") }
`,
	"bad/bad_test.go": `package bad
import "testing"
func TestBad(t *testing.T) {
	t.Run("fine", func(t *testing.T) {})
	t.Run("broken", func(t *testing.T) { t.Error("this is broken") })
}
func TestParentItself(t *testing.T) {
	t.Run("fine", func(t *testing.T) {})
	t.Error("the parent is broken")
}
`,
	"unbuilt/unbuilt_test.go": `package unbuilt
import "testing"
func TestUnbuilt(t *testing.T) { undefinedName() }
`,
	"ended/ended_test.go": `package ended
import ("fmt"; "os"; "testing")
func TestMain(m *testing.M) { m.Run(); fmt.Println("goroutines are left"); os.Exit(1) }
func TestEnded(t *testing.T) {}
`,
	"bench/go.mod": "module example.com/m/bench\n\ngo 1.26.0\n",
	"bench/inner/inner_test.go": `package inner
import "testing"
func TestInner(t *testing.T) {}
`,
	"gone/gone_test.go": `package gone
import ("os"; "testing")
func TestGone(t *testing.T) { t.Log("about to go"); os.Exit(3) }
`,
}

// runModule runs the tests of some packages of program.
func runModule(t *testing.T, ci bool, packages ...string) (out string, ok bool) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range program {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var w bytes.Buffer
	r := newReport(&w)
	o := options{timeout: 60e9, packages: packages}
	for _, m := range o.modules() {
		if err := goTest(t.Context(), m, goTestArgs(o, m), r); err != nil {
			t.Errorf("goTest: %v\n%s", err, w.String())
		}
	}
	ok = r.close(10, 0, ci)
	return w.String(), ok
}

func want(t *testing.T, out string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("the output lacks %q:\n%s", part, out)
		}
	}
}

func TestReportOfGoodTests(t *testing.T) {
	out, ok := runModule(t, false, "./good")
	if !ok {
		t.Error("good tests are reported as failed")
	}
	want(t, out,
		"ok  \texample.com/m/good\t",
		"SKIPPED GROUP ghosts: apt-get install ghosts (example.com/m/good)\n",
		"skipped: example.com/m/good TestLeftOut: good_test.go:9: SKIPPED GROUP ghosts",
		"1 skipped\n")
	if !strings.HasSuffix(out, "\n4 passed, 0 failed\n") {
		t.Errorf("the last line is not the sum:\n%s", out)
	}
	if strings.Contains(out, "said by a good test") {
		t.Errorf("a good test's output is printed:\n%s", out)
	}
}

func TestSkippedGroupFailsInCI(t *testing.T) {
	out, ok := runModule(t, true, "./good")
	if ok {
		t.Error("a skipped group is good enough for CI")
	}
	want(t, out, "failed: skipped group ghosts", "SKIPPED GROUP ghosts: ")
	if !strings.HasSuffix(out, "\n4 passed, 1 failed\n") {
		t.Errorf("the last line is not the sum:\n%s", out)
	}
}

func TestReportOfFailures(t *testing.T) {
	out, ok := runModule(t, false, "./...")
	if ok {
		t.Error("failed tests are reported as good")
	}
	want(t, out,
		"--- FAIL example.com/m/bad TestBad/broken\n", "this is broken",
		"--- FAIL example.com/m/bad TestParentItself\n", "the parent is broken",
		"undefined: undefinedName",
		"goroutines are left",
		"--- DID NOT END example.com/m/gone TestGone", "about to go",
		"failed: example.com/m/bad TestBad/broken\n",
		"failed: example.com/m/bad TestParentItself\n",
		"failed: example.com/m/unbuilt\n",
		"failed: example.com/m/ended\n",
		"failed: example.com/m/gone\n",
	)
	// Passed: good 4, the two fine ones, and TestEnded, whose process failed after it.
	if !strings.HasSuffix(out, "\n7 passed, 5 failed\n") {
		t.Errorf("the last line is not the sum:\n%s", out)
	}
	if strings.Contains(out, "--- FAIL example.com/m/bad TestBad\n") {
		t.Errorf("a parent that said nothing is printed:\n%s", out)
	}
}

// The tests of both modules are counted together, whatever becomes of either.
func TestBothModulesAreCounted(t *testing.T) {
	out, ok := runModule(t, false, "./bad", "./bench/...")
	if ok {
		t.Error("a failure in the first module is forgotten")
	}
	want(t, out, "failed: example.com/m/bad TestBad/broken\n", "ok  \texample.com/m/bench/inner\t")
	if !strings.HasSuffix(out, "\n3 passed, 2 failed\n") {
		t.Errorf("the last line is not the sum:\n%s", out)
	}
}

func TestStepThatFailedBeforeTheTests(t *testing.T) {
	var w bytes.Buffer
	r := newReport(&w)
	r.failStep("make lint")
	if r.close(0, 0, false) {
		t.Error("all is well, though a step has failed")
	}
	want(t, w.String(), "failed: make lint\n", "0 passed, 1 failed\n")
}

func TestTestsThatCannotStartAreAnError(t *testing.T) {
	var w bytes.Buffer
	r := newReport(&w)
	err := goTest(t.Context(), group{dir: "."}, []string{"test", "-json", "-timeout", "soon"}, r)
	if err == nil {
		t.Errorf("goTest with a wrong flag returned no error:\n%s", w.String())
	}
}

// Tests that run at length do without the race detector, but for what acts at once; the module in bench is a group of its own.
func TestGroups(t *testing.T) {
	const m = "github.com/offloadhq/offload/"
	const raced = "-race -gcflags=modernc.org/sqlite/lib=-race=false "
	t.Chdir("../..")
	for _, test := range []struct {
		flags string
		want  [2]string
	}{
		{". ./store ./store/sqlite ./internal/tidy", [2]string{
			".: test -json -vet=off -timeout 18m0s -p N " + raced + "-count=1 " + m + "store; " +
				".: test -json -vet=off -timeout 18m0s -p N " + raced + "-short -count=1 " + strings.TrimSuffix(m, "/") + "; " +
				".: test -json -vet=off -timeout 18m0s -p N " + raced + "-count=1 -run " + atOnce + " " + m + "store/sqlite",
			".: test -json -vet=off -timeout 18m0s -p N -count=1 " + strings.TrimSuffix(m, "/") + " " + m + "store/sqlite " + m + "internal/tidy",
		}},
		{"-short -race=false -cached ./store/...", [2]string{"", ".: test -json -vet=off -timeout 18m0s -p N -short ./store/..."}},
		{"-run=TestX -timeout=1m .", [2]string{"", ".: test -json -vet=off -timeout 1m0s -p N " + raced + "-count=1 -run TestX ."}},
		{"-race=false ./bench ./benchmark bench/chaos", [2]string{"", ".: test -json -vet=off -timeout 18m0s -p N -count=1 ./benchmark; " +
			"bench: test -json -vet=off -timeout 18m0s -p N -count=1 . ./chaos"}},
		{"./bench/...", [2]string{"", "bench: test -json -vet=off -timeout 18m0s -p N -count=1 ./..."}},
	} {
		o, err := parse(strings.Fields(test.flags), io.Discard)
		if err != nil {
			t.Fatalf("%q: %v", test.flags, err)
		}
		r := newReport(io.Discard)
		for i, lane := range o.lanes(t.Context(), r) {
			var calls []string
			for _, g := range lane {
				calls = append(calls, g.dir+": "+strings.Join(goTestArgs(o, g), " "))
			}
			want := strings.ReplaceAll(test.want[i], " -p N", " -p "+strconv.Itoa(runtime.NumCPU()))
			if got := strings.Join(calls, "; "); got != want || r.anyFailed() {
				t.Errorf("%q, lane %d: go %s, want go %s", test.flags, i, got, want)
			}
		}
	}
}

// A package that is tested in two ways is two in the report.
func TestLabelTellsGroupsApart(t *testing.T) {
	var w bytes.Buffer
	r := newReport(&w)
	for label, action := range map[string]string{"": "pass", " (race)": "fail"} {
		if err := r.read(strings.NewReader(`{"Action":"`+action+`","Package":"m","Test":"TestX"}`), label); err != nil {
			t.Fatal(err)
		}
	}
	r.close(0, 0, false)
	want(t, w.String(), "failed: m (race) TestX\n", "1 passed, 1 failed\n")
}

func TestFailedMayBeGivenAgain(t *testing.T) {
	o, err := parse([]string{"-failed", "make lint", "-failed", "make verify"}, io.Discard)
	if err != nil || !slices.Equal(o.failed, []string{"make lint", "make verify"}) {
		t.Errorf("parse = %q, %v", o.failed, err)
	}
}

func TestProvideNamesWhatIsMissing(t *testing.T) {
	here := func() bool { return true }
	gone := func() bool { return false }
	var w bytes.Buffer
	provide(context.Background(), []need{
		{"a thing", "thing", here}, {"a ghost", "ghost libghost-dev", gone},
	}, false, &w)
	want(t, w.String(), "missing: a ghost\n", "apt-get install ghost libghost-dev\n")
	if strings.Contains(w.String(), "a thing") {
		t.Errorf("what is there is named:\n%s", w.String())
	}
}

func TestProvideIsSilentWhenAllIsThere(t *testing.T) {
	var w bytes.Buffer
	provide(context.Background(), []need{{"a thing", "thing", func() bool { return true }}}, true, &w)
	if w.Len() > 0 {
		t.Errorf("provide printed %q", w.String())
	}
}

// fakeApt puts an apt-get on the path whose lists are old: it installs after an update only,
// and never what is called ghost. It returns the file in which it writes down its calls.
func fakeApt(t *testing.T) (calls string) {
	t.Helper()
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	for name, text := range map[string]string{
		"sudo": "#!/bin/sh\nshift\nexec \"$@\"\n",
		"apt-get": "#!/bin/sh\necho \"$@\" >>" + calls + `
case "$*" in
*update*) touch ` + calls + `.updated ;;
*ghost*) echo "E: Unable to locate package ghost" >&2; exit 100 ;;
*) test -e ` + calls + `.updated || exit 100 ;;
esac
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return calls
}

func TestProvideInstallsWhatIsMissing(t *testing.T) {
	calls := fakeApt(t)
	var w bytes.Buffer
	provide(t.Context(), []need{{"a thing", "thing libthing-dev", func() bool { return false }}}, true, &w)
	want(t, w.String(), "installing: thing libthing-dev\n")
	if strings.Contains(w.String(), "could not") {
		t.Errorf("it did not try again after the update:\n%s", w.String())
	}
	called, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"install -y --no-install-recommends thing libthing-dev\n", "update\n"} {
		want(t, string(called), part)
	}
}

func TestProvideSaysWhyItCouldNotInstall(t *testing.T) {
	fakeApt(t)
	var w bytes.Buffer
	provide(t.Context(), []need{{"a ghost", "ghost", func() bool { return false }}}, true, &w)
	want(t, w.String(), "could not install: ", "E: Unable to locate package ghost", "apt-get install ghost\n")
}

func TestRacelessNamesTheCompiler(t *testing.T) {
	t.Setenv("CC", "no-such-compiler")
	want(t, raceless(), "no C compiler")
}
