package move

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/offloadhq/offload/store"
)

// A side is what one store has.
type side struct {
	jobs map[store.State]int
	sum  string
	err  error
}

// compare reads both stores, each for itself, and compares counts and checksums of all jobs, and
// that all else has arrived.
func compare(ctx context.Context, from, to store.Store) (Summary, error) {
	var source, target side
	var both sync.WaitGroup
	both.Go(func() { source = sideOf(ctx, from) })
	both.Go(func() { target = sideOf(ctx, to) })
	both.Wait()
	if err := errors.Join(source.err, target.err); err != nil {
		return Summary{}, fmt.Errorf("compare: %w", err)
	}
	if !maps.Equal(source.jobs, target.jobs) {
		return Summary{}, fmt.Errorf("%w: jobs are %v there and %v here", ErrDiffers, source.jobs, target.jobs)
	}
	if source.sum != target.sum {
		return Summary{}, fmt.Errorf("%w: as many jobs, but their checksums are %s there and %s here", ErrDiffers, source.sum, target.sum)
	}
	return Summary{Jobs: source.jobs, Sum: source.sum}, compareBooks(ctx, from, to)
}

func sideOf(ctx context.Context, s store.Store) (is side) {
	is.jobs = map[store.State]int{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan []store.Copied, 1)
	var read1 error
	go func() {
		defer close(pages)
		read1 = read(ctx, s, store.ID{}, pageSize, pages)
	}()
	all := sha256.New()
	for some := range pages {
		for i := range some {
			is.jobs[some[i].State]++
			sum := some[i].Sum()
			all.Write(sum[:])
		}
	}
	is.sum, is.err = hex.EncodeToString(all.Sum(nil)), read1 // written before pages was closed
	return is
}

// compareBooks looks whether what the source knows by name the target knows too.
func compareBooks(ctx context.Context, from, to store.Store) error {
	var books [2]store.Book
	for i, s := range []store.Store{from, to} {
		var err error
		if books[i], err = s.ExportBook(ctx); err != nil {
			return fmt.Errorf("compare: %w", err)
		}
	}
	has := map[string]bool{}
	for _, name := range namesIn(&books[1]) {
		has[name] = true
	}
	for _, name := range namesIn(&books[0]) {
		if !has[name] {
			return fmt.Errorf("%w: %s has not arrived", ErrDiffers, name)
		}
	}
	return nil
}

func namesIn(b *store.Book) (names []string) {
	for _, t := range b.Tasks {
		names = append(names, "task "+t.Name)
	}
	for _, q := range b.Queues {
		names = append(names, "the pause of queue "+q)
	}
	for q, n := range b.Workers {
		names = append(names, fmt.Sprintf("the %d workers of queue %s", n, q))
	}
	for _, l := range b.Limits {
		names = append(names, fmt.Sprintf("limit %s of %d", l.Name, l.Max))
	}
	for _, c := range b.Schedules {
		names = append(names, fmt.Sprintf("schedule %s, %s, at %d", c.Name, c.Spec, c.Next.UnixMicro()))
	}
	for _, g := range b.Gates {
		names = append(names, fmt.Sprintf("what is kept of limit %s %s: %v", g.Limit, g.Key, g.Stopped))
	}
	for _, d := range b.Documents {
		names = append(names, fmt.Sprintf("document %s %q, version %d", d.Kind, d.Key, d.Version))
	}
	return names
}
