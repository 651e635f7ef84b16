package testpg

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Pooler starts pgbouncer in front of the server of an address, with transaction pooling over
// few connections, and returns the address through it.
func Pooler(t testing.TB, address string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // which is not on every user's path
	}
	if _, err := os.Stat(program); err != nil {
		Skip(t, "pgbouncer", "pgbouncer")
	}
	through, err := startPooler(t, program, address)
	if err != nil {
		t.Fatalf("start pgbouncer: %v", err)
	}
	return through
}

// With auth_type any, every client is the one user of the server.
const poolerSettings = `[databases]
* = host=%s port=%d user=%s
[pgbouncer]
listen_addr = 127.0.0.1
unix_socket_dir =
listen_port = %[4]s
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
`

func startPooler(t testing.TB, program, address string) (string, error) {
	to, err := pgx.ParseConfig(address)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "testpg-pooler-")
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	addr := FreeAddr(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	config := filepath.Join(dir, "pgbouncer.ini")
	settings := fmt.Sprintf(poolerSettings, to.Host, to.Port, to.User, port)
	if err := os.WriteFile(config, []byte(settings), 0o644); err != nil {
		return "", err
	}
	account, err := plainUser()
	if err != nil {
		return "", err
	}
	if err := account.own(dir); err != nil {
		return "", err
	}
	g, err := watch(dir, filepath.Join(dir, "log"), program, config)
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { g.stop(syscall.SIGKILL) })
	through := WithHost(t, address, addr)
	return through, g.answers(through, filepath.Join(dir, "log"))
}
