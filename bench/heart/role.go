package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/bench/contender"
)

// roleVariable tells a child process of this program what it is.
const roleVariable = "OFFLOAD_HEART_ROLE"

// A role is what a child process does: it works the database's jobs until its stdin is closed.
type role struct {
	Address string
	Sleep   time.Duration // of each handler
	Queues  []string      // none is all
}

// playRole is the main function of a child process.
func playRole(spec string) int {
	if err := play(spec); err != nil {
		fmt.Fprintln(os.Stderr, "heart: worker:", err)
		return 1
	}
	return 0
}

func play(spec string) error {
	var r role
	if err := json.Unmarshal([]byte(spec), &r); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	task := bulk.Handle(func(ctx context.Context, in contender.Input) error {
		if r.Sleep > 0 {
			select {
			case <-time.After(r.Sleep):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	app, err := offload.Open(ctx, r.Address, task, quiet)
	if err != nil {
		return err
	}
	defer app.Close()
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with the process, at the latest
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	fmt.Println("ready")
	return app.Run(ctx, r.Queues...)
}

// A child is a process in a role.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func startChild(r role) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	spec, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"="+string(spec))
	cmd.Stderr = os.Stderr
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
	c := &child{cmd, stdin}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		return nil, fmt.Errorf("the worker did not come up: %q, %w", line, err)
	}
	return c, nil
}

// stop ends the process and waits for it.
func (c *child) stop() error {
	_ = c.stdin.Close() // it is the word to end, and cannot fail otherwise than by its end
	return c.cmd.Wait()
}

// cpu is the time that the process has used so far.
func (c *child) cpu() (time.Duration, error) { return cpuOf(c.cmd.Process.Pid) }

// memory is how much of the process is in memory, in MiB.
func (c *child) memory() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if kib, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseFloat(strings.Fields(kib)[0], 64)
			return n / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", c.cmd.Process.Pid)
}

// stat returns the fields of /proc/PID/stat, counted as in proc(5) less 3: the state is the first.
func stat(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return nil, fmt.Errorf("/proc/%d/stat is too short", pid)
	}
	return fields, nil
}

// cpuOf is the time that a process has used, and those of its children that have ended.
func cpuOf(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	var ticks int64
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil
}

// cpuOfServer is the time that PostgreSQL has used, all its processes together.
func (l *lab) cpuOfServer(ctx context.Context) (total time.Duration, err error) {
	var backend int
	if err := l.conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return 0, err
	}
	fields, err := stat(backend)
	if err != nil {
		return 0, err
	}
	parent := fields[1]
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		fields, err := stat(pid)
		if err != nil || fields[1] != parent && entry.Name() != parent {
			continue // not one of them, or it has just ended
		}
		cpu, err := cpuOf(pid)
		if err != nil {
			return 0, err
		}
		total += cpu
	}
	return total, nil
}
