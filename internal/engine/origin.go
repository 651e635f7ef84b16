package engine

import (
	"context"

	"github.com/offloadhq/offload/store"
)

// noteAway takes note of whether the store is a copy. Who has opened it has said so already.
func (s *shift) noteAway(ctx context.Context, v *store.View) {
	before := s.away.Swap(v.Away)
	switch {
	case v.Away && !before && s.looked.Load():
		s.Log.Warn("offload: the database is a copy now; nothing of it is run until `offload adopt`", s.whence(ctx)...)
	case !v.Away && before:
		s.Log.Info("offload: the database was adopted; its jobs are run")
	}
	s.looked.Store(true)
}

// whence says where the store was made and is, for the log.
func (s *shift) whence(ctx context.Context) []any {
	var o store.Origin
	err := s.within(ctx, func(ctx context.Context) (err error) {
		o, err = s.Store.Origin(ctx)
		return err
	})
	if err != nil {
		return nil // the next look says more of what is wrong
	}
	return []any{"made", o.Made, "here", o.Here}
}
