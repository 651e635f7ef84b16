package testpg

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Replica starts a second server that follows this one and only reads, until Promote makes a
// primary of it. It ends with the test.
func (s *Server) Replica(t testing.TB) *Server {
	t.Helper()
	r, err := s.replicate()
	if err != nil {
		t.Fatalf("start a replica: %v", err)
	}
	t.Cleanup(r.close)
	return r
}

func (s *Server) replicate() (*Server, error) {
	account, err := plainUser()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "testpg-")
	if err != nil {
		return nil, err
	}
	r := &Server{bin: s.bin, dir: dir}
	err = account.own(dir)
	if err == nil {
		cmd := exec.Command(filepath.Join(s.bin, "pg_basebackup"), "--no-sync", "--checkpoint=fast", "-R", "-D", r.data(), "-d", s.address)
		cmd.Dir = dir
		cmd.SysProcAttr = account.attributes()
		var out []byte
		if out, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("pg_basebackup: %w: %s", err, out)
		}
	}
	if err == nil {
		err = appendTo(filepath.Join(r.data(), "postgresql.conf"), []string{"unix_socket_directories = '" + dir + "'"})
	}
	if err == nil {
		err = r.runAnywhere()
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return r, nil
}

// Promote makes a replica a primary, and returns when it is one. Whom it followed is not told.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	var is bool
	if s.ask(t, "select pg_promote(wait_seconds => 60)", nil, &is); !is {
		t.Fatal("promote a replica: it is none yet after a minute")
	}
}

// KillBackend ends one process that serves a client, as a crash of it would, upon which the
// server ends all others and starts anew. It picks one on a database, and reports whether
// there was one.
func (s *Server) KillBackend(t testing.TB, address string) bool {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatalf("address of a test database: %v", err)
	}
	var pid int
	s.ask(t, "select coalesce(min(pid), 0) from pg_stat_activity where backend_type = 'client backend' and datname = $1", []any{config.Database}, &pid)
	if pid == 0 {
		return false
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill a server process: %v", err)
	}
	return true
}

// ReadOnly makes the server refuse to write, as a primary does that was set aside, or lets it
// write again. Sessions learn of it at once.
func (s *Server) ReadOnly(t testing.TB, on bool) {
	t.Helper()
	if on {
		s.Exec(t, "alter system set default_transaction_read_only = on")
	} else {
		s.Exec(t, "alter system reset default_transaction_read_only")
	}
	s.Exec(t, "select pg_reload_conf()")
}
