package postgres

import (
	"context"
	"errors"

	"github.com/offloadhq/offload/store"
)

func (s *Store) Settle(ctx context.Context, most int) (int, bool, error) { return 0, false, nil }
func (s *Store) Edges(ctx context.Context, ids ...store.ID) ([]store.EdgeState, error) {
	return nil, nil
}
func (s *Store) WriteLogs(ctx context.Context, process store.ID, lines []store.LogLine) error {
	return errors.New("stub")
}
func (s *Store) Logs(ctx context.Context, id store.ID, after int64, most int) ([]store.LogLine, error) {
	return nil, nil
}
func (s *Store) PutMemo(ctx context.Context, process store.ID, f store.Fence, m store.Memo) error {
	return errors.New("stub")
}
func (s *Store) Memos(ctx context.Context, id store.ID, names ...string) ([]store.Memo, error) {
	return nil, nil
}
