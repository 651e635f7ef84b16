package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/bench/contender"
	"github.com/offloadhq/offload/internal/testpg"
)

// home is what contenders run on: servers and a folder, made for one comparison.
type home struct {
	dir      string
	postgres *testpg.Server
	admin    *pgx.Conn // to the server's own database
	pgSays   string    // the version of the server
	redis    *contender.RedisServer
	node     contender.Node
	made     int // databases so far
}

// Each needs is one thing that some contenders cannot do without.
var needs = []struct {
	what    string
	who     func(contender.Contender) bool
	provide func(*home, context.Context) error
}{
	{"PostgreSQL", func(c contender.Contender) bool { return c.Store == contender.PostgreSQL }, (*home).startPostgres},
	{"Redis", func(c contender.Contender) bool { return c.Store == contender.Redis }, (*home).startRedis},
	{"Node.js", func(c contender.Contender) bool { return c.System == "graphile-worker" }, (*home).installNode},
}

// provide makes everything that the contenders need, or says all that is missing.
func provide(ctx context.Context, o options) (_ *home, err error) {
	if err := room(o.dir); err != nil {
		return nil, err
	}
	// Programs started from here make their folders below it too.
	dir, err := os.MkdirTemp(o.dir, "offload-compare-")
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir}
	if err := os.Chmod(dir, 0o755); err != nil { // servers run as another user
		return nil, errors.Join(err, h.close())
	}
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return nil, errors.Join(err, h.close())
	}
	var missing []error
	for _, need := range needs {
		var who []string
		for _, c := range o.contenders {
			if need.who(c) {
				who = append(who, c.Name)
			}
		}
		if len(who) == 0 {
			continue
		}
		if err := need.provide(h, ctx); err != nil {
			names := strings.Join(who, ",")
			missing = append(missing, fmt.Errorf("%s: %w; for %s (-without %s leaves them out)", need.what, err, strings.Join(who, ", "), names))
		}
	}
	if ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), h.close())
	}
	if len(missing) > 0 {
		return nil, errors.Join(append(missing, h.close())...)
	}
	return h, nil
}

// needGiB is what the databases of one contender and the log of PostgreSQL take at most.
const needGiB = 4

// tmpfs is the number of a file system that is in memory.
const tmpfs = 0x01021994

// room refuses a folder on which nothing would be durable, or that is too small.
func room(dir string) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	free := float64(fs.Bavail) * float64(fs.Bsize) / (1 << 30)
	switch {
	case runtime.GOOS == "linux" && fs.Type == tmpfs:
		return &wrongFlag{"dir", dir, "a folder on a disk: this one is in memory, where flushing costs nothing"}
	case free < needGiB:
		return &wrongFlag{"dir", dir, fmt.Sprintf("%d GiB free there: it has %.1f", needGiB, free)}
	}
	return nil
}

// minPostgres is the oldest version that offload works with.
const minPostgres = 130000

func (h *home) startPostgres(ctx context.Context) (err error) {
	if h.postgres, err = testpg.Run(); err != nil {
		return err
	}
	if h.admin, err = pgx.Connect(ctx, h.postgres.Address()); err != nil {
		return err
	}
	var number int
	err = h.admin.QueryRow(ctx, "select current_setting('server_version'), current_setting('server_version_num')::int").Scan(&h.pgSays, &number)
	if err == nil && number < minPostgres {
		err = fmt.Errorf("the server is version %s; want 13 or newer", h.pgSays)
	}
	return err
}

func (h *home) startRedis(ctx context.Context) error {
	dir := filepath.Join(h.dir, "redis")
	err := os.Mkdir(dir, 0o755)
	if err != nil {
		return err
	}
	h.redis, err = contender.StartRedis(ctx, dir)
	return err
}

func (h *home) installNode(ctx context.Context) error {
	dir := filepath.Join(h.dir, "node")
	err := os.Mkdir(dir, 0o755)
	if err != nil {
		return err
	}
	h.node, err = contender.InstallNode(ctx, dir)
	return err
}

// close ends the servers and removes the folder.
func (h *home) close() (err error) {
	if h.admin != nil {
		err = h.admin.Close(context.Background())
	}
	if h.postgres != nil {
		h.postgres.Close()
	}
	if h.redis != nil {
		err = errors.Join(err, h.redis.Close())
	}
	return errors.Join(err, os.RemoveAll(h.dir))
}

// place makes an empty place for a contender. Leave throws it away.
func (h *home) place(ctx context.Context, c contender.Contender) (at contender.Place, leave func() error, err error) {
	h.made++
	name := fmt.Sprintf("compare_%d", h.made)
	at = contender.Place{Dir: filepath.Join(h.dir, name), Node: h.node}
	if err := os.Mkdir(at.Dir, 0o755); err != nil {
		return at, nil, err
	}
	leave = func() error { return os.RemoveAll(at.Dir) }
	switch c.Store {
	case contender.Redis:
		at.Redis = h.redis.Address
	case contender.PostgreSQL:
		if at.Postgres, err = h.database(ctx, name); err != nil {
			return at, nil, errors.Join(err, leave())
		}
		leave = func() error {
			_, err := h.admin.Exec(context.WithoutCancel(ctx), "drop database "+name+" with (force)")
			return errors.Join(err, os.RemoveAll(at.Dir))
		}
	}
	return at, leave, nil
}

// database makes an empty database, in a server that owes the disk nothing from before.
func (h *home) database(ctx context.Context, name string) (address string, err error) {
	for _, sql := range []string{"create database " + name, "checkpoint"} {
		if _, err := h.admin.Exec(ctx, sql); err != nil {
			return "", fmt.Errorf("%s: %w", sql, err)
		}
	}
	u, err := url.Parse(h.postgres.Address())
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// machine describes the machine, as far as it says.
func (h *home) machine() machine {
	m := machine{Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), PostgreSQL: h.pgSays, Node: h.node.Version}
	if h.redis != nil {
		m.Redis = h.redis.Version
	}
	if s := field("/etc/os-release", "PRETTY_NAME="); s != "" {
		m.OS = strings.Trim(s, `"`) + ", " + m.OS
	}
	m.CPU = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(field("/proc/cpuinfo", "model name")), ":"))
	var kib int
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal:"), &kib); err == nil {
		m.MemoryGiB = (kib + 1<<19) >> 20
	}
	return m
}

// field returns what follows a name at the start of a line, "" where there is none.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			return rest
		}
	}
	return ""
}
