package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/bench/contender"
	"github.com/offloadhq/offload/internal/testpg"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// A lab is an empty database for one question.
type lab struct {
	options
	kind    string // sqlite or postgres
	dir     string
	address string
	server  *testpg.Server // of PostgreSQL
	conn    *pgx.Conn      // to look at it; nil on SQLite
	figures []figure
}

// needed is how much room a question may take.
const needed = 8 << 30

func newLab(ctx context.Context, kind string, o options) (*lab, error) {
	dir, err := os.MkdirTemp("", "heart-")
	if err != nil {
		return nil, err
	}
	l := &lab{options: o, kind: kind, dir: dir, address: filepath.Join(dir, "heart.db")}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err == nil && disk.Bavail*uint64(disk.Bsize) < needed {
		return nil, errors.Join(fmt.Errorf("%s has too little room: want 8 GiB ($TMPDIR names another folder)", dir), l.close())
	}
	if kind == "postgres" {
		// A database as it comes, but for the log: a checkpoint in one of two runs would be chance.
		l.server, err = testpg.Run("fsync = on", "synchronous_commit = on", "full_page_writes = on", "max_wal_size = 4GB")
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		if err := l.connect(ctx); err != nil {
			return nil, errors.Join(err, l.close())
		}
	}
	return l, nil
}

// connect makes a database of the lab's own, which nobody else looks at, and a connection to it.
func (l *lab) connect(ctx context.Context) error {
	address, err := url.Parse(l.server.Address())
	if err != nil {
		return err
	}
	admin, err := pgx.Connect(ctx, address.String())
	if err != nil {
		return err
	}
	_, err = admin.Exec(ctx, "CREATE DATABASE heart")
	if err = errors.Join(err, admin.Close(ctx)); err != nil {
		return err
	}
	address.Path = "/heart"
	l.address = address.String()
	l.conn, err = pgx.Connect(ctx, l.address)
	return err
}

func (l *lab) close() (err error) {
	if l.conn != nil {
		err = l.conn.Close(context.Background())
	}
	if l.server != nil {
		l.server.Close()
	}
	return errors.Join(err, os.RemoveAll(l.dir))
}

// tell adds a figure.
func (l *lab) tell(f figure) { l.figures = append(l.figures, f) }

// open opens an app on the lab's database.
func (l *lab) open(ctx context.Context, parts ...offload.Part) (*offload.App, error) {
	return offload.Open(ctx, l.address, append(parts, quiet)...)
}

var quiet = offload.LogTo(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))

// bulk is a task that nobody works here.
var bulk = offload.Declare[contender.Input]("bench")

// fill enqueues n jobs into a queue, 1,000 a call.
func fill(ctx context.Context, app *offload.App, queue string, n int) error {
	inputs := make([]contender.Input, 0, 1000)
	for i := 0; i < n; i += len(inputs) {
		inputs = inputs[:0]
		for k := i; k < min(i+1000, n); k++ {
			inputs = append(inputs, contender.InputOf(k))
		}
		if _, err := bulk.EnqueueMany(ctx, app, inputs, offload.Queue(queue)); err != nil {
			return err
		}
	}
	return nil
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

func rate(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
