//go:build unix

package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"go.uber.org/goleak"
)

// inWorker makes the test program be a worker that runs one command, and is killed.
const inWorker = "COMMAND_TEST_WORKER"

func TestMain(m *testing.M) {
	if task := os.Getenv(inWorker); task != "" {
		var job struct {
			Guard string
			Input Input
		}
		if err := json.Unmarshal([]byte(task), &job); err != nil {
			panic(err)
		}
		k := newRunner()
		k.guard = job.Guard
		_, err := k.run(context.Background(), job.Input)
		panic(err) // it should have been killed
	}
	goleak.VerifyTestMain(m)
}

func sh(script string, args ...string) Input {
	return Input{Argv: append([]string{"sh", "-c", script}, args...)}
}

func TestOutput(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("OFFLOAD_DB", "postgres://shop:secret@db/shop")
	t.Setenv("SHOP", "of the worker")
	for _, test := range []struct {
		name           string
		in             Input
		stdout, stderr string
	}{
		{"nothing", Input{Argv: []string{"true"}}, "", ""},
		{"both streams", sh("echo out; echo err >&2"), "out\n", "err\n"},
		{"arguments are no shell's", Input{Argv: []string{"printf", "%s", "$HOME; *"}}, "$HOME; *", ""},
		{"standard input", Input{Argv: []string{"cat"}, Stdin: "a\x00b"}, "a\x00b", ""},
		{"standard input that nobody reads", Input{Argv: []string{"true"}, Stdin: strings.Repeat("x", 1<<20)}, "", ""},
		{"no standard input", Input{Argv: []string{"cat"}}, "", ""},
		{"directory", Input{Argv: []string{"pwd", "-P"}, Dir: dir}, dir + "\n", ""},
		{"variables", Input{Argv: []string{"sh", "-c", "echo $A $SHOP"}, Env: map[string]string{"A": "a=b"}}, "a=b of the worker\n", ""},
		{"a variable of the worker's is replaced", Input{Argv: []string{"sh", "-c", "echo $SHOP"}, Env: map[string]string{"SHOP": "mine"}}, "mine\n", ""},
		{"offload's settings stay with the worker", sh("echo $OFFLOAD_DB"), "\n", ""},
		{"unless the job has its own", Input{Argv: []string{"sh", "-c", "echo $OFFLOAD_DB"}, Env: map[string]string{"OFFLOAD_DB": "other.db"}}, "other.db\n", ""},
		{"wrong bytes", sh(`printf 'a\377b'`), "a\uFFFDb", ""},
	} {
		out, err := newRunner().run(t.Context(), test.in)
		if err != nil || out.ExitCode != 0 || out.Stdout != test.stdout || out.Stderr != test.stderr {
			t.Errorf("%s: %+v, %v; want stdout %q and stderr %q", test.name, out, err, test.stdout, test.stderr)
		}
	}
}

func TestFindsProgramsAsAShellDoes(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "greet")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho hello\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(dir))
	for name, in := range map[string]Input{
		"absolute":                         {Argv: []string{script}},
		"by the job's PATH":                {Argv: []string{"greet"}, Env: map[string]string{"PATH": dir}},
		"relative to dir":                  {Argv: []string{"./greet"}, Dir: dir},
		"relative to dir, itself relative": {Argv: []string{"./greet"}, Dir: filepath.Base(dir)},
		"relative":                         {Argv: []string{filepath.Base(dir) + "/greet"}},
	} {
		if out, err := newRunner().run(t.Context(), in); err != nil || out.Stdout != "hello\n" {
			t.Errorf("%s: %+v, %v; want hello", name, out, err)
		}
	}
	_, err := newRunner().run(t.Context(), Input{Argv: []string{"greet"}, Dir: dir, Env: map[string]string{"PATH": ".:" + filepath.Base(dir)}})
	if field(err) != "argv[0]" {
		t.Errorf("by a relative PATH: %v; want argv[0] refused", err)
	}
}

func TestExitCodeDecides(t *testing.T) {
	for _, test := range []struct {
		name string
		in   Input
		want *ExitError
		text string
	}{
		{
			"failure", sh("echo all fine; echo first >&2; echo last >&2; exit 3"),
			&ExitError{Code: 3, Said: "first\nlast"}, "command: exit code 3: first\nlast",
		},
		{"silent on stderr", sh("echo cannot; exit 1"), &ExitError{Code: 1, Said: "cannot"}, "command: exit code 1: cannot"},
		{"silent", sh("exit 1"), &ExitError{Code: 1}, "command: exit code 1"},
		{"signal", sh("kill -9 $$"), &ExitError{Code: 137, Signal: "killed"}, "command: ended by signal: killed"},
		{"signal to all of its group", sh("kill -9 0"), &ExitError{Code: 137, Signal: "killed"}, "command: ended by signal: killed"},
		{"no such code", Input{Argv: []string{"sh", "-c", "exit 2"}, OKExitCodes: []int{1, 3}}, &ExitError{Code: 2}, "command: exit code 2"},
		{
			"a signal is no code",
			Input{Argv: []string{"sh", "-c", "kill -9 $$"}, OKExitCodes: []int{137}},
			&ExitError{Code: 137, Signal: "killed"}, "command: ended by signal: killed",
		},
	} {
		_, err := newRunner().run(t.Context(), test.in)
		var got *ExitError
		if !errors.As(err, &got) || *got != *test.want || err.Error() != test.text {
			t.Errorf("%s: %#v (%v); want %#v (%s)", test.name, got, err, test.want, test.text)
		}
	}
	in := sh("echo none; exit 1")
	in.OKExitCodes = []int{1}
	if out, err := newRunner().run(t.Context(), in); err != nil || out.ExitCode != 1 || out.Stdout != "none\n" {
		t.Errorf("an exit code that is fine: %+v, %v", out, err)
	}
}

