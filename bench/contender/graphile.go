package contender

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const graphileNotes = "runs in Node.js, and is enqueued to from Go by its SQL functions; it deletes completed jobs; a lost worker's jobs go on after 4 hours"

var graphile = Contender{
	Name: "graphile-worker-defaults", System: "graphile-worker", Variant: "defaults", Store: PostgreSQL, Peer: true,
	Settings:   "one job at once, poll of 2 s beside notifications",
	Durability: flushed,
	Notes:      graphileNotes,
	Many:       "add_jobs",
	Jobs:       2000,
	Open:       graphileSettings{}.open,
}

var graphileTuned = Contender{
	Name: "graphile-worker-tuned", System: "graphile-worker", Variant: "tuned", Store: PostgreSQL, Peer: true, Tuned: true,
	Settings:   "24 jobs at once, 25 connections, local queue of 5,000, completions batched",
	Durability: flushed,
	Notes:      graphileNotes,
	Many:       "add_jobs",
	Jobs:       100_000,
	Open:       graphileByHand.open,
}

// graphileSettings is the worker part of graphile-worker's preset. What is not set is not
// said, and so as it comes.
type graphileSettings struct {
	ConnectionString      string      `json:"connectionString"`
	ConcurrentJobs        int         `json:"concurrentJobs,omitempty"`
	MaxPoolSize           int         `json:"maxPoolSize,omitempty"`
	LocalQueue            *localQueue `json:"localQueue,omitempty"`
	CompleteJobBatchDelay *int        `json:"completeJobBatchDelay,omitempty"`
	FailJobBatchDelay     *int        `json:"failJobBatchDelay,omitempty"`
}

type localQueue struct {
	Size int `json:"size"`
}

// Its own speed test is set so, but for a local queue of 500. One of 5,000 drains a backlog of
// 100,000 faster, and holds about as many jobs at once as offload does.
var graphileByHand = graphileSettings{
	ConcurrentJobs: 24, MaxPoolSize: 25, LocalQueue: &localQueue{Size: 5000},
	CompleteJobBatchDelay: new(int), FailJobBatchDelay: new(int),
}

// onGraphile is graphile-worker: its worker a process of Node.js, its jobs enqueued from Go
// by the functions that it puts into the database for that.
type onGraphile struct {
	node     Node
	settings graphileSettings
	pool     *pgxpool.Pool
}

func (g graphileSettings) open(ctx context.Context, at Place) (System, error) {
	g.ConnectionString = at.Postgres
	s := &onGraphile{node: at.Node, settings: g}
	cmd, err := s.command("migrate")
	if err != nil {
		return nil, err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("migrate: %w: %s", err, out)
	}
	config, err := pgxpool.ParseConfig(at.Postgres)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 16 // its documents name no client for Go; this lets all callers be at work
	s.pool, err = pgxpool.NewWithConfig(ctx, config)
	return s, err
}

// command is a call of worker.mjs. It ends by itself when its input does.
func (s *onGraphile) command(mode string) (*exec.Cmd, error) {
	settings, err := json.Marshal(s.settings)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(s.node.Program, "worker.mjs", mode, string(settings))
	cmd.Dir = s.node.Dir
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	cmd.SysProcAttr = apart
	return cmd, nil
}

func (s *onGraphile) Enqueue(ctx context.Context, in Input) error {
	_, err := s.pool.Exec(ctx, "select from graphile_worker.add_job('bench', $1::json)", in)
	return err
}

func (s *onGraphile) EnqueueMany(ctx context.Context, in []Input) error {
	_, err := s.pool.Exec(ctx, `
		select from graphile_worker.add_jobs(array(
			select row ('bench', input, null, null, null, null, null, null)::graphile_worker.job_spec
			from json_array_elements($1::json) as input))`, in)
	return err
}

func (s *onGraphile) Work(_ context.Context, started Started) (stop func() error, err error) {
	cmd, err := s.command("work")
	if err != nil {
		return nil, err
	}
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
	lines := bufio.NewScanner(stdout)
	ended := make(chan error, 1)
	stop = func() error {
		stdin.Close()
		return errors.Join(<-ended, cmd.Wait()) // Wait closes stdout, so it comes after the last line
	}
	if !lines.Scan() || lines.Text() != "ready" {
		ended <- lines.Err()
		return nil, errors.Join(fmt.Errorf("worker.mjs said %q; want ready", lines.Text()), stop())
	}
	go func() { ended <- follow(lines, started) }() // ends with the process, whom stop waits for
	return stop, nil
}

// follow reads the lines of worker.mjs until it ends.
func follow(lines *bufio.Scanner, started Started) error {
	for lines.Scan() {
		var number int
		var at int64
		if _, err := fmt.Sscan(lines.Text(), &number, &at); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("worker.mjs said %q: %w", lines.Text(), err)
		}
		started(number, time.UnixMicro(at))
	}
	return lines.Err()
}

func (s *onGraphile) Left(ctx context.Context) (left bool, err error) {
	err = s.pool.QueryRow(ctx, "select exists (select from graphile_worker._private_jobs)").Scan(&left)
	return left, err
}

func (s *onGraphile) Close() error {
	s.pool.Close()
	return nil
}
