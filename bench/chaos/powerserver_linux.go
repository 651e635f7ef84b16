package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
)

// A powerServer is a PostgreSQL server on a disk whose power is cut. Its superuser, under which
// offload runs, has synchronous_commit off.
type powerServer struct {
	stage *Stage
	bin   string
	data  string
	port  string // its own, also while it has no power
	cmd   *exec.Cmd
}

// newPowerServer makes and starts a server on a disk.
func newPowerServer(s *Stage, d *disk) *powerServer {
	s.Helper()
	p := &powerServer{stage: s, bin: testpg.Binaries(s), data: filepath.Join(d.at, "data")}
	p.must(testpg.Own(d.at))
	init, err := p.program("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-D", p.data)
	p.must(err)
	if out, err := init.CombinedOutput(); err != nil {
		s.Fatalf("initdb: %v: %s", err, out)
	}
	_, p.port, err = net.SplitHostPort(testpg.FreeAddr(s))
	p.must(err)
	s.Cleanup(p.kill)
	p.start()
	conn, err := pgx.Connect(s.ctx, p.address())
	p.must(err)
	_, err = conn.Exec(s.ctx, "ALTER ROLE postgres SET synchronous_commit = off")
	p.must(errors.Join(err, conn.Close(s.ctx)))
	return p
}

func (p *powerServer) address() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%s/postgres?sslmode=disable", p.port)
}

func (p *powerServer) must(err error) {
	p.stage.Helper()
	if err != nil {
		p.stage.Fatalf("the server whose power is cut: %v", err)
	}
}

// program is a command of PostgreSQL's, under the account of servers.
func (p *powerServer) program(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	var err error
	cmd.SysProcAttr, err = testpg.Attributes()
	cmd.Dir = "/"
	return cmd, err
}

// start starts the server and waits until it answers.
func (p *powerServer) start() {
	p.stage.Helper()
	if err := os.Remove(filepath.Join(p.data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		p.must(err) // that of the server that has lost its power
	}
	cmd, err := p.program("postgres", "-D", p.data, "-p", p.port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	p.must(err)
	log, err := os.OpenFile(filepath.Join(p.stage.logs, "postgres.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	p.must(err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)
	p.must(p.stage.starter.start(cmd))
	p.cmd = cmd
	p.stage.Until("the server answers", time.Minute, func() bool {
		conn, err := pgx.Connect(p.stage.ctx, p.address())
		return err == nil && conn.Close(p.stage.ctx) == nil
	})
}

// kill ends the server with all its processes, each of which has a group of its own.
func (p *powerServer) kill() {
	if p.cmd == nil {
		return
	}
	pid := p.cmd.Process.Pid
	_ = syscall.Kill(pid, syscall.SIGSTOP) // so that it starts nobody while they are counted
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	all := append(strings.Fields(string(text)), strconv.Itoa(pid))
	for _, name := range all {
		if one, err := strconv.Atoi(name); err == nil {
			_ = syscall.Kill(one, syscall.SIGKILL) // it may have ended
		}
	}
	_ = p.cmd.Wait() // it was killed
	p.cmd = nil
}
