package shop

import (
	"context"

	"github.com/offloadhq/offload"
)

// Past says how many orders of former years there shall be.
type Past struct {
	Orders int64 `json:"orders"`
}

// Validate refuses what would take for ever.
func (p Past) Validate() error {
	if p.Orders < 1 || p.Orders > 50_000_000 {
		return &offload.InputError{Field: "orders", Got: p.Orders, Want: "1 to 50,000,000"}
	}
	return nil
}

// pastAtOnce is how many come in one transaction: few enough that those who order don't wait.
const pastAtOnce = 5_000

// importPast brings them in, and goes on after a crash behind the last that is there.
func (s *Shop) importPast(ctx context.Context, in Past) error {
	var have int64
	if err := s.DB.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM past_orders`).Scan(&have); err != nil {
		return err
	}
	for have < in.Orders {
		upTo := min(have+pastAtOnce, in.Orders)
		const insert = `WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $2)
			INSERT INTO past_orders (id, placed, customer, email, product, quantity, cents)
			SELECT i, '20' || (18 + i % 8) || '-' || (10 + i % 3) || '-' || (10 + i % 19) || 'T' || (10 + i % 10) || ':' || (10 + i % 50) || ':00Z',
				'Customer ' || i, 'customer-' || i || '@example.com',
				CASE i % 4 WHEN 0 THEN 'postcard' WHEN 1 THEN 'poster' WHEN 2 THEN 'calendar' ELSE 'frame' END,
				1 + i % 12, (1 + i % 12) * (150 + i % 4 * 1000)
			FROM n WHERE true ON CONFLICT DO NOTHING`
		if _, err := s.DB.ExecContext(ctx, insert, have+1, upTo); err != nil {
			return err
		}
		have = upTo
		offload.Progress(ctx, int(have), int(in.Orders), "orders of former years")
	}
	return nil
}
