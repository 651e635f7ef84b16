package contender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// A RedisServer is a throw-away Redis on loopback.
type RedisServer struct {
	Address string // host and port
	Version string
	cmd     *exec.Cmd
	stdin   io.Closer
}

// The shell ends the server, and removes its files, when its input ends: with this process,
// however that ends.
const guarded = `dir=$1; shift; "$@" </dev/null & pid=$!; read -r _; kill $pid 2>/dev/null; wait $pid; rm -rf "$dir"`

// apart keeps Ctrl-C from a program, which ends when its input does.
var apart = &syscall.SysProcAttr{Setpgid: true}

// StartRedis starts a Redis in a folder, which it removes in the end. It keeps a log of all
// writes, flushed each second until a contender sets it otherwise.
func StartRedis(ctx context.Context, dir string) (*RedisServer, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("there is no redis-server on the path; want Redis 6 or newer (apt-get install redis-server)")
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	log := filepath.Join(dir, "redis.log")
	cmd := exec.Command("/bin/sh", "-c", guarded, "guard", dir, program,
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--logfile", log,
		"--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
	cmd.SysProcAttr = apart
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &RedisServer{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), cmd: cmd, stdin: stdin}
	if s.Version, err = s.answers(ctx); err != nil {
		said, _ := os.ReadFile(log)
		return nil, errors.Join(fmt.Errorf("start redis-server: %w; its log: %s", err, said), s.Close())
	}
	var major int
	if _, err := fmt.Sscan(s.Version, &major); err != nil || major < 6 {
		return nil, errors.Join(fmt.Errorf("redis-server is version %q; want 6 or newer", s.Version), s.Close())
	}
	return s, nil
}

// answers waits until the server answers, and returns its version.
func (s *RedisServer) answers(ctx context.Context) (version string, err error) {
	client := redis.NewClient(&redis.Options{Addr: s.Address, MaxRetries: -1})
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		var info map[string]map[string]string
		if info, err = client.InfoMap(ctx, "server").Result(); err == nil {
			return info["Server"]["redis_version"], nil
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Close ends the server and removes its files.
func (s *RedisServer) Close() error {
	s.stdin.Close()
	return s.cmd.Wait()
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
