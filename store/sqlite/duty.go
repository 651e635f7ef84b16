package sqlite

import (
	"context"
	"time"
)

// TakeDuty is that of store.Duties.
func (s *Store) TakeDuty(ctx context.Context, name string, every time.Duration) (mine bool, err error) {
	err = s.write(ctx, "take duty "+name, func(t *txn) error {
		n, err := t.exec(`INSERT INTO offload_duty (name, next_at) VALUES (?1, ?2 + ?3)
			ON CONFLICT DO UPDATE SET next_at = ?2 + ?3 WHERE next_at <= ?2`, name, t.now, micros(every))
		mine = n > 0
		return err
	})
	return mine && err == nil, err
}
