package stats_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"time"

	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/stats"
)

// What the shop counts is declared beside what counts it.
var (
	Stats    = stats.New()
	Orders   = Stats.Counter("orders", "shop")
	Checkout = Stats.Observer("checkout_seconds")
	Buyers   = Stats.Unique("buyers")
)

// A program whose jobs count: the app writes what came together, and a page shows it.
func Example() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:shop.db?_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	kept, err := stats.Open(ctx, db, Stats)
	if err != nil {
		log.Fatal(err)
	}
	app, err := offload.Open(ctx, "shop.db", kept, offload.NewTask("order", func(_ context.Context, customer string) error {
		begun := time.Now()
		Orders.With("berlin").Add(1)
		Buyers.See(customer)
		Checkout.Observe(time.Since(begun).Seconds())
		return nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/stats/", stats.NewHandler(kept)) // behind your login; <img src="/stats/orders.svg?by=shop" alt="Orders by shop">
	log.Fatal(app.Run(ctx))
}

func ExampleKept_Query() {
	ctx := context.Background()
	db, _ := sql.Open("sqlite", ":memory:")
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	defer db.Close()
	set := stats.New()
	orders, checkout, buyers := set.Counter("orders", "shop"), set.Observer("checkout_seconds"), set.Unique("buyers")
	kept, err := stats.Open(ctx, db, set)
	if err != nil {
		log.Fatal(err)
	}
	defer kept.Close()

	orders.With("berlin").Add(2)
	orders.With("paris").Add(1)
	for i := range 100 {
		checkout.Observe(float64(i))
		buyers.See(fmt.Sprint("customer ", i%3))
	}
	if err := kept.Flush(ctx); err != nil { // happens by itself every five seconds
		log.Fatal(err)
	}

	byShop, _ := kept.Query(ctx, stats.Query{Name: "orders", By: "shop", Step: stats.Day})
	for _, shop := range byShop {
		all := shop.Total()
		fmt.Println(shop.Value, all.Sum)
	}
	seconds, _ := kept.Total(ctx, stats.Query{Name: "checkout_seconds"})
	fmt.Printf("mean %.1f, at most %.0f, 95 %% within %.0f\n", seconds.Mean(), seconds.Max, seconds.Quantile(0.95))
	customers, _ := kept.Total(ctx, stats.Query{Name: "buyers"})
	fmt.Println(customers.Unique(), "buyers")
	// Output:
	// berlin 2
	// paris 1
	// mean 49.5, at most 99, 95 % within 95
	// 3 buyers
}
