// Package testpg gives tests a throw-away PostgreSQL.
//
//	url := testpg.URL(t) // an empty database of its own
//
// The first call in a test binary makes a server from installed binaries, on loopback, with
// default durability; it ends, and its data go, when the test binary ends, however that
// happens. [Start] makes one more for a test that stops or restarts it, and its Replica one that
// follows it; [Pooler] puts pgbouncer in front of a database.
//
// Where nothing is installed the tests are skipped, with a line that make test collects; where
// $CI is set they fail instead. Two variables change what is used:
//
//	OFFLOAD_TEST_POSTGRES   the URL of a running server, for a user who may create databases
//	OFFLOAD_TEST_PGBIN      the folder of another version's binaries
package testpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// shared is the server of this test binary.
var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// databases counts those made by this test binary.
var databases atomic.Int64

// URL returns the address of an empty database, which is dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	return Shared(t).Database(t)
}

// Shared returns the server that all tests of this binary use.
func Shared(t testing.TB) *Server {
	t.Helper()
	if address := os.Getenv("OFFLOAD_TEST_POSTGRES"); address != "" {
		return &Server{address: address}
	}
	bin := binaries(t)
	shared.once.Do(func() { shared.server, shared.err = startIn(inMemory(), bin, func(*Server) error { return nil }) })
	if shared.err != nil {
		t.Fatalf("start PostgreSQL: %v", shared.err)
	}
	return shared.server
}

// Start starts a server for one test alone. Settings are lines of postgresql.conf.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := start(binaries(t), settings...)
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(s.close)
	return s
}

// Database makes an empty database and returns its address. It is dropped when the test ends.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	s.Exec(t, "create database "+name)
	t.Cleanup(func() {
		if s.running() {
			s.drop(t, name)
		}
	})
	return WithDatabase(t, s.address, name)
}

// Exec runs a statement in the server's own database, as its superuser.
func (s *Server) Exec(t testing.TB, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn := s.connect(ctx, t)
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// drop drops a database, again where the connection is lost: a backend that was killed takes all others with it, soon after.
func (s *Server) drop(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn := s.connect(ctx, t)
		_, err := conn.Exec(ctx, "drop database if exists "+name+" with (force)")
		lost := conn.IsClosed()
		conn.Close(ctx)
		switch {
		case err == nil:
			return
		case !lost || ctx.Err() != nil:
			t.Fatalf("drop database %s: %v", name, err)
		}
	}
}

// connect returns a connection of the superuser's, which may write whatever the server's settings
// say. A server that recovers, since one of its processes was killed, is waited for: it cuts connections
// that come before it has taken note.
func (s *Server) connect(ctx context.Context, t testing.TB) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(s.address)
	if err != nil {
		t.Fatalf("address of the test server: %v", err)
	}
	config.RuntimeParams["default_transaction_read_only"] = "off"
	for {
		conn, err := pgx.ConnectConfig(ctx, config)
		var refused *pgconn.PgError
		recovers := errors.As(err, &refused) && refused.Code == cannotConnectNow ||
			errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF)
		if recovers && ctx.Err() == nil {
			continue
		}
		if err != nil {
			t.Fatalf("connect to the test server: %v", err)
		}
		return conn
	}
}

const cannotConnectNow = "57P03"

// ask reads one row in the server's own database.
func (s *Server) ask(t testing.TB, sql string, args []any, into ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn := s.connect(ctx, t)
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, sql, args...).Scan(into...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// WithDatabase returns the address with another database.
func WithDatabase(t testing.TB, address, name string) string {
	t.Helper()
	u := parse(t, address)
	u.Path = "/" + name
	return u.String()
}

// WithUser returns the address with another user and password.
func WithUser(t testing.TB, address, name, password string) string {
	t.Helper()
	u := parse(t, address)
	u.User = url.UserPassword(name, password)
	return u.String()
}

// WithHost returns the address with another host and port, such as that of a proxy.
func WithHost(t testing.TB, address, host string) string {
	t.Helper()
	u := parse(t, address)
	u.Host = host
	return u.String()
}

// With returns the address with one more parameter.
func With(t testing.TB, address, name, value string) string {
	t.Helper()
	u := parse(t, address)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// Host returns the host and port of an address.
func Host(t testing.TB, address string) string {
	t.Helper()
	return parse(t, address).Host
}

func parse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("address of the test server: %v", err)
	}
	return u
}
