//go:build unix

package command

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// guardScript waits for the end of its standard input, whose other end only the worker has,
// and then kills the process group that it leads. What is sent to the group meanwhile is not
// meant for it.
const guardScript = `trap "" HUP INT QUIT PIPE ALRM TERM USR1 USR2; read line; kill -s KILL 0`

// A group is a process group that does not outlive the worker. Its leader is the guard, which
// is there before the command and is waited for after it; so the group's number is nobody
// else's as long as signals are sent to it.
type group struct {
	guard *exec.Cmd // nil: this machine has no shell for it
	cmd   *exec.Cmd // nil: none has joined yet
	alive io.Closer // the worker's end of the pipe that the guard reads
}

// newGroup starts the guard of a group.
func newGroup(shell string) (*group, error) {
	guard := exec.Command(shell, "-c", guardScript, "offload-guard")
	guard.Env = []string{} // no secrets, and nothing that changes the shell
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	alive, err := guard.StdinPipe()
	if err != nil {
		return nil, err
	}
	switch err := guard.Start(); {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), notRunnable(err):
		return &group{}, nil
	case err != nil:
		return nil, err
	}
	return &group{guard: guard, alive: alive}, nil
}

// join makes the command start in the group, and end with SIGTERM to all of it.
func (g *group) join(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if g.guard != nil {
		cmd.SysProcAttr.Pgid = g.guard.Process.Pid
	}
	dieWithWorker(cmd.SysProcAttr)
	cmd.Cancel = func() error {
		if err := g.signal(syscall.SIGTERM); errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		} else if err != nil {
			return err
		}
		return nil
	}
	g.cmd = cmd
}

// signal sends a signal to all of the group.
func (g *group) signal(s syscall.Signal) error {
	switch {
	case g.guard != nil:
		return syscall.Kill(-g.guard.Process.Pid, s)
	case g.cmd != nil && g.cmd.Process != nil:
		return syscall.Kill(-g.cmd.Process.Pid, s)
	}
	return nil
}

// end kills what is left of the group.
func (g *group) end() {
	_ = g.signal(syscall.SIGKILL) // nobody left is as well
	if g.guard != nil {
		_ = g.alive.Close()
		_ = g.guard.Wait() // killed by us, as it should be
	}
}

// exitOf returns the exit code as a shell has it, and the signal that ended the process.
func exitOf(state *os.ProcessState) (code int, signal string) {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), status.Signal().String()
	}
	return state.ExitCode(), ""
}

func tooLong(err error) bool     { return errors.Is(err, syscall.E2BIG) }
func notRunnable(err error) bool { return errors.Is(err, syscall.ENOEXEC) }
