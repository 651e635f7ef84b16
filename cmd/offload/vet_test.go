package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestVet runs the scripts of testdata/vet, which have the go command load small modules. What it
// builds comes from this machine's cache, and goes there.
func TestVet(t *testing.T) {
	if testing.Short() {
		t.Skip("has the go command vet what it builds on")
	}
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	self, err := exec.LookPath("offload")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/vet",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
			env.Setenv("GOFLAGS", "")
			env.Setenv("GOPROXY", "off")
			env.Setenv("GOTOOLCHAIN", "local")
			env.Setenv("GOWORK", "off")
			env.Setenv("OFFLOAD", self)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// The example shop does while its customers wait what has to be done then, and nothing else.
func TestVetFindsNothingInTheShop(t *testing.T) {
	if testing.Short() {
		t.Skip("has the go command vet all that the shop is built on")
	}
	self, err := exec.LookPath("offload")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "vet", "./examples/shop")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("offload vet: %v\n%s", err, out)
	}
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
