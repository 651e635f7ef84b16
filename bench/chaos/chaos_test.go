package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

var seed = flag.Uint64("seed", 0, "of the trials; 0 is a new one")

func TestMain(m *testing.M) {
	childMain()
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given { // trials side by side mostly wait
		if err := flag.Set("test.parallel", "4"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// The short form of each trial breaks no invariant. Bars, which are about time, are printed,
// and asserted by the program alone. Trials that need the whole machine come first, one after
// the other; the others, which mostly wait, run side by side.
func TestTrials(t *testing.T) {
	if testing.Short() {
		t.Skip("trials take seconds each")
	}
	for *seed == 0 {
		*seed = uint64(rand.Uint32())
	}
	for _, quiet := range []bool{true, false} {
		for _, trial := range allTrials() {
			for _, kind := range []string{"sqlite", "postgres"} {
				if trial.Rooted || trial.Quiet != quiet || !trial.on(kind) {
					continue
				}
				t.Run(trial.Name+"/"+kind, func(t *testing.T) {
					if !quiet {
						t.Parallel()
					}
					testTrial(t, &trial, kind)
				})
			}
		}
	}
}

func testTrial(t *testing.T, trial *Trial, kind string) {
	if why := trial.lacks(kind); why != "" {
		t.Skipf("SKIPPED GROUP chaos/%s: %s", trial.Name, why)
	}
	s := newStage(context.WithoutCancel(t.Context()), trial, kind, openFolder(t), *seed)
	s.Short, s.For, s.say = true, trial.Short, t.Logf
	r := s.run()
	if r.Skipped != "" {
		t.Skip(r.Skipped)
	}
	for name, f := range r.Figures {
		t.Logf("%s: %s", name, with(f.Value, f.Unit))
	}
	for i := range r.Bars {
		t.Logf("bar %s; not asserted here", r.Bars[i].String())
	}
	for _, part := range r.Left {
		t.Logf("left out: %s", part)
	}
	if !r.held(false) {
		for _, b := range r.Broken {
			t.Errorf("BROKEN %s: %s", b.What, b.Text)
		}
		t.Errorf("to repeat this: go run ./chaos -short -seed %d -store %s %s", *seed, kind, trial.Name)
	}
}

// openFolder makes a folder that servers of other users can reach.
func openFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// lines of the command line that are refused say what would be right.
func TestCommandLineIsChecked(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-store", "mysql"}, `-store: "mysql" is none; want sqlite, postgres or both`},
		{[]string{"-for", "-1s"}, "-for: -1s; want 0 or more"},
		{[]string{"-force"}, "-force: there is no -db; want both or none"},
		{[]string{"-store", "sqlite", "-db", "postgres://localhost/x"}, "-store: sqlite, and -db is an address of postgres; want them to agree"},
		{[]string{"-db", "x.db?mode=ro"}, `-db: "x.db?mode=ro"; want a plain path, or postgres://…`},
	} {
		_, err := parse(test.args, discard{})
		if fmt.Sprint(err) != test.want {
			t.Errorf("chaos %q: %v; want %s", test.args, err, test.want)
		}
	}
	if _, err := parse([]string{"nonsense"}, discard{}); err == nil {
		t.Error("an unknown trial is not refused")
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
