package offload

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/offloadhq/offload/store"
)

// A limitBook is what an app knows of limits: what its code says of them, and what the store
// has been told, so that it is not told each time. The zero value is ready.
type limitBook struct {
	mu    sync.Mutex // held for moments: who waits for the store may wait for a transaction that enqueues
	said  map[string]saidLimit
	known map[string]store.Limit
}

// A saidLimit is what the code of the app says, and where.
type saidLimit struct {
	store.Limit
	task string
}

// A usedLimit is one that a job is under.
type usedLimit struct {
	store.Limit
	task string
	ours bool // by the code of this app; otherwise by rules that another process has registered
}

// say keeps what the code says of a limit, and refuses what it has said otherwise.
func (b *limitBook) say(task string, l store.Limit) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sayLocked(task, l)
}

func (b *limitBook) sayLocked(task string, l store.Limit) error {
	if before, ok := b.said[l.Name]; ok {
		if before.Limit != l {
			return disagree(task, before.Limit, before.task, l)
		}
		return nil
	}
	if b.said == nil {
		b.said = map[string]saidLimit{}
	}
	b.said[l.Name] = saidLimit{l, task}
	return nil
}

// declare tells the store of all limits that the code says, also if it was told before.
func (b *limitBook) declare(ctx context.Context, s store.Store) error {
	var limits []store.Limit
	b.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(b.said)) {
		limits = append(limits, b.said[name].Limit)
	}
	b.mu.Unlock()
	if len(limits) == 0 {
		return nil
	}
	if err := s.PutLimits(ctx, limits); err != nil {
		return fmt.Errorf("offload: make limits known: %w", err)
	}
	b.remember(limits)
	return nil
}

// ensure makes known what the store has not been told of the limits of new jobs. Within a transaction
// of the caller's nothing is remembered, since that may be rolled back.
func (b *limitBook) ensure(ctx context.Context, s store.Store, tx store.TxWriter, used []usedLimit) error {
	if len(used) == 0 {
		return nil
	}
	tell, ask, err := b.untold(used)
	if err != nil {
		return err
	}
	missing, err := b.missing(ctx, s, ask)
	if err != nil {
		return err
	}
	switch tell = append(tell, missing...); {
	case len(tell) == 0:
		return nil
	case tx != nil:
		err = tx.PutLimits(ctx, tell)
	default:
		err = s.PutLimits(ctx, tell)
	}
	if err != nil {
		return fmt.Errorf("offload: make limits known: %w", err)
	}
	if tx == nil {
		b.remember(tell)
	}
	return nil
}

// untold returns the limits that the store is to be told of, and those of other processes' rules
// of which it is to be asked.
func (b *limitBook) untold(used []usedLimit) (tell, ask []store.Limit, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := map[string]bool{}
	for _, l := range used {
		if l.ours {
			if err := b.sayLocked(l.task, l.Limit); err != nil {
				return nil, nil, err
			}
		}
		if seen[l.Name] || b.known[l.Name] == l.Limit {
			continue
		}
		seen[l.Name] = true
		if l.ours {
			tell = append(tell, l.Limit)
		} else {
			ask = append(ask, l.Limit)
		}
	}
	return tell, ask, nil
}

// missing returns those of the limits that nobody has made known.
func (b *limitBook) missing(ctx context.Context, s store.Store, ask []store.Limit) (missing []store.Limit, err error) {
	if len(ask) == 0 {
		return nil, nil
	}
	names := make([]string, len(ask))
	for i, l := range ask {
		names[i] = l.Name
	}
	states, err := s.Limits(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("offload: look limits up: %w", err)
	}
	for _, l := range ask {
		if slices.ContainsFunc(states, func(s store.LimitState) bool { return s.Name == l.Name }) {
			b.remember([]store.Limit{l})
		} else {
			missing = append(missing, l)
		}
	}
	return missing, nil
}

func (b *limitBook) remember(limits []store.Limit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil {
		b.known = map[string]store.Limit{}
	}
	for _, l := range limits {
		b.known[l.Name] = l
	}
}
