package shop

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/offloadhq/offload/kit/audit"
	"github.com/offloadhq/offload/kit/derive"
)

// OrderPlaced is what has happened when an order is there. Others follow from it, each by
// itself: whoever writes Place need not know them.
type OrderPlaced struct {
	Order    int64  `json:"order"`
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
	Cents    int64  `json:"cents"`
}

// Event is the name of such events, and whose they are: those of an order are followed in turn.
func (e OrderPlaced) Event() (name, entity string) {
	return "order.placed", fmt.Sprint("order/", e.Order)
}

// entity is an order in the audit log.
func entity(order int64) audit.Entity {
	return audit.Entity{Type: "order", ID: strconv.FormatInt(order, 10)}
}

// fillDelivery names what fills in the day of delivery.
const fillDelivery = "delivery"

// follow is what follows from events.
func (s *Shop) follow(ctx context.Context) (*derive.Events, error) {
	return derive.Open(ctx, s.DB,
		derive.On("earnings", earnings),
		derive.Fill(fillDelivery, "orders", "id", "deliver_by", deliverBy),
		derive.Keep(90*24*time.Hour))
}

// supplierShare is what the supplier earns of a price, in percent.
const supplierShare = 40

// earnings writes down what the supplier has earned: exactly once, since it is in the transaction
// in which this handler comes further.
func earnings(ctx context.Context, tx *sql.Tx, e derive.Event[OrderPlaced]) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO earnings (order_id, cents) VALUES ($1, $2)`, e.Value.Order, e.Value.Cents*supplierShare/100)
	return err
}

// deliverBy estimates when an order comes. It is filled in only where the customer has asked for
// no day of their own.
func deliverBy(_ context.Context, e derive.Event[OrderPlaced]) (derive.Filling, error) {
	days := 2 + e.Value.Quantity/10
	if e.Value.Product == "frame" {
		days += 3 // comes from the joiner
	}
	return derive.Filling{ID: e.Value.Order, Value: e.At.UTC().AddDate(0, 0, days).Format(time.DateOnly)}, nil
}
