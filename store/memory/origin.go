package memory

import (
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// Origin is that of store.Origins: what is in memory can't be copied.
func (s *Store) Origin(ctx context.Context) (store.Origin, error) {
	const here = "the memory of this program"
	return store.Origin{Made: here, Here: here}, s.do(ctx, func(time.Time) error { return nil })
}

// Adopt is that of store.Origins.
func (s *Store) Adopt(ctx context.Context) error {
	return s.do(ctx, func(time.Time) error { return nil })
}
