package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload"
)

// A runner is what a kit has decided.
type runner struct {
	environ func() []string // what every command has in its environment
	guard   string          // the shell that kills a group when the worker is gone
	lines   func(stream, line string)
	grace   time.Duration // from SIGTERM to SIGKILL, and from the command's end to that of its output
}

func newRunner() *runner {
	return &runner{environ: ownEnviron, guard: "/bin/sh", grace: 5 * time.Second}
}

// ownEnviron is the worker's environment without offload's settings.
func ownEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "OFFLOAD_") })
}

// run is the handler.
func (k *runner) run(ctx context.Context, in Input) (Output, error) {
	cmd, err := k.prepare(ctx, in)
	if err != nil {
		return Output{}, offload.Discard(err)
	}
	log := offload.Logger(ctx)
	most := cmp.Or(in.MaxOutput, defaultOutput)
	stdout, stderr := newStream("stdout", most, log), newStream("stderr", most, log)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if k.lines != nil {
		var mu sync.Mutex
		for _, s := range []*stream{stdout, stderr} {
			tell := &liner{tell: func(line string) {
				mu.Lock()
				defer mu.Unlock()
				k.lines(s.name, line)
			}}
			defer tell.end()
			both := io.MultiWriter(s, tell)
			if s == stdout {
				cmd.Stdout = both
			} else {
				cmd.Stderr = both
			}
		}
	}

	started := time.Now()
	err = k.runGroup(cmd)
	stdout.end()
	stderr.end()
	switch {
	case cmd.ProcessState == nil:
		return Output{}, startError(ctx, in, err)
	case errors.Is(err, exec.ErrWaitDelay): // the command itself had ended well
		log.Warn("the command left processes behind that held its output; they were killed")
		err = nil
	}

	code, signal := exitOf(cmd.ProcessState)
	out := Output{
		ExitCode: code, Stdout: stdout.text(), Stderr: stderr.text(),
		StdoutBytes: stdout.total, StderrBytes: stderr.total, Seconds: time.Since(started).Seconds(),
		CPUSeconds: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
	}
	var exited *exec.ExitError
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() == nil && !errors.As(err, &exited):
		return out, fmt.Errorf("command: %w", err) // its input or output could not be copied
	case ctx.Err() == nil && signal == "" && slices.Contains(in.OKExitCodes, code):
		return out, nil
	}
	// Exit code 0 after SIGTERM proves nothing: the command may have given up half way.
	return out, &ExitError{Code: code, Signal: signal, Said: lastWords(stdout, stderr), Cause: context.Cause(ctx)}
}

// prepare checks the input and makes a command of it, without output and group.
func (k *runner) prepare(ctx context.Context, in Input) (*exec.Cmd, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	env := k.envOf(offload.JobOf(ctx), in.Env)
	if err := checkDir(in.Dir); err != nil {
		return nil, err
	}
	path, err := find(in.Argv[0], in.Dir, env)
	if err != nil {
		return nil, err
	}
	args := in.Argv
	if in.MaxMemory > 0 || in.MaxFile > 0 {
		path, args = k.guard, limited(path, in)
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Env, cmd.Dir, cmd.WaitDelay = args, env, in.Dir, k.grace
	if in.Stdin != "" {
		cmd.Stdin = strings.NewReader(in.Stdin)
	}
	return cmd, nil
}

// envOf is the environment of a command. Of a name that comes twice the last one counts.
func (k *runner) envOf(job *offload.Job, more map[string]string) []string {
	env := slices.Clone(k.environ())
	for _, name := range slices.Sorted(maps.Keys(more)) {
		env = append(env, name+"="+more[name])
	}
	if !job.ID.IsZero() {
		env = append(env, "OFFLOAD_JOB_ID="+job.ID.String(), "OFFLOAD_ATTEMPT="+strconv.Itoa(job.Attempt))
	}
	return env
}

// runGroup runs the command in a process group of its own, of which nothing is left when
// runGroup returns.
func (k *runner) runGroup(cmd *exec.Cmd) error {
	// On Linux the command is killed when the thread that started it ends. A thread ends with a
	// goroutine that keeps it locked, so nobody else's goroutine may do that to this one.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	g, err := newGroup(k.guard)
	if err != nil {
		return err
	}
	defer g.end()
	g.join(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Wait()
}

// startError says what follows of a command that could not be started.
func startError(ctx context.Context, in Input, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case tooLong(err):
		return offload.Discard(refuse("argv", fmt.Sprintf("%d arguments", len(in.Argv)),
			"arguments and environment that this system takes; hand over more by stdin"))
	case notRunnable(err), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return offload.Discard(refuse("argv[0]", in.Argv[0],
			"a program that this worker can run, or a script with a #! line whose program it has ("+reason(err)+")"))
	}
	return fmt.Errorf("start command: %w", err)
}

// An ExitError is a command that did not end well.
type ExitError struct {
	Code   int    // of the exit; 128 + the signal's number if a signal ended it
	Signal string // that ended it, "killed"; or ""
	Said   string // the end of stderr, or of stdout if it was silent there
	Cause  error  // why it was told to end, or nil if it ended by itself
}

// Error says how it ended and what it said last.
func (e *ExitError) Error() string {
	text := "exit code " + strconv.Itoa(e.Code)
	if e.Signal != "" {
		text = "ended by signal: " + e.Signal
	}
	if e.Cause != nil {
		text = e.Cause.Error() + " (" + text + ")"
	}
	if e.Said != "" {
		text += ": " + e.Said
	}
	return "command: " + text
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Cause }
