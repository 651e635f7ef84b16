// Package command runs programs as jobs: the task "command".
//
// A worker with the kit runs them, anybody may enqueue them:
//
//	app, err := offload.Open(ctx, "offload.db", command.New())
//	job, err := command.Run.Enqueue(ctx, app, command.Input{Argv: []string{"pg_dump", "-f", "shop.sql", "shop"}})
//
// or from a shell: offload enqueue command '{"argv":["pg_dump","-f","shop.sql","shop"]}'. There
// is no shell in between: for pipes and the like say {"argv":["sh","-c","…"]}.
//
// # How it ends
//
// Exit code 0, or one of ok_exit_codes, completes the job; its result is an Output. Any other
// is an *ExitError with the end of what the command said, and is retried like every failure.
// What can't be started, because the program or the directory is not there or the input makes
// no sense, is discarded with an *offload.InputError that names the field.
//
// When the job's context ends (timeout, cancelled, the worker stops) the command and all it
// has started are sent SIGTERM, and SIGKILL after 5 seconds. The error wraps the cause.
//
// # What it has
//
// The command's environment is the worker's without what begins with OFFLOAD_, since the
// database's address may hold a password; then env; then OFFLOAD_JOB_ID and OFFLOAD_ATTEMPT.
// A command that may run twice, as every job may, can use the id as the key of its effect.
// Its standard input is stdin, or empty. What it writes goes line by line into the job's log
// (at most 1,000 lines or 64 KiB a stream), and the beginning and end of it into the Output.
//
// # Nothing outlives it
//
// A command runs in a process group of its own, which is killed when the command has ended,
// and when the worker is gone in whatever way, kill -9 included. The leader of the group is a
// small /bin/sh that waits for the worker's end and then kills the group; on Linux the
// command itself is killed by the kernel too (PR_SET_PDEATHSIG). A process that leaves the
// group on purpose (setsid, a shell's job control) is on its own. Where there is no /bin/sh
// (a container of one binary), only the command itself dies with a worker that is killed on
// Linux, and nothing elsewhere; on Windows only the command itself is ended, by force.
// A worker that is process 1 of a container needs an init beside it (docker run --init), as
// every program that starts others does.
//
// # Who may
//
// Whoever can enqueue this task can run anything that the worker's user can. Give the kit to
// workers whose store only trusted programs can write to.
package command

import (
	"context"

	"github.com/offloadhq/offload"
)

// Run is the task. Any program may enqueue it; one with a Kit runs it.
var Run = offload.DeclareFunc[Input, Output]("command", offload.Dangerous())

// Input is a command. It is limited in time by the job's Timeout.
type Input struct {
	Argv  []string          `json:"argv"`            // the program, by path or by name in PATH, and its arguments
	Env   map[string]string `json:"env,omitempty"`   // beside what every command has
	Dir   string            `json:"dir,omitempty"`   // to run in; the worker's own if empty
	Stdin string            `json:"stdin,omitempty"` // what it reads

	MaxOutput   int   `json:"max_output,omitempty"`    // bytes kept of each of stdout and stderr: 65,536 if 0, at most 1,048,576
	OKExitCodes []int `json:"ok_exit_codes,omitempty"` // that are no failure, beside 0

	// Limits that the system holds each process of the command to; 0 is none. They need /bin/sh
	// (ulimit -v and -f), and are refused on Windows. Memory is address space, of which a JVM or
	// Node.js reserves much more than it uses; macOS takes no limit of it.
	MaxMemory int64 `json:"max_memory,omitempty"` // bytes, rounded up to KiB
	MaxFile   int64 `json:"max_file,omitempty"`   // bytes of each file that it writes, rounded up to 512
}

// Output is how a command ended. Where more was written than MaxOutput, the middle is left
// out, and a line in its place says how much.
type Output struct {
	ExitCode    int     `json:"exit_code"`
	Stdout      string  `json:"stdout,omitempty"`
	Stderr      string  `json:"stderr,omitempty"`
	StdoutBytes int64   `json:"stdout_bytes"` // all that it wrote
	StderrBytes int64   `json:"stderr_bytes"`
	Seconds     float64 `json:"seconds"`     // from start to end
	CPUSeconds  float64 `json:"cpu_seconds"` // of the processor, with those children it waited for
}

// A Kit runs commands.
type Kit struct{ offload.Part }

// New makes a kit.
func New(opts ...Option) *Kit {
	k := newRunner()
	for _, o := range opts {
		if o != nil {
			o(k)
		}
	}
	return &Kit{Run.Handle(k.run)}
}

// An Option changes a kit.
type Option func(*runner)

// Environ is what commands have in their environment, as os.Environ writes it, in place of
// the worker's own without OFFLOAD_. With os.Environ() itself commands have the address of
// the database too, and can enqueue jobs with the offload command.
func Environ(env []string) Option {
	return func(k *runner) { k.environ = func() []string { return env } }
}

// Do runs a command in the job whose context it is given, for kits and handlers that do their
// work by programs. All is as in a job of Run; it blocks until nothing of the command is left.
func Do(ctx context.Context, in Input, opts ...Option) (Output, error) {
	k := newRunner()
	for _, o := range opts {
		if o != nil {
			o(k)
		}
	}
	return k.run(ctx, in)
}

// Lines has f called for each line that a command writes, to stdout or stderr, without its
// end, which may be a carriage return too; of a line the first 4 KiB. Calls don't overlap.
func Lines(f func(stream, line string)) Option {
	return func(k *runner) { k.lines = f }
}
