package shop

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/offloadhq/offload/kit/webhook"
)

// tellSuppliers sends the order to whoever has asked for such events, signed, and tried again
// for three days: at most once by its ID, however often that is.
func (s *Shop) tellSuppliers(ctx context.Context, tx *sql.Tx, o Order) error {
	event, err := webhook.NewEvent("order.placed", map[string]any{"order": o.ID, "product": o.Product, "quantity": o.Quantity})
	if err != nil {
		return err
	}
	event.ID = fmt.Sprintf("order-%d-placed", o.ID)
	_, err = s.Hooks.For(s.App).Publish(ctx, s.App.Tx(tx), event)
	return err
}

// SetSupplier says at which URL the supplier is told of orders, and returns the secret by which
// it knows that the shop has sent them. What is still to be sent goes to the new URL too.
func (s *Shop) SetSupplier(ctx context.Context, url string) (webhook.Secret, error) {
	hooks := s.Hooks.For(s.App)
	known, err := hooks.List(ctx, "")
	if err != nil {
		return "", err
	}
	var e webhook.Endpoint
	if len(known) == 0 {
		e, err = hooks.Add(ctx, webhook.Endpoint{URL: url, Types: []string{"order.placed"}})
	} else {
		e, err = hooks.Change(ctx, known[0].ID, func(e *webhook.Endpoint) { e.URL = url })
	}
	if err != nil {
		return "", err
	}
	return e.Keys[0].Secret, nil
}
