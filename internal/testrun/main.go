// Testrun runs the tests of this module, then those of the module in bench, and says plainly
// how they ended: make test and .ci/run call it.
//
// Packages are named from the root: ./bench/chaos is one of the module in bench. It brings
// what the tests need (Debian packages that are missing are installed where that
// is possible, and named where it is not), runs go test -json, with the race detector for all but tests
// that run at length (see atLength), prints
// a line per package, the output of tests that failed, the slowest tests and the groups of
// tests that were skipped. Its last line is "N passed, N failed".
//
//	go run ./internal/testrun [flags] [packages]
//
// It exits 1 if a test failed, or if CI is set and a group was skipped: what CI has not run
// it must not call good.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	var both sync.WaitGroup
	for _, lane := range o.lanes(ctx, r) {
		both.Go(func() {
			for _, g := range lane {
				if err := goTest(ctx, g, goTestArgs(o, g), r); err != nil {
					r.failStep(err.Error())
				}
			}
		})
	}
	both.Wait()
	return r.close(o.slowest, time.Since(start), ci)
}

// A group is packages of a module whose tests run in one call of go.
type group struct {
	dir      string // of the module
	packages []string
	race     bool
	short    bool   // leaves out the long tests
	run      string // only tests that match; "" is those of the command line
	label    string // behind the names of packages, where they are in two groups
}

// A lengthy is a package whose tests run for minutes, most of them in databases and processes beside them, or again and again.
// With the race detector it would be a multiple: there all of them do without, and once more with it those that are told
// here. The module in bench, which harms and measures what others test, does without.
type lengthy struct {
	end   string // of its path
	short bool   // with the race detector: without the long ones
	run   string // with the race detector: those that match
}

var atLength = []lengthy{
	{"github.com/offloadhq/offload", true, ""},
	{"/internal/engine", true, ""},
	{"/store/postgres", false, atOnce},
	{"/store/sqlite", false, atOnce},
	{"/cmd/offload", true, "^Test(Top|Examples)"},
	{"/dashboard/access", true, "Proxy|Local"}, // the others hash passwords
	{"/kit/image", true, ""},
	{"/internal/cron", true, none},
	{"/internal/cross", true, none},
	{"/internal/docs", true, none},
	{"/internal/sbom", true, none},
	{"/internal/tidy", true, none},
}

// none are the tests of what has no goroutines of its own: to them the race detector has nothing to say.
const none = "^$"

const atOnce = "^Test(Laws|Store)$/./^(AtOnce|Crowd|While)"

// modules sorts packages by the module that they are in.
func (o *options) modules() (all []group) {
	root, bench := group{dir: "."}, group{dir: "bench"}
	for _, p := range o.packages {
		below, inBench := strings.CutPrefix(strings.TrimPrefix(p, "./"), "bench")
		if inBench && (below == "" || below[0] == '/') {
			bench.packages = append(bench.packages, "."+below)
		} else {
			root.packages = append(root.packages, p)
		}
	}
	for _, m := range []group{root, bench} {
		if len(m.packages) > 0 {
			all = append(all, m)
		}
	}
	return all
}

// lanes are groups that run one after the other, beside those of the other lane: tests of one package alone leave cores idle.
func (o *options) lanes(ctx context.Context, r *report) [2][]group {
	var lanes [2][]group
	for _, m := range o.modules() {
		if m.race = o.race && m.dir == "."; !m.race || o.run != "" {
			lanes[1] = append(lanes[1], m)
			continue
		}
		found, err := list(ctx, m.packages)
		if err != nil {
			r.failStep(err.Error())
			continue
		}
		short, long := group{dir: m.dir, race: true}, group{dir: m.dir}
		for _, p := range found {
			i := slices.IndexFunc(atLength, func(l lengthy) bool { return strings.HasSuffix(p, l.end) })
			if i < 0 {
				short.packages = append(short.packages, p)
				continue
			}
			long.packages = append(long.packages, p)
			if atLength[i].run == none {
				continue
			}
			lanes[0] = append(lanes[0], group{dir: m.dir, packages: []string{p}, race: true, short: atLength[i].short, run: atLength[i].run, label: " (with race detector)"})
		}
		for lane, g := range []group{short, long} {
			if len(g.packages) > 0 {
				lanes[lane] = slices.Insert(lanes[lane], 0, g)
			}
		}
	}
	return lanes
}

// list returns the packages that patterns name.
func list(ctx context.Context, patterns []string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "go", append([]string{"list"}, patterns...)...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// goTestArgs returns the arguments of go.
func goTestArgs(o options, g group) []string {
	// Twice as many packages at once as there are cores, in both lanes: most of them wait for disks and timers.
	// `make lint` vets, and knows more; here it would be done twice, each time with all that is imported.
	args := []string{"test", "-json", "-vet=off", "-timeout", o.timeout.String(), "-p", strconv.Itoa(runtime.NumCPU())}
	if g.race {
		// SQLite is C made Go, one thread to a connection: watching it finds nothing, and takes minutes. Only it: other
		// packages left out would bring code of generic types that all share, without what the detector goes by.
		args = append(args, "-race", "-gcflags=modernc.org/sqlite/lib=-race=false")
	}
	if o.short || g.short {
		args = append(args, "-short")
	}
	if !o.cached {
		args = append(args, "-count=1")
	}
	if run := cmp.Or(g.run, o.run); run != "" {
		args = append(args, "-run", run)
	}
	return append(args, g.packages...)
}

// goTest runs go in a group's module and reads its events into r. That tests failed is no error: r knows.
func goTest(ctx context.Context, g group, args []string, r *report) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = g.dir
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
	readErr := r.read(out, g.label)
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
