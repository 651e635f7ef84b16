package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// WriteProgress is that of store.Worker.
func (s *Store) WriteProgress(ctx context.Context, process store.ID, progress []store.Progress) error {
	if len(progress) == 0 {
		return nil
	}
	last := map[store.ID]store.Progress{}
	for _, p := range progress {
		if p.Attempt >= last[p.ID].Attempt {
			last[p.ID] = p
		}
	}
	sorted := make([]store.Progress, 0, len(last))
	for _, p := range last {
		sorted = append(sorted, p)
	}
	slices.SortFunc(sorted, func(a, b store.Progress) int { return a.ID.Compare(b.ID) })
	n := len(sorted)
	ids, attempts := make([][16]byte, n), make([]int32, n)
	done, total, notes := make([]int64, n), make([]int64, n), make([]*string, n)
	rates := make([]float64, n)
	for i, p := range sorted {
		ids[i], attempts[i], done[i], total[i] = p.ID, int32(p.Attempt), int64(p.Done), int64(p.Total)
		notes[i], rates[i] = text(p.Note, store.MaxErrorText), p.Rate
	}
	return s.onEngine(ctx, "write progress", func(ctx context.Context, conn *pgx.Conn) error {
		return s.engineTrip(ctx, conn, step{
			sql: s.sql.progress, args: []any{[16]byte(process), ids, attempts, done, total, notes, rates},
		})
	})
}
