package kits_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/status"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// BenchmarkStatus is how long a row says what was, of a column with so many rows with jobs under way: from the act to
// the row, mean and worst of b.N; and which share of a core the process takes meanwhile, on SQLite with the database in it. The kit promises
// two seconds.
func BenchmarkStatus(b *testing.B) {
	for _, rows := range []int{1000, 10_000, 50_000} {
		b.Run(fmt.Sprintf("sqlite/%d", rows), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "offload.db")
			late(b, rows, path, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate&_pragma=journal_mode(wal)")
		})
		b.Run(fmt.Sprintf("postgres/%d", rows), func(b *testing.B) {
			address := testpg.URL(b)
			late(b, rows, address, "pgx", address)
		})
	}
}

func late(b *testing.B, rows int, address, driver, dsn string) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, query := range []string{
		"CREATE TABLE orders (id bigint PRIMARY KEY, state text NOT NULL)",
	} {
		if _, err := db.ExecContext(ctx, query); err != nil {
			b.Fatal(err)
		}
	}
	column, err := status.Column(ctx, db, "orders", "state", "id")
	if err != nil {
		b.Fatal(err)
	}
	wait := offload.NewTask("wait", func(context.Context, int) error { return nil })
	app, err := offload.Open(ctx, address, wait, column, offload.LogTo(slog.New(slog.DiscardHandler)))
	if err != nil {
		b.Fatal(err)
	}
	defer app.Close()
	var ids []offload.ID
	for i := 0; i < rows; i += 1000 {
		jobs, err := wait.EnqueueMany(ctx, app, make([]int, 1000), offload.Delay(time.Hour))
		if err != nil {
			b.Fatal(err)
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, job := range jobs {
			if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES ($1, '')", len(ids)); err != nil {
				b.Fatal(err)
			}
			if err := column.Track(ctx, tx, len(ids), job); err != nil {
				b.Fatal(err)
			}
			ids = append(ids, job.ID)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	var running sync.WaitGroup
	running.Go(func() { app.Run(ctx) })
	var sum, worst time.Duration
	used := spent()
	b.ResetTimer()
	for n := range b.N {
		row := n * 7919 % rows
		if err := app.Cancel(ctx, ids[row]); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		for text := ""; text != "cancelled"; {
			time.Sleep(20 * time.Millisecond)
			if err := db.QueryRowContext(ctx, "SELECT state FROM orders WHERE id = $1", row).Scan(&text); err != nil {
				b.Fatal(err)
			}
			if time.Since(began) > 5*time.Minute {
				b.Fatal("it never changes")
			}
		}
		took := time.Since(began)
		sum, worst = sum+took, max(worst, took)
	}
	b.StopTimer()
	b.ReportMetric((sum / time.Duration(b.N)).Seconds(), "s/mean")
	b.ReportMetric(worst.Seconds(), "s/worst")
	b.ReportMetric((spent()-used).Seconds()/b.Elapsed().Seconds(), "cores")
	stop()
	running.Wait()
}

// spent is the time of processors that this process has taken.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
