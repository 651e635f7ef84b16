package offload_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/offloadhq/offload"
)

// workerVariable makes this program a worker on the store that it names, instead of a test.
const workerVariable = "OFFLOAD_TEST_WORKER"

// Tasks of workers. They say what they do on standard output, a line each.
var (
	// hold runs until its context ends, and says why it did.
	hold = offload.NewTask("hold", func(ctx context.Context, _ int) error {
		say(ctx, "holds")
		<-ctx.Done()
		say(ctx, "ended: "+context.Cause(ctx).Error())
		return ctx.Err()
	}, offload.Timeout(0))

	// ignore never returns, whatever happens to its context.
	ignore = offload.NewTask("ignore", func(ctx context.Context, _ int) error {
		say(ctx, "ignores")
		select {}
	}, offload.Timeout(0))

	twice = offload.NewFunc("twice", func(ctx context.Context, n int) (int, error) {
		say(ctx, "doubles")
		return 2 * n, nil
	})

	// fresh is known only to programs that were deployed lately.
	fresh = offload.NewTask("fresh", func(ctx context.Context, _ int) error {
		say(ctx, "is fresh")
		return nil
	})
)

var saying sync.Mutex

func say(ctx context.Context, what string) {
	job := offload.JobOf(ctx)
	saying.Lock()
	defer saying.Unlock()
	fmt.Printf("%s attempt %d %s\n", job.ID, job.Attempt, what)
}

// workAlone is this program as a worker. It stops when it is told to, by the signal or by the
// end of its input, which comes when the test ends in whatever way.
func workAlone(address string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	parts := []offload.Part{hold, ignore, twice, noop, quiet, offload.Workers("one", 1), offload.Grace(100 * time.Millisecond)}
	var queues []string
	for _, arg := range os.Args[1:] {
		if arg == "deployed" {
			parts = append(parts, fresh)
		} else {
			queues = append(queues, arg)
		}
	}
	app, err := offload.Open(ctx, address, parts...)
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	if err := errors.Join(app.Run(ctx, queues...), app.Close()); err != nil {
		fmt.Println("run:", err)
		return 1
	}
	return 0
}

// A worker is another process that works jobs.
type worker struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended and all it said was read

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and renewed with each line
}

// startWorker starts a worker; it ends with the test at the latest.
func startWorker(t *testing.T, address string, args ...string) *worker {
	t.Helper()
	w := &worker{cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{}), more: make(chan struct{})}
	w.cmd.Env = append(os.Environ(), workerVariable+"="+address)
	w.cmd.Stderr = os.Stderr
	in, err := w.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(w.ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			w.hear(s.Text())
		}
		_ = w.cmd.Wait() // ProcessState tells
	}()
	t.Cleanup(func() {
		in.Close()
		w.kill()
	})
	return w
}

func (w *worker) hear(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line)
	close(w.more)
	w.more = make(chan struct{})
}

// said reports whether the worker has said a line that contains text, and what is closed when
// it says more.
func (w *worker) said(text string) (bool, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.lines {
		if strings.Contains(line, text) {
			return true, w.more
		}
	}
	return false, w.more
}

// await waits until the worker has said a line that contains text.
func (w *worker) await(t *testing.T, text string) {
	t.Helper()
	for {
		said, more := w.said(text)
		if said {
			return
		}
		select {
		case <-more:
		case <-w.ended:
			if said, _ := w.said(text); said {
				return
			}
			t.Fatalf("the worker ended without saying %q; it said %q", text, w.lines)
		case <-patience(t):
			t.Fatalf("the worker never said %q; it said %q", text, w.lines)
		}
	}
}

// firstOf waits until one of some workers has said a line that contains text.
func firstOf(t *testing.T, text string, workers ...*worker) *worker {
	t.Helper()
	var found *worker
	until(t, "a worker said "+text, func() bool {
		for _, w := range workers {
			if said, _ := w.said(text); said {
				found = w
			}
		}
		return found != nil
	})
	return found
}

// stop ends the worker as an orchestrator does, and checks that it has ended well.
func (w *worker) stop(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-w.ended
	if !w.cmd.ProcessState.Success() {
		t.Errorf("the worker ended with %v; it said %q", w.cmd.ProcessState, w.lines)
	}
}

// kill ends the worker as the power does.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill() // it may have ended
	<-w.ended
}
