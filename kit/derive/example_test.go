package derive_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/derive"
)

type OrderPlaced struct {
	Order    int64 `json:"order"`
	Customer int64 `json:"customer"`
	Total    int64 `json:"total"`
}

// Event says what the event is called, and which events are handled in their order.
func (e OrderPlaced) Event() (name, entity string) {
	return "order.placed", fmt.Sprint("customer/", e.Customer)
}

var sendReceipt = offload.Declare[int64]("receipt")

// An order is placed. Points are added for it, and a receipt is mailed, each once, and neither in the request.
func Example() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:shop.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		log.Fatal(err)
	}
	events, err := derive.Open(ctx, db,
		derive.OnMany("points", func(ctx context.Context, tx *sql.Tx, all []derive.Event[OrderPlaced]) error {
			for _, e := range all {
				if _, err := tx.ExecContext(ctx, "UPDATE customers SET points = points + $1 WHERE id = $2", e.Value.Total/100, e.Value.Customer); err != nil {
					return err
				}
			}
			return nil
		}),
		derive.On("receipts", func(ctx context.Context, tx *sql.Tx, e derive.Event[OrderPlaced]) error {
			_, err := sendReceipt.Enqueue(ctx, offload.AppOf(ctx).Tx(tx), e.Value.Order)
			return err
		}, derive.FromNow()),
	)
	if err != nil {
		log.Fatal(err)
	}
	app, err := offload.Open(ctx, "shop.db", events)
	if err != nil {
		log.Fatal(err)
	}
	go app.Run(ctx)

	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback() // does nothing after Commit
	// … insert the order here
	if err := events.Record(ctx, tx, OrderPlaced{Order: 7, Customer: 3, Total: 4200}); err != nil {
		log.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		log.Fatal(err)
	}
}
