package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// A Limit is one key of a limit as it is now, or a limit that no job holds or waits for, with
// the key "".
type Limit struct {
	Name     string        `json:"name"`
	Key      string        `json:"key"` // "" too where the limit has no keys
	Max      int           `json:"max"` // as it holds, with a person's change
	Per      time.Duration `json:"per,omitempty"`
	Burst    int           `json:"burst,omitempty"`
	WhenFull offload.Full  `json:"when_full,omitempty"`
	Strict   bool          `json:"strict,omitempty"`
	Declared int           `json:"declared_max"` // as a program said last
	ByHand   bool          `json:"by_hand"`      // a person's change holds, see SetLimit
	Seen     time.Time     `json:"seen"`         // when a program last said so

	Held    int          `json:"held"`    // jobs that hold it; with Per, those let through that have not started
	Holders []offload.ID `json:"holders"` // of them, at most 10, oldest first
	Waiting int          `json:"waiting"` // jobs that wait for it; 1,000 is that or more

	Next    time.Time  `json:"next,omitzero"`         // with Per: the next start, if it is to come
	Paused  time.Time  `json:"paused_until,omitzero"` // until then no job of the key starts
	Stopped offload.ID `json:"stopped_by,omitzero"`   // with Strict: the job that was discarded, and stops the key
}

// Limits returns the limits with their keys, by name, and of each name the keys first that most
// jobs wait for, at most 100. With names it returns those limits, and an ErrNotFound if one is
// not there; without, those are left out that offload makes for itself, whose names begin with ~,
// and those that no program has made known for 30 days, no job is under, and nobody has changed.
func (o *Operator) Limits(ctx context.Context, names ...string) ([]Limit, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	found, err := s.Limits(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("offload: list limits: %w", err)
	}
	if err := missing("limit", names, found, func(l *store.LimitState) string { return l.Name }); err != nil {
		return nil, err
	}
	var limits []Limit
	for i := range found {
		if len(names) > 0 || !strings.HasPrefix(found[i].Name, store.OwnLimit) {
			limits = append(limits, keysOf(&found[i])...)
		}
	}
	return limits, nil
}

// keysOf makes a row of each key of a limit.
func keysOf(l *store.LimitState) []Limit {
	keys := l.Keys
	if len(keys) == 0 {
		keys = []store.KeyState{{}}
	}
	rows := make([]Limit, len(keys))
	for i, k := range keys {
		rows[i] = Limit{
			Name: l.Name, Key: k.Key, Max: l.Max, Per: l.Per, Burst: l.Burst, WhenFull: offload.Full(l.WhenFull), Strict: l.Strict,
			Declared: l.Declared.Max, ByHand: l.ByHand, Seen: l.Seen,
			Held: k.Held, Holders: k.Holders, Waiting: k.Waiting, Next: k.Next, Paused: k.Paused, Stopped: k.Stopped,
		}
		if k.Holders == nil {
			rows[i].Holders = []offload.ID{}
		}
	}
	return rows
}

// maxLimit is how many jobs or starts a limit may allow.
const maxLimit = 1_000_000

// SetLimit lets a limit allow max jobs at once, or starts in its period, whatever programs say
// of it, until ResetLimit. Jobs that hold more than a smaller one allows go on.
func (o *Operator) SetLimit(ctx context.Context, name string, max int) error {
	s, err := o.store()
	if err != nil {
		return err
	}
	limit, err := limitOf(ctx, s, name)
	switch {
	case err != nil:
		return err
	case max < 1 || max > maxLimit:
		return &offload.InputError{Field: "max", Got: max, Want: "1 to 1,000,000; a limit is not 0, but can be paused"}
	case limit.Strict && max != 1:
		return &offload.InputError{Field: "max", Got: max, Want: "1, since the limit is Strict"}
	case limit.Per > 0 && limit.Per/time.Duration(max) < time.Microsecond:
		return &offload.InputError{Field: "max", Got: fmt.Sprintf("%d in %v", max, limit.Per), Want: "at most one start in a microsecond"}
	}
	return o.control(ctx, store.Control{SetLimit: name, Max: max})
}

// ResetLimit takes SetLimit back: what programs say holds again.
func (o *Operator) ResetLimit(ctx context.Context, name string) error {
	return o.controlLimit(ctx, name, "", func(*store.LimitState) (store.Control, error) {
		return store.Control{ResetLimit: name}, nil
	})
}

// PauseLimit lets no job of a key of the limit start for d; 0 ends a pause. What runs goes on.
// The key of a limit without keys is "".
func (o *Operator) PauseLimit(ctx context.Context, name, key string, d time.Duration) error {
	return o.controlLimit(ctx, name, key, func(*store.LimitState) (store.Control, error) {
		if d < 0 || d > maxPause {
			return store.Control{}, &offload.InputError{Field: "pause", Got: d, Want: "0 (none) to 100 years"}
		}
		return store.Control{PauseLimit: store.Use{Limit: name, Key: key}, PauseFor: d}, nil
	})
}

const maxPause = 100 * 365 * 24 * time.Hour

// SkipLimit lets a key of a Strict limit go on that a discarded job has stopped. That job stays
// discarded.
func (o *Operator) SkipLimit(ctx context.Context, name, key string) error {
	return o.controlLimit(ctx, name, key, func(l *store.LimitState) (store.Control, error) {
		stopped := slices.ContainsFunc(l.Keys, func(k store.KeyState) bool { return k.Key == key && !k.Stopped.IsZero() })
		if !stopped && len(l.Keys) < store.MaxKeyStates { // else it may be one that is not listed
			return store.Control{}, &offload.InputError{Field: "limit", Got: fmt.Sprintf("%s, key %q", name, key), Want: "a key that a discarded job has stopped"}
		}
		return store.Control{SkipLimit: store.Use{Limit: name, Key: key}}, nil
	})
}

// controlLimit does to a limit that is there what control makes of it.
func (o *Operator) controlLimit(ctx context.Context, name, key string, control func(*store.LimitState) (store.Control, error)) error {
	s, err := o.store()
	if err != nil {
		return err
	}
	if len(key) > store.MaxKey || !inside.IsText(key) {
		return &offload.InputError{Field: "key", Got: key, Want: "valid UTF-8 without NUL, at most 256 bytes"}
	}
	limit, err := limitOf(ctx, s, name)
	if err != nil {
		return err
	}
	c, err := control(limit)
	if err != nil {
		return err
	}
	return o.control(ctx, c)
}

// limitOf returns a limit that programs have made known, or an ErrNotFound.
func limitOf(ctx context.Context, s store.Store, name string) (*store.LimitState, error) {
	if err := inside.CheckName("limit", name); err != nil {
		return nil, err
	}
	found, err := s.Limits(ctx, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("offload: read limit: %w", err)
	case len(found) == 0:
		return nil, fmt.Errorf("offload: limit %q: %w", name, offload.ErrNotFound)
	}
	return &found[0], nil
}
