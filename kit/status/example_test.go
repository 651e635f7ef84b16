package status_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/status"
)

// A program in which an order is placed at once, while the payment service is called behind it; the page shows a bar, and the order's row says the same.
func Example() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:shop.db?_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		log.Fatal(err)
	}
	payments, err := status.Column(ctx, db, "orders", "payment_status", "id")
	if err != nil {
		log.Fatal(err)
	}
	app, err := offload.Open(ctx, "shop.db", payments, charge.Handle(func(ctx context.Context, o order) error {
		offload.Progress(ctx, 1, 2, "asking the bank")
		return nil // call the payment service here
	}))
	if err != nil {
		log.Fatal(err)
	}
	key := make([]byte, 32) // in production from your configuration
	_, _ = rand.Read(key)
	waiting, err := status.NewHandler(app, "/status/", key)
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/status/", waiting)
	http.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		job, err := placeOrder(r.Context(), db, app, payments, order{7})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		var bar template.HTML
		if bar, err = waiting.Piece(r.Context(), job.ID, time.Hour); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "<h1>Thank you</h1>%s", bar)
	})
	go app.Run(ctx)
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

func placeOrder(ctx context.Context, db *sql.DB, app *offload.App, payments *status.Tracker, o order) (*offload.Job, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, "INSERT INTO orders (id, payment_status) VALUES ($1, '')", o.ID); err != nil {
		return nil, err
	}
	job, err := charge.Enqueue(ctx, app.Tx(tx), o)
	if err != nil {
		return nil, err
	}
	if err := payments.Track(ctx, tx, o.ID, job); err != nil {
		return nil, err
	}
	return job, tx.Commit()
}
