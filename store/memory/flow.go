package memory

import (
	"context"

	"github.com/offloadhq/offload/store"
)

// Settle is that of store.Flows.
func (s *Store) Settle(ctx context.Context, most int) (moved int, more bool, err error) {
	return 0, false, nil
}

// Edges is that of store.Flows.
func (s *Store) Edges(ctx context.Context, ids ...store.ID) ([]store.EdgeState, error) {
	return nil, nil
}
