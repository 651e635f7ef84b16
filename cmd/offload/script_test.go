package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/audit"
	"github.com/offloadhq/offload/kit/command"
)

var update = flag.Bool("update", false, "renew the expected output in testdata/script; then read the diff")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"offload": main})
}

// TestScript runs the sessions of testdata/script: what somebody types, and what they see.
// They may use, beside what package testscript has:
//
//	exits CODE COMMAND…       the command ends with that code
//	until COMMAND…            run the command again and again until it succeeds
//	scrub FILE                write the last output to FILE, with ID, TIME, HOST/PID, … for what differs each time
//	capture NAME REGEXP       set the variable to what the (group of the) expression finds in the last output
//	write STATEMENT           what another program does in offload.db
//	page PATH REGEXP          the page at that path of the server whose address is the first in the file "out" has such a text
//	trail N                   a program writes so many entries into the audit log of offload.db, and they are chained
//	flow                      what a program enqueues into offload.db: a batch of two commands, of which one
//	                          fails as long as there is no file "ok", and what is after it; sets BATCH, GOOD,
//	                          BAD, DONE, ALARM, CLEAN
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("USER", "ada")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"until":   until,
			"scrub":   scrub,
			"capture": capture,
			"write":   write,
			"trail":   trail,
			"flow":    flow,
			"page":    page,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCode(ts, args[1:]); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCode(ts *testscript.TestScript, args []string) int {
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// until waits for other processes, which nothing but looking can tell about.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: until COMMAND…")
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if exitCode(ts, args) == 0 {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	ts.Fatalf("it never happened")
}

var scrubbed = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`), "MOMENT"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`), "TIME"},
	{regexp.MustCompile(`\b[\d.]+(µs|ms|s)\b`), "DURATION"},
	{regexp.MustCompile(`\b[a-zA-Z][\w.-]*/\d+\b`), "HOST/PID"},
	{regexp.MustCompile(`"(host)":"[^"]*"`), `"$1":"HOST"`},
	{regexp.MustCompile(`"(pid|memory)":\d+`), `"$1":N`},
	{regexp.MustCompile(`\d+ MiB`), "N MiB"},
	{regexp.MustCompile(`  +`), "  "}, // columns are as wide as what was replaced
}

func scrub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: scrub FILE")
	}
	text := ts.ReadFile("stdout")
	for _, s := range scrubbed {
		text = s.pattern.ReplaceAllString(text, s.with)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	found := pattern.FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("no match for %s in the last output", args[1])
	}
	ts.Setenv(args[0], strings.TrimSpace(found[len(found)-1]))
}

func flow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: flow")
	}
	ctx := context.Background()
	app, err := offload.Open(ctx, ts.MkAbs("offload.db"), command.New())
	ts.Check(err)
	call := func(script string, opts ...offload.EnqueueOption) *offload.Call {
		return command.Run.Call(command.Input{Argv: []string{"sh", "-c", script}}, append(opts, offload.MaxAttempts(1))...)
	}
	good, bad := call("true"), call("test -e ok")
	batch := offload.Batch(good, bad).With(offload.Tag("import", "7"))
	done, alarm, clean := call("true", offload.After(batch)), call("true", offload.AfterFailure(batch)), call("true", offload.AfterEnd(batch))
	_, err = app.Enqueue(ctx, batch, done, alarm, clean)
	ts.Check(errors.Join(err, app.Close()))
	for name, c := range map[string]*offload.Call{"BATCH": batch, "GOOD": good, "BAD": bad, "DONE": done, "ALARM": alarm, "CLEAN": clean} {
		ts.Setenv(name, c.ID().String())
	}
}

func write(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: write STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs("offload.db"))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec("PRAGMA busy_timeout = 10000; " + args[0])
	ts.Check(err)
}

func trail(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(strings.Join(args, " "))
	if neg || err != nil {
		ts.Fatalf("usage: trail N")
	}
	ctx := context.Background()
	db, err := sql.Open("sqlite", ts.MkAbs("offload.db")+"?_pragma=busy_timeout(10000)")
	ts.Check(err)
	defer db.Close()
	log, err := audit.Open(ctx, db)
	ts.Check(err)
	for range n {
		ts.Check(log.Write(ctx, db, audit.Entry{Actor: "ada", Action: "order.ship", Entity: audit.Entity{Type: "order", ID: "7"}}))
	}
	ts.Check(log.Chain(ctx))
}

func page(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: page PATH REGEXP")
	}
	address := regexp.MustCompile(`http://[^\s;]+`).FindString(ts.ReadFile("out"))
	r, err := http.NewRequest(http.MethodGet, address+args[0], nil)
	ts.Check(err)
	r.Header.Set("Accept", "text/html")
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if !regexp.MustCompile(args[1]).Match(text) {
		ts.Fatalf("GET %s: %s, which has no %q:\n%s", r.URL, answer.Status, args[1], text)
	}
}
