package testpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// A guard is a shell that runs a program and outlives this process: when the pipe to it
// closes, since the test binary has ended by whatever way, it ends the program and removes
// its directory.
type guard struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser // a line is the signal that stops the program
	stdout *os.File       // says when the program has ended
}

const watching = `
dir=$1 log=$2; shift 2
exec 3>&1
( "$@" >>"$log" 2>&1 </dev/null 3>&- & echo $! >"$dir/guard"; echo started >&3; wait $!; echo ended >&3 ) &
if read -r how; then kill -"$how" $(cat "$dir/guard") 2>/dev/null; wait
else kill -QUIT $(cat "$dir/guard") 2>/dev/null; wait; rm -rf "$dir"; fi
`

// watch starts a program under a guard, as a plain user.
func watch(dir, log string, program ...string) (*guard, error) {
	account, err := plainUser()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", watching, "guard", dir, log}, program...)...)
	cmd.Dir = dir
	cmd.SysProcAttr = account.attributes()
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for the test binary
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := &guard{cmd, stdin, stdout.(*os.File)}
	var said string
	if _, err := fmt.Fscan(stdout, &said); err != nil {
		stdin.Close()
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", program[0], err), cmd.Wait())
	}
	return g, nil
}

// ended waits a while and reports whether the program has ended.
func (g *guard) ended(while time.Duration) bool {
	if err := g.stdout.SetReadDeadline(time.Now().Add(while)); err != nil {
		return true
	}
	var said string
	_, err := fmt.Fscan(g.stdout, &said)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// answers waits until the program answers at an address.
func (g *guard) answers(address, log string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, address)
		if err == nil {
			return conn.Close(ctx)
		}
		if g.ended(20*time.Millisecond) || ctx.Err() != nil {
			said, _ := os.ReadFile(log)
			return fmt.Errorf("%w; its log: %s", err, said)
		}
	}
}

// stop ends the program and waits until it has ended.
func (g *guard) stop(how syscall.Signal) {
	fmt.Fprintln(g.stdin, int(how)) // fails only if the guard has ended
	g.stdin.Close()
	g.cmd.Wait() // the exit code is the program's
}
