// Compare asks every contender the same questions, side by side in one run, and prints what
// they answered and how offload stands beside each.
//
//	go run ./compare                              # all contenders, three rounds
//	go run ./compare -only offload,river-tuned    # some of them, by system or name
//	go run ./compare -out results.jsonl -readme   # and renew the README's table and chart
//
// It starts a PostgreSQL and a Redis of its own, on loopback, with default durability, in a
// folder on a real disk, and ends them. A peer that cannot be had is named, with what to
// install, and makes the run fail; -without leaves it out knowingly.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/offloadhq/offload/bench/contender"
)

// options are what the command line asks for.
type options struct {
	rounds     int
	jobs       int // that offload drains; peers in proportion
	json       bool
	out        string
	readme     bool
	show       bool
	dir        string
	without    []string
	contenders []contender.Contender
}

// fullJobs is what a contender's number of jobs is meant for.
const fullJobs = 200_000

// A wrongFlag says which flag is wrong, and what would be right.
type wrongFlag struct{ name, got, want string }

func (e *wrongFlag) Error() string { return fmt.Sprintf("-%s is %q; want %s", e.name, e.got, e.want) }

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := compare(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		stop()
		os.Exit(1)
	}
}

func parse(args []string, w io.Writer) (options, error) {
	var o options
	var only, without string
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.StringVar(&only, "only", "", "only these contenders, by name or system, with commas between")
	flags.StringVar(&without, "without", "", "all but these contenders, by name or system, with commas between")
	flags.IntVar(&o.rounds, "rounds", 3, "how often each contender is asked, in turn; the table has medians")
	flags.IntVar(&o.jobs, "jobs", fullJobs, "how many jobs offload drains; slower contenders drain fewer, in proportion")
	flags.BoolVar(&o.json, "json", false, "print the run as one JSON object on one line, as -out does")
	flags.StringVar(&o.out, "out", "", "append the run to this `file`, as one line of JSON")
	flags.BoolVar(&o.readme, "readme", false, "renew the README's table and the chart from the newest line of -out, or of results.jsonl; with -show, without measuring")
	flags.BoolVar(&o.show, "show", false, "measure nothing: print the newest line of -out, or of results.jsonl")
	flags.StringVar(&o.dir, "dir", os.TempDir(), "where databases are made: a `folder` on a real disk")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("%q is no flag; go run ./compare -help lists them", flags.Arg(0))
	case o.rounds < 1 || o.rounds > 100:
		return options{}, &wrongFlag{"rounds", fmt.Sprint(o.rounds), "1 to 100"}
	case o.jobs < 1000 || o.jobs > 10_000_000:
		return options{}, &wrongFlag{"jobs", fmt.Sprint(o.jobs), "1,000 to 10,000,000"}
	case o.readme && (only != "" || without != ""):
		return options{}, &wrongFlag{"readme", "true", "it without -only and -without: the README has all contenders or none"}
	}
	if info, err := os.Stat(o.dir); err != nil || !info.IsDir() {
		return options{}, &wrongFlag{"dir", o.dir, "a folder that exists"}
	}
	var err error
	if o.contenders, err = choose(contender.All(), only, without); err != nil {
		return options{}, err
	}
	if without != "" {
		o.without = strings.Split(without, ",")
	}
	return o, nil
}

// choose returns the contenders that are asked for, in their order.
func choose(all []contender.Contender, only, without string) (chosen []contender.Contender, err error) {
	named := func(flag, list string) (map[string]bool, error) {
		names := map[string]bool{}
		if list == "" {
			return names, nil
		}
		for name := range strings.SplitSeq(list, ",") {
			found := false
			for _, c := range all {
				if c.Name == name || strings.EqualFold(c.System, name) {
					names[c.Name], found = true, true
				}
			}
			if !found {
				var known []string
				for _, c := range all {
					known = append(known, c.Name)
				}
				return nil, &wrongFlag{flag, name, "one of " + strings.Join(known, ", ") + ", or the name of a system"}
			}
		}
		return names, nil
	}
	wanted, err1 := named("only", only)
	left, err2 := named("without", without)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	for _, c := range all {
		if (only == "" || wanted[c.Name]) && !left[c.Name] {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("-only and -without leave no contender")
	}
	return chosen, nil
}

// compare makes the run, prints it and keeps it.
func compare(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	if o.show {
		newest, err := newest(o.results())
		if err != nil {
			return err
		}
		if o.readme {
			return renew(newest, filepath.Dir(o.results()))
		}
		return newest.write(stdout, o.json)
	}
	home, err := provide(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, home.close()) }()
	run := &run{
		Commit: commit(ctx), Date: time.Now().UTC().Truncate(time.Second), Machine: home.machine(),
		Rounds: o.rounds, Without: o.without,
	}
	asked := make([]*asked, len(o.contenders))
	for i := range o.contenders {
		asked[i] = newAsked(o.contenders[i], max(o.contenders[i].Jobs*o.jobs/fullJobs, 20))
	}
	for round := range o.rounds {
		for _, a := range asked {
			fmt.Fprintf(stderr, "round %d of %d: %s\n", round+1, o.rounds, a.Name)
			if err := a.ask(ctx, home); err != nil {
				return fmt.Errorf("%s: %w", a.Name, err)
			}
		}
	}
	for _, a := range asked {
		run.Contenders = append(run.Contenders, a.result())
	}
	if err := run.write(stdout, o.json); err != nil {
		return err
	}
	if o.out != "" {
		if err := run.append(o.out); err != nil {
			return err
		}
	}
	if !o.readme {
		return nil
	}
	newest, err := newest(o.results())
	if err != nil {
		return err
	}
	return renew(newest, filepath.Dir(o.results()))
}

// results is the file that lines are read from.
func (o *options) results() string { return cmp.Or(o.out, "results.jsonl") }

// renew writes the chart beside the results, and the README's block one folder up.
func renew(r *run, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, chartFile), []byte(r.chart()), 0o644); err != nil {
		return err
	}
	path := filepath.Join(dir, "..", "README.md")
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := replaceBlock(string(old), r.block())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// of returns the result of a contender, nil if it was not measured.
func (r *run) of(name string) *result {
	i := slices.IndexFunc(r.Contenders, func(c result) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Contenders[i]
}
