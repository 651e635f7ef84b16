package shop

import (
	"context"

	"github.com/offloadhq/offload/kit/stats"
)

// figures are the shop's statistics: counted in nanoseconds, written every few seconds.
type figures struct {
	kept   *stats.Kept
	sold   *stats.Counter  // orders, by product
	worth  *stats.Observer // of an order, in whole currency
	buyers *stats.Unique
}

func (s *Shop) openFigures(ctx context.Context) (err error) {
	set := stats.New()
	s.sold, s.worth, s.buyers = set.Counter("orders", "product"), set.Observer("order_worth"), set.Unique("buyers")
	s.kept, err = stats.Open(ctx, s.DB, set)
	return err
}

// count counts an order that was stored.
func (s *Shop) count(o Order) {
	s.sold.With(o.Product).Add(1)
	s.worth.Observe(float64(o.Cents) / 100)
	s.buyers.See(o.Email)
}
