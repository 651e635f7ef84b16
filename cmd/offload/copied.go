package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/move"
	"github.com/offloadhq/offload/store"
)

// copied measures a move of all jobs: between two files of its own, or out of the database of the bench,
// which has nothing else yet. One in which others have something is spared that: it would be paused.
func (a *around) copied(ctx context.Context, f *figures, _ int) (failed error) {
	const name = "copy"
	file := store.Scheme(a.address()) == "sqlite"
	if !file && !a.alone {
		a.note("%s is not measured: it would take the jobs of others as well, and pause the database meanwhile", name)
		return nil
	}
	dir, remove, err := benchDir()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { failed = errors.Join(failed, remove()) }()
	from := a.address()
	if file {
		from = filepath.Join(dir, "from.db")
	}
	queue := a.queue("-copy")
	if err := a.fillAt(ctx, from, name, queue); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	n, took, err := a.move(ctx, from, filepath.Join(dir, "to.db"))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f.add(name, "jobs/s", rate(n, took), 0)
	if !file {
		return a.remove(ctx, queue)
	}
	return nil
}

// fillAt enqueues --jobs plain jobs in a database.
func (a *around) fillAt(ctx context.Context, address, name, queue string) (err error) {
	app, err := offload.Open(ctx, address, a.quiet())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	return a.fill(ctx, app, a.runs.task, name, queue, a.jobs)
}

// move moves all from one database into another, and lets the first be worked again. What an earlier
// bench has deleted is among it until it is pruned.
func (a *around) move(ctx context.Context, from, to string) (jobs int, took time.Duration, err error) {
	source, err := store.Open(ctx, from)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := source.Ready(ctx); err != nil {
		return 0, 0, err
	}
	switch origin, err := source.Origin(ctx); {
	case err != nil:
		return 0, 0, err
	case origin.Away: // for a reason that is not the bench's to end
		return 0, 0, wrong("database %s is paused as a copy; `offload adopt` it first", a.shown())
	}
	target, err := store.Open(ctx, to)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	began := time.Now()
	summary, err := move.Run(ctx, source, target, move.Options{Progress: func(jobs int) { a.progress("copy: %d jobs", jobs) }})
	took = time.Since(began)
	for _, n := range summary.Jobs {
		jobs += n
	}
	return jobs, took, errors.Join(err, source.Adopt(context.WithoutCancel(ctx)))
}
