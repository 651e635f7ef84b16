package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Spec says what process to start.
type Spec struct {
	Role    string // "worker", "enqueuer", or one that a trial brings along
	Options any    // of the role, as JSON

	Address string   // of the store, where it is not the stage's own: that of a proxy
	Wrap    []string // a command in front, such as unshare
	Program string   // another build of this program; "" is this one
	Env     []string // more of it
	Stderr  *os.File // "" is the process's log
	MayDie  bool     // that it ends by itself, other than well, breaks nothing
}

// A Process is a child process. Its methods may be called from any goroutine.
type Process struct {
	Name string // as in the ledger
	PID  int    // of the process that was started: with Wrap, of what is in front
	Spec Spec
	Born time.Time

	stage *Stage
	cmd   *exec.Cmd
	stdin io.Closer     // the child ends when it is closed
	ended chan struct{} // closed when it has ended

	mu       sync.Mutex
	expected bool // that it ends
	end      time.Time
}

// starter starts processes, all from one thread: the kernel ends them when the thread ends
// that started them.
type starter struct {
	work chan func()
	done chan struct{}
}

func newStarter() *starter {
	s := &starter{make(chan func()), make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // and never unlocks: the thread ends with this goroutine
		for f := range s.work {
			f()
		}
	}()
	return s
}

func (s *starter) start(cmd *exec.Cmd) error {
	err := make(chan error, 1)
	s.work <- func() { err <- cmd.Start() }
	return <-err
}

// close ends the thread, and with it what it has started.
func (s *starter) close() {
	close(s.work)
	<-s.done
}

// Start starts a process. It gets a name of its own, its role and a number.
func (s *Stage) Start(spec Spec) *Process {
	s.Helper()
	p, err := s.launch(spec)
	if err != nil {
		s.Fatalf("start a process as %s: %v", spec.Role, err)
	}
	return p
}

func (s *Stage) launch(spec Spec) (*Process, error) {
	options, err := json.Marshal(spec.Options)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.born[spec.Role]++
	p := &Process{Name: fmt.Sprintf("%s-%d", spec.Role, s.born[spec.Role]), Spec: spec, stage: s, ended: make(chan struct{})}
	s.mu.Unlock()
	o := order{
		Role: spec.Role, Name: p.Name, Kind: s.Kind, Address: s.Database.Address, Dir: s.ledger.dir,
		Seed: s.derive(p.Name), Options: options,
	}
	if spec.Address != "" {
		o.Address = spec.Address
	}
	if err := p.command(&o); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(filepath.Join(s.logs, p.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if spec.Stderr != nil {
		p.cmd.Stderr = spec.Stderr
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	p.Born = time.Now()
	if err := s.starter.start(p.cmd); err != nil {
		return nil, err
	}
	p.PID = p.cmd.Process.Pid
	s.mu.Lock()
	s.processes = append(s.processes, p)
	s.mu.Unlock()
	go p.watch()
	return p, nil
}

// command makes the command of an order.
func (p *Process) command(o *order) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	program := p.Spec.Program
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	line := append(append([]string{}, p.Spec.Wrap...), program)
	p.cmd = exec.Command(line[0], line[1:]...)
	p.cmd.Env = append(append(os.Environ(), p.Spec.Env...), childVariable+"="+string(text))
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the controller
	dieWithParent(p.cmd.SysProcAttr)
	return nil
}

// watch waits for the end of the process.
func (p *Process) watch() {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.end = time.Now()
	expected := p.expected || p.Spec.MayDie
	p.mu.Unlock()
	_ = p.stdin.Close()
	if err != nil && !expected {
		p.stage.Broken("process", "%s ended by itself, %v; it said last: %s", p.Name, err, p.lastWords())
	}
	close(p.ended)
}

// lastWords is the end of the process's log.
func (p *Process) lastWords() string {
	text, err := os.ReadFile(filepath.Join(p.stage.logs, p.Name+".log"))
	if err != nil {
		return err.Error()
	}
	text = text[max(0, len(text)-2000):]
	return strings.TrimSpace(string(text))
}

// expect says that the process may end now.
func (p *Process) expect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = true
}

// Kill ends the process as the power does, with all that it has started, and returns when it
// has ended.
func (p *Process) Kill() {
	p.expect()
	p.killGroup()
	<-p.ended
}

func (p *Process) killGroup() {
	_ = syscall.Kill(-p.PID, syscall.SIGKILL) // it may have ended
}

// Signal sends a signal to the process. One that has ended gets none.
func (p *Process) Signal(sig syscall.Signal) {
	if sig != syscall.SIGSTOP && sig != syscall.SIGCONT {
		p.expect()
	}
	err := p.signal(sig)
	if err != nil && p.Alive() && !errors.Is(err, os.ErrProcessDone) {
		p.stage.Errorf("send %v to %s: %v", sig, p.Name, err)
	}
}

func (p *Process) signal(sig syscall.Signal) error {
	if len(p.Spec.Wrap) == 0 {
		return p.cmd.Process.Signal(sig)
	}
	pid, err := p.wrapped()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, sig)
}

// wrapped is the process that the command in front has started.
func (p *Process) wrapped() (pid int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.PID, p.PID))
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(string(text), &pid)
	return pid, err
}

// Pause stops the process in the middle of whatever it does.
func (p *Process) Pause() { p.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() { p.Signal(syscall.SIGCONT) }

// Stop asks the process to end, as orchestrators do, and waits for that. One that has not
// ended in time is killed; ok reports that it was not necessary.
func (p *Process) Stop(within time.Duration) (took time.Duration, ok bool) {
	began := time.Now()
	p.Signal(syscall.SIGTERM)
	if p.Await(within) {
		return p.Ended().Sub(began), true
	}
	p.Kill()
	return time.Since(began), false
}

// Await waits until the process has ended, and reports whether it has in time.
func (p *Process) Await(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		return false
	}
}

// Alive reports whether the process has not ended.
func (p *Process) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Ended is when the process was seen to have ended, the zero time if it has not.
func (p *Process) Ended() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end
}

// A Post is a process that is started again whenever it has ended.
type Post struct {
	mu    sync.Mutex
	now   *Process
	ends  []End
	until chan struct{} // closed by leave
	left  chan struct{} // closed when nobody starts it again
}

// An End is how one process of a Post has ended.
type End struct {
	Process *Process
	Time    time.Time
}

// Respawn starts a process, and starts it again whenever it has ended, until the trial is over.
func (s *Stage) Respawn(spec Spec) *Post {
	s.Helper()
	spec.MayDie = true
	post := &Post{now: s.Start(spec), until: make(chan struct{}), left: make(chan struct{})}
	s.mu.Lock()
	s.posts = append(s.posts, post)
	s.mu.Unlock()
	go post.keep(s)
	return post
}

func (t *Post) keep(s *Stage) {
	defer close(t.left)
	for {
		p := t.Now()
		select {
		case <-p.ended:
		case <-t.until:
			return
		}
		next, err := s.launch(p.Spec)
		if err != nil {
			s.Errorf("start %s again: %v", p.Name, err)
			return
		}
		t.mu.Lock()
		t.ends = append(t.ends, End{p, p.Ended()})
		t.now = next
		t.mu.Unlock()
	}
}

// Now returns the process that was started last.
func (t *Post) Now() *Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// Ends returns how processes have ended so far.
func (t *Post) Ends() []End {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]End(nil), t.ends...)
}

// leave has nobody start the process again.
func (t *Post) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.until:
	default:
		close(t.until)
	}
}
