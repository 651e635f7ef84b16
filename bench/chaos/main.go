package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// wantDisk is what must be free of the disk before a trial begins.
const wantDisk = 2 << 30

// options are what the command line asks for.
type options struct {
	stores []string
	db     string
	seed   uint64
	dur    time.Duration // 0 is each trial's own
	short  bool
	list   bool
	json   bool
	force  bool
	keep   string
	trials []Trial
	used   bool // the database of -db has been used by a trial before
}

func main() {
	childMain()
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(2)
	}
	if o.list {
		list(os.Stdout, o.json)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	held, err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	if !held {
		os.Exit(1)
	}
}

// parse reads the command line. What is wrong it names, with what would be right.
func parse(args []string, w io.Writer) (options, error) {
	var o options
	var stores string
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.Usage = func() {
		fmt.Fprint(w, "usage: go run ./chaos [flags] [trial…]\nwithout a trial: all of them; -list names them\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&stores, "store", "both", "`kind` of store: sqlite, postgres or both")
	flags.StringVar(&o.db, "db", "", "`address` of a database to use, instead of a new one for each trial: a path, or postgres://…")
	flags.Uint64Var(&o.seed, "seed", 0, "of all that is left to chance; 0 is a new one")
	flags.DurationVar(&o.dur, "for", 0, "how long each trial does harm; 0 is its own")
	flags.BoolVar(&o.short, "short", false, "the short form of each trial, as in go test")
	flags.BoolVar(&o.list, "list", false, "print the trials")
	flags.BoolVar(&o.json, "json", false, "print a JSON object for each trial, on one line")
	flags.BoolVar(&o.force, "force", false, "even if the database of -db holds somebody's jobs")
	flags.StringVar(&o.keep, "keep", "", "`folder` for the evidence of what failed: ledger, logs, database")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch stores {
	case "both":
		o.stores = []string{"sqlite", "postgres"}
	case "sqlite", "postgres":
		o.stores = []string{stores}
	default:
		return o, fmt.Errorf("-store: %q is none; want sqlite, postgres or both", stores)
	}
	if o.dur < 0 {
		return o, fmt.Errorf("-for: %v; want 0 or more", o.dur)
	}
	if err := o.address(stores); err != nil {
		return o, err
	}
	for o.seed == 0 {
		o.seed = uint64(rand.Uint32()) // short enough to be typed
	}
	var err error
	o.trials, err = chosen(flags.Args())
	return o, err
}

// address checks -db beside -store.
func (o *options) address(stores string) error {
	switch {
	case o.db == "" && o.force:
		return errors.New("-force: there is no -db; want both or none")
	case o.db == "":
		return nil
	}
	kind := kindOf(o.db)
	if stores != "both" && stores != kind {
		return fmt.Errorf("-store: %s, and -db is an address of %s; want them to agree", stores, kind)
	}
	if kind == "sqlite" && strings.ContainsAny(o.db, "?:") {
		return fmt.Errorf("-db: %q; want a plain path, or postgres://…", o.db)
	}
	o.stores = []string{kind}
	return nil
}

// list prints the trials.
func list(w io.Writer, asJSON bool) {
	for _, t := range allTrials() {
		stores := t.Stores
		if len(stores) == 0 {
			stores = []string{"sqlite", "postgres"}
		}
		if asJSON {
			_ = json.NewEncoder(w).Encode(map[string]any{ // plain values encode
				"trial": t.Name, "about": t.About, "stores": stores, "short": t.Short.Seconds(), "long": t.Long.Seconds(),
			})
			continue
		}
		fmt.Fprintf(w, "%-16s %s (%s; short %v, long %v)\n", t.Name, t.About, strings.Join(stores, ", "), t.Short, t.Long)
	}
}

// run runs what was asked for and reports whether all has held.
func run(ctx context.Context, o options, w io.Writer) (held bool, err error) {
	say := w
	if o.json {
		say = os.Stderr
	}
	fmt.Fprintf(say, "chaos: to repeat this: %s\n", o.repeat())
	n, failed, skipped := 0, 0, 0
	for i := range o.trials {
		for _, kind := range o.stores {
			t := &o.trials[i]
			if !t.on(kind) {
				continue
			}
			r, err := o.runOne(ctx, t, kind, say)
			if err != nil {
				return false, err
			}
			n++
			switch {
			case r.Skipped != "":
				skipped++
			case !r.held(true):
				failed++
			}
			if o.json {
				if err := r.printJSON(w); err != nil {
					return false, err
				}
			} else {
				r.print(w)
			}
			if ctx.Err() != nil {
				return false, errors.New("interrupted")
			}
		}
	}
	fmt.Fprintf(say, "%d held, %d failed, %d skipped\n", n-failed-skipped, failed, skipped)
	return failed == 0, nil
}

// runOne runs a trial on one store.
func (o *options) runOne(ctx context.Context, t *Trial, kind string, say io.Writer) (Result, error) {
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	if err := freeDisk(dir, wantDisk); err != nil {
		return Result{}, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // for servers of other users
		return Result{}, err
	}
	s := newStage(ctx, t, kind, dir, o.seed)
	s.keep = o.keep
	s.Short, s.For = o.short, t.Long
	if o.short {
		s.For = t.Short
	}
	if o.dur > 0 {
		s.For = o.dur
	}
	s.say = func(format string, args ...any) { fmt.Fprintf(say, "  "+format+"\n", args...) }
	fmt.Fprintf(say, "%s on %s, seed %d, %v\n", t.Name, kind, o.seed, s.For)
	why := t.lacks(kind)
	if o.db != "" && t.Open != nil {
		why = "it makes a database of its own; leave -db away"
	}
	if why != "" {
		s.result.Skipped = why
		s.starter.close()
		return s.result, nil
	}
	if o.db != "" {
		s.Database = OnSQLite(o.db)
		if kind == "postgres" {
			s.Database = OnPostgres(o.db, nil)
		}
		s.Database.given, s.Database.force = true, o.force || o.used
		o.used = true // by the jobs of this trial
	}
	return s.run(), nil
}

// repeat is the command line that runs the same again.
func (o *options) repeat() string {
	line := []string{"go run ./chaos", fmt.Sprintf("-seed %d", o.seed)}
	if len(o.stores) == 1 {
		line = append(line, "-store "+o.stores[0])
	}
	if o.db != "" {
		line = append(line, fmt.Sprintf("-db %q", o.db))
	}
	if o.dur > 0 {
		line = append(line, "-for "+o.dur.String())
	}
	if o.short {
		line = append(line, "-short")
	}
	for _, t := range o.trials {
		line = append(line, t.Name)
	}
	return strings.Join(line, " ")
}
