// Testrun runs the tests of this module, then those of the module in bench, and says plainly
// how they ended: make test and .ci/run call it.
//
// Packages are named from the root: ./bench/chaos is one of the module in bench. It brings
// what the tests need (Debian packages that are missing are installed where that
// is possible, and named where it is not), runs go test -json with the race detector, prints
// a line per package, the output of tests that failed, the slowest tests and the groups of
// tests that were skipped. Its last line is "N passed, N failed".
//
//	go run ./internal/testrun [flags] [packages]
//
// It exits 1 if a test failed, or if CI is set and a group was skipped: what CI has not run
// it must not call good.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are what the command line asks for.
type options struct {
	short    bool
	race     bool
	cached   bool
	install  bool
	run      string
	timeout  time.Duration
	slowest  int
	failed   stringList // steps before the tests that have failed already
	packages []string
}

func main() {
	opts, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !run(ctx, opts, os.Stdout) {
		stop()
		os.Exit(1)
	}
}

func parse(args []string, w io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("testrun", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.BoolVar(&o.short, "short", false, "leave out the long tests")
	flags.BoolVar(&o.race, "race", true, "look for data races, where there is a C compiler")
	flags.BoolVar(&o.cached, "cached", false, "let go test answer from its cache")
	flags.BoolVar(&o.install, "install", os.Getenv("OFFLOAD_NO_INSTALL") == "", "install missing Debian packages when root, or with sudo that asks no password ($OFFLOAD_NO_INSTALL turns it off)")
	flags.StringVar(&o.run, "run", "", "only tests that match `regexp`")
	flags.DurationVar(&o.timeout, "timeout", 18*time.Minute, "of the tests of one package")
	flags.IntVar(&o.slowest, "slowest", 10, "how many of the slowest tests to print")
	flags.Var(&o.failed, "failed", "count `step`, which ran before the tests, as failed; may be given again")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o.packages = flags.Args()
	if len(o.packages) == 0 {
		o.packages = []string{"./...", "./bench/..."}
	}
	return o, nil
}

// run brings what is needed, runs the tests and prints the report. It reports whether all
// is well.
func run(ctx context.Context, o options, w io.Writer) bool {
	ci := os.Getenv("CI") != ""
	r := newReport(w)
	for _, step := range o.failed {
		r.failStep(step)
	}
	provide(ctx, needs(o), o.install, w)
	if o.race {
		if why := raceless(); why != "" {
			r.skip("race: "+why, "the race detector")
			o.race = false
		}
	}
	start := time.Now()
	for _, m := range o.modules() {
		if err := goTest(ctx, m.dir, goTestArgs(o, m.packages), r); err != nil {
			r.failStep(err.Error())
		}
	}
	return r.close(o.slowest, time.Since(start), ci)
}

// A module is a module with tests to run, and which of its packages.
type module struct {
	dir      string
	packages []string
}

// modules sorts packages by the module that they are in. One after the other: what runs in
// bench wants the machine for itself.
func (o *options) modules() (all []module) {
	root, bench := module{dir: "."}, module{dir: "bench"}
	for _, p := range o.packages {
		below, inBench := strings.CutPrefix(strings.TrimPrefix(p, "./"), "bench")
		if inBench && (below == "" || below[0] == '/') {
			bench.packages = append(bench.packages, "."+below)
		} else {
			root.packages = append(root.packages, p)
		}
	}
	for _, m := range []module{root, bench} {
		if len(m.packages) > 0 {
			all = append(all, m)
		}
	}
	return all
}

// goTestArgs returns the arguments of go.
func goTestArgs(o options, packages []string) []string {
	// Twice as many packages at once as there are cores: most of them wait for disks and timers.
	args := []string{"test", "-json", "-timeout", o.timeout.String(), "-p", strconv.Itoa(2 * runtime.NumCPU())}
	if o.race {
		// SQLite is C made Go, one thread to a connection: watching it finds nothing, and takes minutes. Only it: other
		// packages left out would bring code of generic types that all share, without what the detector goes by.
		args = append(args, "-race", "-gcflags=modernc.org/sqlite/lib=-race=false")
	}
	if o.short {
		args = append(args, "-short")
	}
	if !o.cached {
		args = append(args, "-count=1")
	}
	if o.run != "" {
		args = append(args, "-run", o.run)
	}
	return append(args, packages...)
}

// goTest runs go in a module and reads its events into r. That tests failed is no error: r knows.
func goTest(ctx context.Context, dir string, args []string, r *report) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("go test: %w", err)
	}
	readErr := r.read(out)
	err = cmd.Wait()
	switch exit := (*exec.ExitError)(nil); {
	case ctx.Err() != nil:
		return errors.New("go test: interrupted")
	case readErr != nil:
		return fmt.Errorf("go test: %w", readErr)
	case errors.As(err, &exit) && r.anyFailed():
		return nil
	case err != nil:
		return fmt.Errorf("go test: %w", err)
	}
	return nil
}

// A stringList is a flag that may be given more than once.
type stringList []string

func (l *stringList) String() string     { return strings.Join(*l, ", ") }
func (l *stringList) Set(s string) error { *l = append(*l, s); return nil }
