package kits_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/audit"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// Bases are both databases, empty.
func onBases(b *testing.B, f func(b *testing.B, db *sql.DB, address string)) {
	b.Run("sqlite", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "shop.db")
		db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_txlock=immediate")
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		f(b, db, path)
	})
	b.Run("postgres", func(b *testing.B) {
		address := testpg.URL(b)
		db, err := sql.Open("pgx", address)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		f(b, db, address)
	})
}

// BenchmarkAudit shall add at most 10 % to a transaction that places an order with five lines, and enqueues its job ("job"); "order" is without the job. With and without an entry take turns, so that the ratio is of one
// run; it is the one of medians. "chain/s" is how many entries a second one process gives their place in the chain.
func BenchmarkAudit(b *testing.B) {
	for _, job := range []bool{false, true} {
		b.Run(map[bool]string{false: "order", true: "job"}[job], func(b *testing.B) { benchmarkAudit(b, job) })
	}
}

func benchmarkAudit(b *testing.B, job bool) {
	onBases(b, func(b *testing.B, db *sql.DB, address string) {
		ctx := context.Background()
		exec := func(query string) {
			if _, err := db.ExecContext(ctx, query); err != nil {
				b.Fatal(err)
			}
		}
		exec("CREATE TABLE stock (sku text PRIMARY KEY, n bigint NOT NULL)")
		exec("CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, state text NOT NULL, total bigint NOT NULL)")
		exec("CREATE TABLE lines (order_id bigint, n bigint, sku text NOT NULL, PRIMARY KEY (order_id, n))")
		for i := range 100 {
			exec(fmt.Sprintf("INSERT INTO stock VALUES ('sku-%d', 1000000)", i))
		}
		trail, err := audit.Open(ctx, db)
		if err != nil {
			b.Fatal(err)
		}
		app, err := offload.Open(ctx, address)
		if err != nil {
			b.Fatal(err)
		}
		defer app.Close()
		confirm := offload.Declare[int]("confirm")
		place := func(id int, with bool) time.Duration {
			began := time.Now()
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				b.Fatal(err)
			}
			run := func(query string, args ...any) {
				if _, err := tx.ExecContext(ctx, query, args...); err != nil {
					b.Fatal(err)
				}
			}
			run("INSERT INTO orders VALUES ($1, $2, 'placed', 4200)", id, "ada@example.com")
			for n := range 5 {
				sku := fmt.Sprintf("sku-%d", (id+n)%100)
				run("INSERT INTO lines VALUES ($1, $2, $3)", id, n, sku)
				run("UPDATE stock SET n = n - 1 WHERE sku = $1", sku)
			}
			if job {
				if _, err := confirm.Enqueue(ctx, app.Tx(tx), id); err != nil {
					b.Fatal(err)
				}
			}
			if with {
				err := trail.Write(ctx, tx, audit.Entry{
					Actor: "ada", Action: "order.place", Entity: audit.Entity{Type: "order", ID: fmt.Sprint(id)},
					After: map[string]any{"customer": "ada@example.com", "state": "placed", "total": 4200},
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			if err := tx.Commit(); err != nil {
				b.Fatal(err)
			}
			return time.Since(began)
		}
		var took [2][]time.Duration
		id := 0
		for range b.N {
			for with := range 2 {
				id++
				took[with] = append(took[with], place(id, with == 1))
			}
		}
		b.StopTimer()
		median := func(all []time.Duration) float64 {
			slices.Sort(all)
			return float64(all[len(all)/2])
		}
		bare, audited := median(took[0]), median(took[1])
		b.ReportMetric(bare/1e3, "µs/bare")
		b.ReportMetric(audited/1e3, "µs/audited")
		b.ReportMetric(audited/bare, "ratio")
		began := time.Now()
		if err := trail.Chain(ctx); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "chain/s")
	})
}
