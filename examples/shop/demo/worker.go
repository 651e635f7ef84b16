package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Work works the jobs of the shop in a directory until its standard input ends, which is when
// the demo that has started it does, however that ends; or until ctx does.
func Work(ctx context.Context, dir string, in io.Reader) (err error) {
	p, err := readPlace(dir)
	if err != nil {
		return fmt.Errorf("start a worker of the demo: %w", err)
	}
	s, err := p.open(ctx, dir, "work")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, in)
		stop()
	}()
	return s.Run(ctx)
}

// A worker is a process that works jobs, and is started again when it dies.
type worker struct {
	command func() *exec.Cmd
	out     *os.File // what a worker has to say when it can't log

	mu      sync.Mutex
	process *os.Process // nil while there is none
}

// restartAfter is how long a worker that has died stays away, for people to see what that does.
const restartAfter = 3 * time.Second

// run keeps a worker running until ctx ends, and returns when it has.
func (w *worker) run(ctx context.Context) error {
	for {
		err := w.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		fmt.Fprintf(w.out, "worker has died: %v\n", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(restartAfter):
		}
	}
}

// once starts a worker, and waits for its end. It is asked to end by the end of its input, and
// may take as long as offload lets jobs under way go on.
func (w *worker) once(ctx context.Context) error {
	cmd := w.command()
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = w.out, w.out
	if err := cmd.Start(); err != nil {
		return err
	}
	lowerPriority(cmd.Process.Pid)
	w.set(cmd.Process)
	stop := context.AfterFunc(ctx, func() { _ = in.Close() })
	defer stop()
	err = cmd.Wait()
	w.set(nil)
	return err
}

func (w *worker) set(p *os.Process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = p
}

// kill ends the worker at once, in the middle of whatever it does.
func (w *worker) kill() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process == nil {
		return errors.New("there is no worker at the moment")
	}
	return w.process.Kill()
}
