package notify

import (
	"context"
	"hash/maphash"
)

// turns let those of a process who write the list of a person do so one after the other: each that loses reads and writes the list again, and a hundred at once would mostly lose.
// Between processes the version of the record decides.
type turns struct {
	seed maphash.Seed
	free [64]chan struct{}
}

func newTurns() *turns {
	t := &turns{seed: maphash.MakeSeed()}
	for i := range t.free {
		t.free[i] = make(chan struct{}, 1)
	}
	return t
}

// take waits for a person's turn, which ends when done is called.
func (t *turns) take(ctx context.Context, person string) (done func(), err error) {
	turn := t.free[maphash.String(t.seed, person)%uint64(len(t.free))]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