func TestRefusesNamingTheField(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	noInterpreter, noFormat := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for path, text := range map[string]string{file: "", noInterpreter: "#!/nonexistent\n", noFormat: "echo hello\n"} {
		mode := os.FileMode(0o755)
		if path == file {
			mode = 0o644
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		want string
		in   Input
	}{
		{"argv", Input{}},
		{"argv", Input{Argv: []string{}}},
		{"argv[0]", Input{Argv: []string{""}}},
		{"argv[0]", Input{Argv: []string{"no-such-program-here"}}},
		{"argv[0]", Input{Argv: []string{"/no/such/program"}}},
		{"argv[0]", Input{Argv: []string{"./no-such-program"}}},
		{"argv[0]", Input{Argv: []string{".."}}},
		{"argv[0]", Input{Argv: []string{dir}}},
		{"argv[0]", Input{Argv: []string{file}}},
		{"argv[0]", Input{Argv: []string{noInterpreter}}},
		{"argv[0]", Input{Argv: []string{noFormat}}},
		{"argv[0]", Input{Argv: []string{"true"}, Env: map[string]string{"PATH": ""}}},
		{"argv[0]", Input{Argv: []string{"\x00"}}},
		{"argv[1]", Input{Argv: []string{"echo", "a\x00b"}}},
		{"argv", Input{Argv: []string{"echo", strings.Repeat("x", 4<<20)}}},
		{"env", Input{Argv: []string{"true"}, Env: map[string]string{"": "a"}}},
		{"env", Input{Argv: []string{"true"}, Env: map[string]string{"A=B": "a"}}},
		{"env", Input{Argv: []string{"true"}, Env: map[string]string{"A\x00": "a"}}},
		{"env.A", Input{Argv: []string{"true"}, Env: map[string]string{"A": "secret\x00"}}},
		{"dir", Input{Argv: []string{"true"}, Dir: "/no/such/dir"}},
		{"dir", Input{Argv: []string{"true"}, Dir: file}},
		{"dir", Input{Argv: []string{"true"}, Dir: "\x00"}},
		{"max_output", Input{Argv: []string{"true"}, MaxOutput: -1}},
		{"max_output", Input{Argv: []string{"true"}, MaxOutput: 2 << 20}},
		{"ok_exit_codes[1]", Input{Argv: []string{"true"}, OKExitCodes: []int{1, 256}}},
	} {
		out, err := newRunner().run(t.Context(), test.in)
		if field(err) != test.want || out != (Output{}) {
			t.Errorf("%.100v: %+v, %v; want %s refused", test.in, out, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v shows a secret", err)
		}
	}
}

// field is what an error refuses.
func field(err error) string {
	var refused *offload.InputError
	if !errors.As(err, &refused) {
		return ""
	}
	return refused.Field
}

func TestLongOutputIsCut(t *testing.T) {
	in := sh(`echo begin; yes | head -c 1000000; echo end; echo "one line" >&2`)
	in.MaxOutput = 100
	out, err := newRunner().run(t.Context(), in)
	if err != nil || out.StdoutBytes != 1000010 || len(out.Stdout) > 200 || out.Stderr != "one line\n" {
		t.Fatalf("%+v, %v; want 1,000,010 bytes of stdout, cut to 100", out, err)
	}
	if !strings.HasPrefix(out.Stdout, "begin\ny\n") || !strings.HasSuffix(out.Stdout, "y\nend\n") ||
		!strings.Contains(out.Stdout, "\n… 999910 bytes left out …\n") {
		t.Errorf("stdout is %q; want its beginning and its end", out.Stdout)
	}
}

func TestEndedContextEndsAllOfTheCommand(t *testing.T) {
	for _, test := range []struct {
		name, script string
		want         ExitError
	}{
		{
			"by SIGTERM",
			`exec 3>"$0"; trap 'echo bye; exit 7' TERM; sleep 1000 >/dev/null 2>&1 & echo ready >&3; wait`,
			ExitError{Code: 7, Said: "bye"},
		},
		{
			"success after SIGTERM is none",
			`exec 3>"$0"; trap 'exit 0' TERM; sleep 1000 >/dev/null 2>&1 & echo ready >&3; wait`,
			ExitError{},
		},
		{
			"by SIGKILL, if SIGTERM is ignored",
			`exec 3>"$0"; trap '' TERM; sleep 1000 >/dev/null 2>&1 & echo ready >&3; wait`,
			ExitError{Code: 137, Signal: "killed"},
		},
	} {
		for _, guard := range []string{"/bin/sh", "/no/such/shell"} {
			k := newRunner()
			k.guard, k.grace = guard, time.Minute
			if strings.Contains(test.name, "SIGKILL") {
				k.grace = 10 * time.Millisecond
			}
			fifo := newFIFO(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			var err error
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, err = k.run(ctx, sh(test.script, fifo))
			}()
			alive := waitReady(t, fifo)

			cancel(offload.ErrTimeout)
			<-ended

			test.want.Cause = offload.ErrTimeout
			var got *ExitError
			if !errors.As(err, &got) || *got != test.want || !errors.Is(err, offload.ErrTimeout) {
				t.Errorf("%s, guard %s: %v; want %v", test.name, guard, err, &test.want)
			}
			waitGone(t, alive)
		}
	}
}

func TestContextThatHasEndedStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(offload.ErrStopping)
	file := filepath.Join(t.TempDir(), "touched")
	_, err := newRunner().run(ctx, Input{Argv: []string{"touch", file}})
	if _, statErr := os.Stat(file); !errors.Is(err, offload.ErrStopping) || statErr == nil {
		t.Errorf("run = %v, the file: %v; want ErrStopping and no file", err, statErr)
	}
}

func TestWhatIsLeftBehindIsKilled(t *testing.T) {
	for _, guard := range []string{"/bin/sh", "/no/such/shell"} {
		k := newRunner()
		k.guard, k.grace = guard, 10*time.Millisecond
		heard := make(chan struct{})
		k.lines = func(string, string) { close(heard) }
		fifo, goOn := newFIFO(t), newFIFO(t)
		var out Output
		var err error
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			out, err = k.run(t.Context(), sh(`exec 3>"$0"; sleep 1000 & echo ready >&3; echo done; read line <"$1"`, fifo, goOn))
		}()
		alive := waitReady(t, fifo)
		<-heard // it may end: what is not read 10 ms later is lost
		if err := os.WriteFile(goOn, []byte("end\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		<-ended
		if err != nil || out.Stdout != "done\n" {
			t.Errorf("guard %s: %+v, %v; want done", guard, out, err)
		}
		waitGone(t, alive)
	}
}

func TestNothingOutlivesAWorkerThatWasKilled(t *testing.T) {
	for _, test := range []struct{ name, guard, script string }{
		{"a command and its children", "/bin/sh", `exec 3>"$0"; sleep 1000 & (sleep 1000; :) & echo ready >&3; wait`},
		{"they ignore what can be ignored", "/bin/sh", `exec 3>"$0"; trap "" TERM HUP; sleep 1000 & echo ready >&3; wait`},
		{"a command, where there is no shell", "/no/such/shell", `exec 3>"$0"; echo ready >&3; exec sleep 1000`},
	} {
		if test.guard != "/bin/sh" && runtime.GOOS != "linux" {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			fifo := newFIFO(t)
			job, err := json.Marshal(map[string]any{"guard": test.guard, "input": sh(test.script, fifo)})
			if err != nil {
				t.Fatal(err)
			}
			worker := exec.Command(os.Args[0])
			worker.Env = append(os.Environ(), inWorker+"="+string(job))
			if err := worker.Start(); err != nil {
				t.Fatal(err)
			}
			alive := waitReady(t, fifo)

			worker.Process.Kill()
			worker.Wait()

			waitGone(t, alive)
		})
	}
}

// newFIFO makes a pipe that processes can hold open by its name. Who reads it sees its end
// when the last of them is gone.
func newFIFO(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// waitReady waits until a command has written "ready" into the pipe, and returns its rest.
func waitReady(t *testing.T, fifo string) io.Reader {
	f, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	r := bufio.NewReader(f)
	if line, err := r.ReadString('\n'); line != "ready\n" {
		t.Fatalf("the command said %q, %v; want ready", line, err)
	}
	return r
}

// waitGone waits until nobody holds the pipe any more.
func waitGone(t *testing.T, alive io.Reader) {
	if _, err := io.Copy(io.Discard, alive); err != nil {
		t.Error(err)
	}
}

func TestEnviron(t *testing.T) {
	k := newRunner()
	Environ([]string{"ONLY=this"})(k)
	in := Input{Argv: []string{"env"}, Env: map[string]string{"MORE": "that"}}
	out, err := k.run(t.Context(), in)
	got := slices.Sorted(strings.Lines(out.Stdout))
	if err != nil || !slices.Equal(got, []string{"MORE=that\n", "ONLY=this\n"}) {
		t.Errorf("env printed %q, %v; want the two", got, err)
	}
}
