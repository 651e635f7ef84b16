package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store/memory"
)

func newEnqueue(s *session) *cobra.Command {
	e := &enqueue{session: s}
	cmd := &cobra.Command{
		Use:   "enqueue TASK [INPUT]",
		Short: "Store a job, or one for each line of standard input",
		Long: `Enqueue stores a job of a task and prints its id when it is durable.

The input is JSON, null if it is left out. With - as input, each line of standard input is
the input of one job (empty lines are passed over), and ids are printed in order. At a bad
line it stops: the lines before it are stored, that one and what follows are not.

The task is one of the built-in ones, command and http, or one that a program has made
known in this database. Defaults such as queue and priority are the task's own.

With --unique no job is stored where another of the task has the key: its id is printed
instead. Limits hold over all processes and tasks that name them; a name has one number.
What says when a job may run, such as a limit, adds to what the task says.

With --after and its sisters the job waits for others, which are stored already, and with
--in-batch it is a member of a batch that is open.

With --wait it waits until the jobs have ended and prints their results instead of the ids;
the exit code is 0 if all have completed.`,
		Example: `  offload enqueue command '{"argv":["sh","-c","pg_dump shop >shop.sql"]}' --at "2026-05-01 03:00"
  offload enqueue http '{"method":"POST","url":"https://crm.example/sync"}' --in 5m --tag customer=7
  offload enqueue thumbnail '{"name":"7.jpg"}' --wait
  offload enqueue command '{"argv":["./sync"]}' --unique sync --limit sync=1 --expires 1h
  offload enqueue http '{"url":"https://crm.example/7"}' --rate crm=100/min --fair tenant7
  offload enqueue command '{"argv":["./report"]}' --after 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e
  jq -c '{argv:["./import",.file]}' files.ndjson | offload enqueue command - --queue import`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: s.completeTasks,
	}
	cmd.RunE = s.run(func(cmd *cobra.Command, args []string) error {
		opts, err := e.options(cmd)
		if err != nil {
			return err
		}
		e.task, e.opts = args[0], opts
		defer func() {
			if e.app != nil {
				_ = e.app.Close() // what was enqueued is durable whatever becomes of the connection
			}
		}()
		if len(args) == 2 && args[1] == "-" {
			return e.stream(cmd.Context())
		}
		input := "null"
		if len(args) == 2 {
			input = args[1]
		}
		return e.one(cmd.Context(), input)
	})
	flags := cmd.Flags()
	flags.Var(&e.delay, "in", "run it so long from now at the earliest: 30s, 5m, 7d")
	flags.Var(&e.at, "at", "run it at that time at the earliest; local time if no zone is given")
	e.job.flags(cmd)
	e.after.flags(cmd)
	flags.BoolVar(&e.wait, "wait", false, "wait for the end and print the result")
	return cmd
}

// enqueue is one call of the command.
type enqueue struct {
	*session
	app  *offload.App // nil until there is something to store
	task string
	opts []offload.EnqueueOption
	ids  []offload.ID // to wait for

	existing int // jobs that were there already, by their unique key

	delay durationFlag
	at    timeFlag
	job   jobFlags
	after afterFlags
	wait  bool
}

// options returns what was given; what was not is left to the task.
func (e *enqueue) options(cmd *cobra.Command) ([]offload.EnqueueOption, error) {
	if err := exclude(cmd, "in", "at"); err != nil {
		return nil, err
	}
	opts, err := e.job.options(cmd)
	if cmd.Flags().Changed("in") {
		opts = append(opts, offload.Delay(e.delay.Duration))
	}
	if cmd.Flags().Changed("at") {
		opts = append(opts, offload.At(e.at.Time))
	}
	if err != nil {
		return nil, err
	}
	after, err := e.after.options()
	return append(opts, after...), err
}

// one enqueues one job.
func (e *enqueue) one(ctx context.Context, input string) error {
	call := e.call([]byte(input))
	if err := e.open(ctx, call); err != nil {
		return err
	}
	if err := e.store(ctx, call); err != nil {
		return err
	}
	return e.await(ctx)
}

