package kits_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/derive"
)

type orderPlaced struct {
	Order int    `json:"order"`
	Email string `json:"email"`
	Total int    `json:"total"`
}

func (e orderPlaced) Event() (name, entity string) {
	return "order.placed", fmt.Sprint("order/", e.Order)
}

// BenchmarkDerive shall bring 20,000 events a second to three handlers, each of which keeps a sum for each batch in a table. "record/s" is how fast they were recorded
// before that, in transactions of 100; "together/s" is both at once.
func BenchmarkDerive(b *testing.B) {
	onBases(b, func(b *testing.B, db *sql.DB, address string) {
		ctx := context.Background()
		if _, err := db.ExecContext(ctx, "CREATE TABLE sums (handler text PRIMARY KEY, orders bigint NOT NULL, total bigint NOT NULL)"); err != nil {
			b.Fatal(err)
		}
		sum := func(name string) derive.Option {
			return derive.OnMany(name, func(ctx context.Context, tx *sql.Tx, all []derive.Event[orderPlaced]) error {
				total := 0
				for i := range all {
					total += all[i].Value.Total
				}
				_, err := tx.ExecContext(ctx, `INSERT INTO sums VALUES ($1, $2, $3)
ON CONFLICT (handler) DO UPDATE SET orders = sums.orders + excluded.orders, total = sums.total + excluded.total`, name, len(all), total)
				return err
			})
		}
		events, err := derive.Open(ctx, db, sum("loyalty"), sum("sales"), sum("stock"))
		if err != nil {
			b.Fatal(err)
		}
		app, err := offload.Open(ctx, address, events, offload.LogTo(slog.New(slog.DiscardHandler)))
		if err != nil {
			b.Fatal(err)
		}
		defer app.Close()
		record := func() {
			for i := 0; i < b.N; i += 100 {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					b.Fatal(err)
				}
				var facts []derive.Fact
				for n := i; n < min(i+100, b.N); n++ {
					facts = append(facts, orderPlaced{n % 1000, "ada@example.com", 4200})
				}
				if err := events.Record(ctx, tx, facts...); err != nil {
					b.Fatal(err)
				}
				if err := tx.Commit(); err != nil {
					b.Fatal(err)
				}
			}
		}
		passed := func() (n int) { // by the last of the handlers
			if err := db.QueryRowContext(ctx, "SELECT min(seq) FROM offload_events_cursor WHERE types <> ''").Scan(&n); err != nil {
				b.Fatal(err)
			}
			return n
		}
		run := func(beside func(), through int) time.Duration {
			ctx, stop := context.WithCancel(ctx)
			began := time.Now()
			var running sync.WaitGroup
			running.Go(func() { app.Run(ctx) })
			beside()
			for passed() < through {
				<-time.After(20 * time.Millisecond)
			}
			took := time.Since(began)
			stop()
			running.Wait()
			return took
		}
		began := time.Now()
		record()
		recorded := time.Since(began)
		b.ResetTimer()
		took := run(func() {}, b.N)
		b.StopTimer()
		b.ReportMetric(float64(b.N)/recorded.Seconds(), "record/s")
		b.ReportMetric(float64(b.N)/took.Seconds(), "events/s")
		b.ReportMetric(float64(b.N)/run(record, 2*b.N).Seconds(), "together/s")
		var orders int
		if err := db.QueryRowContext(ctx, "SELECT sum(orders) FROM sums").Scan(&orders); err != nil || orders != 6*b.N {
			b.Errorf("%d were handled, %v", orders, err)
		}
	})
}
