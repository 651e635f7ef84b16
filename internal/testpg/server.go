package testpg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A Server is a PostgreSQL server.
type Server struct {
	bin     string
	dir     string // holds data, sockets and the log
	port    port   // its own, also while it is stopped
	address string
	wrap    []string // a command in front

	mu    sync.Mutex // held while it is started or stopped
	guard *guard     // nil while it is stopped
}

// Address is that of the server's own database, for its superuser.
func (s *Server) Address() string { return s.address }

// Run starts a server for a program that is no test. The caller closes it; where that does not
// happen, it ends with the program. Settings are lines of postgresql.conf.
func Run(settings ...string) (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	if bin == "" {
		return nil, errors.New("there is no PostgreSQL; want initdb and postgres below /usr/lib/postgresql, or in $OFFLOAD_TEST_PGBIN (apt-get install postgresql)")
	}
	return start(bin, settings...)
}

// Close stops a server that Run has started and removes its data.
func (s *Server) Close() { s.close() }

// start makes a server and starts it.
func start(bin string, settings ...string) (*Server, error) {
	return startIn("", bin, func(*Server) error { return nil }, settings...)
}

// startIn is start below a directory, with something to be done before, when the server has its own.
func startIn(below, bin string, prepare func(*Server) error, settings ...string) (*Server, error) {
	dir, err := os.MkdirTemp(below, "testpg-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	err = s.initialize(settings)
	if err == nil {
		err = prepare(s)
	}
	if err == nil {
		err = s.runAnywhere()
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// runAnywhere starts the server on a port that is free.
func (s *Server) runAnywhere() (err error) {
	for range 10 { // another program may take the port between the choice and the start
		if s.port, err = takePort(); err != nil {
			break
		}
		s.address = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port.number)
		if err = s.run(); err == nil {
			return nil
		}
		s.port.giveBack()
	}
	return err
}

// initialize makes the data directory.
func (s *Server) initialize(settings []string) error {
	account, err := plainUser()
	if err != nil {
		return err
	}
	if err := account.own(s.dir); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "--no-sync", "-U", "postgres", "-A", "trust",
		"-E", "UTF8", "--locale=C", "-D", s.data())
	cmd.Dir = s.dir
	cmd.SysProcAttr = account.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	lines := append([]string{
		"listen_addresses = '127.0.0.1'",
		"unix_socket_directories = '" + s.dir + "'",
		"max_connections = 200",
	}, settings...)
	if err := appendTo(filepath.Join(s.data(), "postgresql.conf"), lines); err != nil {
		return err
	}
	// Roles whose name begins so need their password; all others are trusted.
	hba := filepath.Join(s.data(), "pg_hba.conf")
	old, err := os.ReadFile(hba)
	if err != nil {
		return err
	}
	return os.WriteFile(hba, append([]byte("host all locked 127.0.0.1/32 scram-sha-256\n"), old...), 0o600)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func appendTo(name string, lines []string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n" + strings.Join(lines, "\n") + "\n")
	return errors.Join(err, f.Close())
}

// run starts the server and waits until it answers.
func (s *Server) run() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	program := append(s.wrap[:len(s.wrap):len(s.wrap)], filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", fmt.Sprint(s.port.number))
	g, err := watch(s.dir, filepath.Join(s.dir, "log"), program...)
	if err != nil {
		return err
	}
	if err := g.answers(s.address, filepath.Join(s.dir, "log")); err != nil {
		g.stop(syscall.SIGQUIT)
		return err
	}
	s.guard = g
	return nil
}

// Stop stops the server: SIGINT cuts all connections and is clean, SIGQUIT is as if the power
// had gone for the server alone.
func (s *Server) Stop(t testing.TB, how syscall.Signal) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guard == nil {
		t.Fatal("this server is not running, or is not ours to stop")
	}
	s.guard.stop(how)
	s.guard = nil
}

// Start starts a server that was stopped.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatalf("start PostgreSQL again: %v", err)
	}
}

// Standby starts a server that was stopped as one that waits for a primary, and only reads.
func (s *Server) Standby(t testing.TB) {
	t.Helper()
	signal := filepath.Join(s.data(), "standby.signal")
	account, err := plainUser()
	if err == nil {
		err = errors.Join(os.WriteFile(signal, nil, 0o600), account.own(signal))
	}
	if err != nil {
		t.Fatalf("make a standby: %v", err)
	}
	s.Start(t)
}

// running reports whether the server is there, ours or given.
func (s *Server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.guard != nil || s.dir == ""
}

// close stops the server and removes its data.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guard != nil {
		s.guard.stop(syscall.SIGQUIT)
		s.guard = nil
	}
	s.port.giveBack()
	os.RemoveAll(s.dir)
}
