package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestVet builds the command and has the go command run it, on the small modules in the scripts of
// testdata/vet, and on the example shop. What go builds and finds comes from this machine's cache, and goes there.
// The command is built without the race detector, since it is started once for each of hundreds of packages.
func TestVet(t *testing.T) {
	if testing.Short() {
		t.Skip("has the go command vet all that the shop is built on")
	}
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	built := filepath.Join(bin, "offload")
	if runtime.GOOS == "windows" {
		built += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", built, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the command: %v\n%s", err, out)
	}

	// The shop does while its customers wait what has to be done then, and nothing else.
	t.Run("shop", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), built, "vet", "./examples/shop")
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("offload vet: %v\n%s", err, out)
		}
	})

	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/vet",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("OFFLOAD", built)
			env.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
			env.Setenv("GOFLAGS", "")
			env.Setenv("GOPROXY", "off")
			env.Setenv("GOTOOLCHAIN", "local")
			env.Setenv("GOWORK", "off")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

func TestWhoCallsAsVetTool(t *testing.T) {
	for _, test := range []struct {
		args string
		want bool
	}{
		{"", false},
		{"-V=full", true},
		{"-flags", true},
		{"/b001/vet.cfg", true},
		{"-json /b001/vet.cfg", true},
		{"-json -offload /b001/vet.cfg", true},
		{"work", false},
		{"--version", false},
		{"vet ./...", false},
		{"jobs -flags", false},
		{"enqueue command vet.cfg", false},
	} {
		if got := asVetTool(strings.Fields(test.args)); got != test.want {
			t.Errorf("offload %s: as a vet tool %v, want %v", test.args, got, test.want)
		}
	}
}
