// Heart measures what the heart of offload costs beyond the figures of `offload bench`: single
// enqueues beside raw commits, the server's work for a drain, an idle process, a claim behind
// millions of jobs, an old snapshot, several worker processes, and the memory of one.
//
//	go run ./heart [flags] [question…]
//
// Each question is asked of both stores, unless -store names one, on an empty database of its
// own. Its rates are compared within one run: the machine's minutes differ. It prints a line
// for each figure, with the bar that it shall hold, and exits 1 if one is not held.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A question is something to be measured.
type question struct {
	name     string
	what     string
	postgres func(context.Context, *lab) error // nil where it makes no sense
	sqlite   func(context.Context, *lab) error
}

var questions = []question{
	{"commit", "single enqueues beside raw commits, in turn", askCommit, askCommit},
	{"work", "the server's log and time while 200,000 jobs are drained", askWork, nil},
	{"retention", "removing 200,000 jobs whose time is over, of all that they cost the server", askRetention, nil},
	{"idle", "queries and time of an idle process that knows 100 queues", askIdle, askIdle},
	{"depth", "a claim at 10,000 and at millions of waiting jobs (-deep)", askDepth, askDepth},
	{"snapshot", "work beside a snapshot that is held (-hold), and without", askSnapshot, askSnapshot},
	{"scale", "one worker process and four, with handlers of 50 ms", askScale, nil},
	{"memory", "a worker's memory with 100 jobs running, before 10,000 and 500,000 waiting ones", askMemory, askMemory},
}

// options are what the command line asks for.
type options struct {
	store string
	deep  int
	hold  time.Duration
	json  bool
	names []string
}

func main() {
	if spec := os.Getenv(roleVariable); spec != "" {
		os.Exit(playRole(spec))
	}
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "heart:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	held, err := ask(ctx, o, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "heart:", err)
	}
	if err != nil || !held {
		stop()
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("heart", flag.ContinueOnError)
	flags.StringVar(&o.store, "store", "both", "sqlite, postgres or both")
	flags.IntVar(&o.deep, "deep", 10_000_000, "how many jobs wait in the deep queue of depth")
	flags.DurationVar(&o.hold, "hold", 10*time.Minute, "how long snapshot holds one")
	flags.BoolVar(&o.json, "json", false, "print a JSON object for each figure")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "heart [flags] [question…]")
		flags.PrintDefaults()
		for _, q := range questions {
			fmt.Fprintf(flags.Output(), "  %-9s %s\n", q.name, q.what)
		}
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.names = flags.Args()
	for _, name := range o.names {
		if !slices.ContainsFunc(questions, func(q question) bool { return q.name == name }) {
			return o, fmt.Errorf("question %q: want one of those that -help lists", name)
		}
	}
	switch {
	case !slices.Contains([]string{"both", "sqlite", "postgres"}, o.store):
		return o, fmt.Errorf("-store %q: want sqlite, postgres or both", o.store)
	case o.deep < 20_000:
		return o, fmt.Errorf("-deep %d: want 20,000 or more", o.deep)
	case o.hold < 5*time.Second:
		return o, fmt.Errorf("-hold %v: want 5s or more", o.hold)
	}
	return o, nil
}

// ask asks all questions and reports whether all bars are held.
func ask(ctx context.Context, o options, w io.Writer) (held bool, err error) {
	held = true
	for _, q := range questions {
		if len(o.names) > 0 && !slices.Contains(o.names, q.name) {
			continue
		}
		for _, side := range []struct {
			store string
			ask   func(context.Context, *lab) error
		}{{"sqlite", q.sqlite}, {"postgres", q.postgres}} {
			if side.ask == nil || o.store != "both" && o.store != side.store {
				continue
			}
			l, err := newLab(ctx, side.store, o)
			if err == nil {
				err = side.ask(ctx, l)
				err = errors.Join(err, l.close())
			}
			if err != nil {
				return false, fmt.Errorf("%s on %s: %w", q.name, side.store, err)
			}
			for _, f := range l.figures {
				f.Question, f.Store = q.name, side.store
				held = held && f.holds()
				f.print(w, o.json)
			}
		}
	}
	return held, nil
}

// A figure is what was measured, and the bar it shall hold.
type figure struct {
	Question string  `json:"question"`
	Store    string  `json:"store"`
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Least    float64 `json:"at_least,omitempty"`
	Most     float64 `json:"at_most,omitempty"`
	Of       string  `json:"of,omitempty"` // what it was made of
}

func (f *figure) holds() bool {
	return (f.Least == 0 || f.Value >= f.Least) && (f.Most == 0 || f.Value <= f.Most)
}

func (f *figure) print(w io.Writer, asJSON bool) {
	if asJSON {
		line, _ := json.Marshal(f) // plain values
		fmt.Fprintf(w, "%s\n", line)
		return
	}
	bar := ""
	switch {
	case f.Least != 0:
		bar = fmt.Sprintf("wanted ≥ %g", f.Least)
	case f.Most != 0:
		bar = fmt.Sprintf("wanted ≤ %g", f.Most)
	}
	if bar != "" && !f.holds() {
		bar += ", NOT HELD"
	}
	if f.Of != "" {
		bar = strings.TrimSuffix(f.Of+"; "+bar, "; ")
	}
	fmt.Fprintf(w, "%-9s %-9s %-36s %10.3f %-12s %s\n", f.Question, f.Store, f.Name, f.Value, f.Unit, bar)
}
