//go:build !unix

package command

import (
	"os"
	"os/exec"
)

// A group is the command alone where there are no process groups: it is ended by force, and
// what it has started goes on.
type group struct{}

func newGroup(string) (*group, error) { return &group{}, nil }

func (*group) join(*exec.Cmd) {}
func (*group) end()           {}

func exitOf(state *os.ProcessState) (code int, signal string) { return state.ExitCode(), "" }

func tooLong(error) bool     { return false }
func notRunnable(error) bool { return false }
