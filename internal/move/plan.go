package move

import (
	"context"
	"fmt"

	"github.com/offloadhq/offload/store"
)

// plan returns the move that is to be made, or gone on with, or says why there can be none.
func plan(ctx context.Context, from, to store.Store) (*store.Move, error) {
	source, err := from.Origin(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the source: %w", err)
	}
	target, err := to.Origin(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the target: %w", err)
	}
	empty, err := isEmpty(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("look at the target: %w", err)
	}
	refuse := func(format string, args ...any) (*store.Move, error) {
		return nil, fmt.Errorf("%w: %s", store.ErrRefused, fmt.Sprintf(format, args...))
	}
	left, arriving := source.Move, target.Move
	switch {
	case source.Here == target.Here:
		return refuse("source and target are the same: %s", source.Here)
	case left != nil && arriving != nil && left.ID == arriving.ID:
		return left, nil
	case left != nil && left.Ended:
		return refuse("everything was moved into %s; to work the source again, `offload adopt` it", left.To)
	case left != nil:
		return refuse("the source is being moved into %s: go on with that, or give it up by `offload adopt` of the source", left.To)
	case source.Away:
		return refuse("the source is a copy of %s: is it the one to move? Then `offload adopt` it first", source.Made)
	case arriving != nil && (arriving.From != source.Here || !empty):
		return refuse("the target has part of what came from %s, or of an earlier try that was given up: take a new one", arriving.From)
	case arriving != nil:
		return arriving, nil // killed before the source was marked
	case target.Away:
		return refuse("the target is a copy of %s; want a new, empty one", target.Made)
	case !empty:
		return refuse("the target is not empty, and jobs would be mixed with those that are there; want a new one")
	}
	return &store.Move{ID: store.NewID(), From: source.Here, To: target.Here}, nil
}

// isEmpty reports whether there are no jobs and no schedules. Tasks and limits may have been made
// known by programs that wait.
func isEmpty(ctx context.Context, s store.Store) (bool, error) {
	some, err := s.Export(ctx, store.ID{}, 1)
	if err != nil || len(some) > 0 {
		return false, err
	}
	schedules, err := s.Schedules(ctx)
	for _, c := range schedules {
		if !c.InCode {
			return false, nil
		}
	}
	return true, err
}

// atRest refuses stores that processes work.
func atRest(ctx context.Context, from, to store.Store, force bool) error {
	if force {
		return nil
	}
	for _, side := range []struct {
		name string
		s    store.Store
	}{{"source", from}, {"target", to}} {
		view, err := side.s.Look(ctx, store.ID{}) // for its time
		if err != nil {
			return fmt.Errorf("look at the %s: %w", side.name, err)
		}
		processes, err := side.s.Processes(ctx)
		if err != nil {
			return fmt.Errorf("look at the %s: %w", side.name, err)
		}
		for i := range processes {
			if p := &processes[i]; !p.Lost && view.Now.Sub(p.Beat) < store.LostAfter {
				return fmt.Errorf("%w: process %s works the %s; stop it (`offload process stop %[2]s`), or wait %[4]v if it is gone already",
					store.ErrRefused, p, side.name, store.LostAfter)
			}
		}
	}
	return nil
}
