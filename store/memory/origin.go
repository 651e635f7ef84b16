package memory

import (
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// Origin is that of store.Origins: what is in memory can't be copied, and may be moved.
func (s *Store) Origin(ctx context.Context) (store.Origin, error) {
	const here = "the memory of this program"
	o := store.Origin{Made: here, Here: here}
	err := s.do(ctx, func(time.Time) error {
		o.Away = s.move != nil
		if o.Away {
			is := *s.move
			o.Move = &is
		}
		return nil
	})
	return o, err
}

// Adopt is that of store.Origins.
func (s *Store) Adopt(ctx context.Context) error {
	return s.do(ctx, func(time.Time) error {
		s.move = nil
		s.markAll()
		s.wake(anything)
		return nil
	})
}