func (e *enqueue) call(input []byte) *offload.Call {
	return offload.NewCall(e.task, json.RawMessage(input), e.opts...)
}

// open opens the database, and makes it if need be. Before a file is made, the first call is
// tried on a store in memory: what is refused leaves no file behind.
func (e *enqueue) open(ctx context.Context, first *offload.Call) error {
	if e.missing() {
		trial, err := offload.New(ctx, memory.New(), kits()...)
		if err != nil {
			return err
		}
		_, err = trial.Enqueue(ctx, first)
		if err := errors.Join(err, trial.Close()); err != nil {
			return unknownTask(ctx, e.app, err)
		}
	}
	app, err := e.create(ctx, kits()...)
	e.app = app
	return err
}

// store enqueues calls and prints their ids as soon as they are durable.
func (e *enqueue) store(ctx context.Context, calls ...*offload.Call) error {
	if len(calls) == 0 {
		return nil
	}
	jobs, err := e.app.Enqueue(ctx, calls...)
	if err != nil {
		return unknownTask(ctx, e.app, err)
	}
	for _, job := range jobs {
		if job.Existing {
			e.existing++
		}
		if e.wait {
			e.ids = append(e.ids, job.ID)
		} else {
			fmt.Fprintln(e.out, job.ID)
		}
	}
	return e.out.Flush()
}

// await waits for what was enqueued, if that is asked for, and prints the results in order.
func (e *enqueue) await(ctx context.Context) error {
	if e.existing > 0 {
		e.note("offload: not stored, since another job has the unique key: %s; the id is that job's", jobCount(e.existing))
	}
	return e.results(ctx, e.app, e.ids)
}

// Bounds of a stream.
const (
	streamBatch = 1000
	streamLine  = 1<<20 + 4096 // bytes; a little more than an input may have, so that Enqueue says what is wrong
)

// stream enqueues a job for each line, in batches: as many as there are to be read, so that
// what comes slowly is stored at once.
func (e *enqueue) stream(ctx context.Context) error {
	if e.inTerm {
		e.note("reading a JSON input per line; Ctrl-D ends")
	}
	lines := &lineReader{r: bufio.NewReaderSize(e.in, streamLine)}
	var batch []*offload.Call
	for {
		input, err := lines.next()
		if err == nil {
			var call *offload.Call
			if call, err = e.lineCall(ctx, input); err == nil {
				batch = append(batch, call)
			}
		}
		if err == nil && len(batch) < streamBatch && lines.ready() {
			continue
		}
		if stored := e.store(ctx, batch...); stored != nil {
			return fmt.Errorf("lines up to %d: %w", lines.n, stored)
		}
		batch = batch[:0]
		switch {
		case errors.Is(err, io.EOF):
			e.progress("")
			return e.await(ctx)
		case err != nil:
			return fmt.Errorf("line %d: %w; the lines before it are stored, nothing from here on", lines.n, err)
		}
		if !e.outTerm { // where the ids are seen themselves
			e.progress("%d lines", lines.n)
		}
	}
}

// lineCall makes a call of one line, and looks at it alone, so that a bad line is known by
// its number.
func (e *enqueue) lineCall(ctx context.Context, input []byte) (*offload.Call, error) {
	call := e.call(input)
	if e.app == nil {
		if err := e.open(ctx, call); err != nil {
			return nil, err
		}
	}
	return call, inside.CheckInput(e.app, e.task, input)
}

// A lineReader reads lines that are not empty, and counts all.
type lineReader struct {
	r *bufio.Reader
	n int
}

// next returns the next line, valid until the next call, or io.EOF.
func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		if len(line) > 0 {
			l.n++
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, &offload.InputError{Field: "line", Got: fmt.Sprintf("over %d bytes", streamLine), Want: "an input of at most 1 MiB"}
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// ready reports whether a whole line can be had without waiting for it.
func (l *lineReader) ready() bool {
	buffered, _ := l.r.Peek(l.r.Buffered())
	return bytes.IndexByte(buffered, '\n') >= 0
}
