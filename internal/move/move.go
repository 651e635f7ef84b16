// Package move takes all that is stored from one store into another, of whatever kind.
//
// Both are away from the first write on (see store.Copies): nothing is run on either, until all has
// arrived and was compared. Then the source stays away, and the target is adopted. Whoever is
// killed on the way leaves two stores that say so, and the same call again goes on: jobs go over by
// id, in pages of one transaction each, and what is there is passed over.
package move

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

// Options are how to move.
type Options struct {
	Force    bool           // also while processes work the stores
	Progress func(jobs int) // called with how many were moved; may be nil

	size int // of pages; 0 is pageSize
}

// A Summary is what was moved.
type Summary struct {
	Jobs map[store.State]int // Available are all that wait
	Keys int
	Sum  string // checksum of all jobs, the same on both sides
}

// ErrDiffers reports stores that are not alike after the move.
var ErrDiffers = errors.New("offload: what has arrived differs from the source")

const (
	pageSize = 2000
	// passes are how often all jobs are looked at where something differs: programs may have
	// enqueued into the source meanwhile.
	passes = 3
	// settleTime is how long processes take to see that they are to claim nothing more.
	settleTime = 3 * time.Second
)

// Run moves everything.
func Run(ctx context.Context, from, to store.Store, o Options) (Summary, error) {
	if o.Progress == nil {
		o.Progress = func(int) {}
	}
	o.size = cmp.Or(o.size, pageSize)
	if err := to.Migrate(ctx, store.Newest); err != nil {
		return Summary{}, fmt.Errorf("prepare the target: %w", err)
	}
	m, err := plan(ctx, from, to)
	if err != nil {
		return Summary{}, err
	}
	if err := atRest(ctx, from, to, o.Force); err != nil {
		return Summary{}, err
	}
	// The target first: where only that is known, nothing has been moved yet.
	if err := to.SetMove(ctx, *m); err != nil {
		return Summary{}, fmt.Errorf("mark the target: %w", err)
	}
	if err := from.SetMove(ctx, *m); err != nil {
		return Summary{}, fmt.Errorf("mark the source: %w", err)
	}
	if o.Force {
		if err := wait(ctx, settleTime); err != nil {
			return Summary{}, err
		}
	}
	summary, err := everything(ctx, from, to, o)
	if err != nil {
		return Summary{}, err
	}
	m.Ended = true
	if err := from.SetMove(ctx, *m); err != nil {
		return Summary{}, fmt.Errorf("mark the source: %w", err)
	}
	if err := to.Adopt(ctx); err != nil {
		return Summary{}, fmt.Errorf("adopt the target: %w", err)
	}
	return summary, nil
}

// everything moves jobs and all beside them, until both sides are alike.
func everything(ctx context.Context, from, to store.Store, o Options) (Summary, error) {
	after, err := newest(ctx, to)
	if err != nil {
		return Summary{}, err
	}
	for pass := 1; ; pass++ {
		if err := jobs(ctx, from, to, after, o); err != nil {
			return Summary{}, err
		}
		keys, err := beside(ctx, from, to)
		if err != nil {
			return Summary{}, err
		}
		summary, err := compare(ctx, from, to)
		if err == nil {
			summary.Keys = keys
			return summary, nil
		}
		if !errors.Is(err, ErrDiffers) || pass == passes {
			return Summary{}, err
		}
		after = store.ID{}
	}
}

// newest is the last job that has arrived in an earlier try: those before it came in the pages before.
func newest(ctx context.Context, to store.Store) (store.ID, error) {
	found, err := to.Find(ctx, store.Filter{Max: 1, All: true})
	if err != nil || len(found) == 0 {
		return store.ID{}, err
	}
	return found[0].ID, nil
}

// jobs moves jobs, reading a page while the one before is written.
func jobs(ctx context.Context, from, to store.Store, after store.ID, o Options) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pages := make(chan []store.Copied, 1)
	go func() {
		defer close(pages)
		if err := read(ctx, from, after, o.size, pages); err != nil {
			cancel(err)
		}
	}()
	n := 0
	for some := range pages {
		if ctx.Err() != nil {
			continue // to the end of the reader
		}
		if _, err := to.Import(ctx, some); err != nil {
			cancel(fmt.Errorf("write jobs: %w", err))
			continue
		}
		n += len(some)
		o.Progress(n)
	}
	return context.Cause(ctx)
}

// read reads all jobs, page by page.
func read(ctx context.Context, from store.Store, after store.ID, size int, into chan<- []store.Copied) error {
	for {
		some, err := from.Export(ctx, after, size)
		if err != nil {
			return fmt.Errorf("read jobs: %w", err)
		}
		if len(some) == 0 {
			return nil
		}
		after = some[len(some)-1].ID
		select {
		case into <- some:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// beside moves unique keys, and what programs and people have said.
func beside(ctx context.Context, from, to store.Store) (keys int, err error) {
	var after store.CopiedKey
	for {
		some, err := from.ExportKeys(ctx, after, pageSize)
		if err != nil {
			return keys, fmt.Errorf("read unique keys: %w", err)
		}
		if len(some) == 0 {
			break
		}
		if err := to.ImportKeys(ctx, some); err != nil {
			return keys, fmt.Errorf("write unique keys: %w", err)
		}
		keys, after = keys+len(some), some[len(some)-1]
	}
	book, err := from.ExportBook(ctx)
	if err != nil {
		return keys, fmt.Errorf("read limits and schedules: %w", err)
	}
	if err := to.ImportBook(ctx, book); err != nil {
		return keys, fmt.Errorf("write limits and schedules: %w", err)
	}
	return keys, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
