package status

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// A look finds what has changed among more rows than it reads whole, wherever it is; and what is gone, in turns.
func TestOneOfManyRows(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		oneOfMany(t, path, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	})
	t.Run("postgres", func(t *testing.T) {
		address := testpg.URL(t)
		oneOfMany(t, address, "pgx", address)
	})
}

func oneOfMany(t *testing.T, address, driver, dsn string) {
	const rows, jobsMost, wholeMost = 1050, 20, 400
	ctx := t.Context()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE orders (id bigint PRIMARY KEY, state text NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	column, err := Column(ctx, db, "orders", "state", "id")
	if err != nil {
		t.Fatal(err)
	}
	wait := offload.NewTask("wait", func(context.Context, int) error { return nil })
	app, err := offload.Open(ctx, address, wait, offload.LogTo(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	jobs, err := wait.EnqueueMany(ctx, app, make([]int, rows), offload.Delay(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for i, job := range jobs {
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES ($1, '')", i); err != nil {
			t.Fatal(err)
		}
		if err := column.Track(ctx, tx, i, job); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	says := func(row int) (text string) {
		t.Helper()
		if err := db.QueryRowContext(ctx, "SELECT state FROM orders WHERE id = $1", row).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	s := newSweeper(column, app)
	s.lines, s.whole, s.jobs = 1000, wholeMost, jobsMost
	sweep := func() {
		t.Helper()
		for _, phase := range []int{underWay, endedBad} {
			if err := s.sweep(ctx, phase); err != nil {
				t.Error(err)
			}
		}
	}
	sweep()
	// Rows are in the order of their texts: 0, 1, 10, 100, …
	changed := []int{0, 5, 77, 499, 999, rows - 1}
	var ids []offload.ID
	for _, row := range changed {
		ids = append(ids, jobs[row].ID)
	}
	for i := 200; i < 200+2*jobsMost; i++ { // and more than are read at once
		ids = append(ids, jobs[i].ID)
		changed = append(changed, i)
	}
	if err := app.Cancel(ctx, ids...); err != nil {
		t.Fatal(err)
	}
	sweep()
	for _, row := range changed {
		if got := says(row); got != "cancelled" {
			t.Fatalf("row %d says %q after a look, want cancelled", row, got)
		}
	}
	if got := says(50); got != "queued" {
		t.Errorf("row 50 says %q", got)
	}
	if err := app.Retry(ctx, ids[0]); err != nil {
		t.Fatal(err)
	}
	sweep()
	if got := says(0); got != "queued" {
		t.Errorf("a job that is retried says %q", got)
	}
	gone := []int{9, 98, 998}
	for _, row := range gone {
		if err := app.Cancel(ctx, jobs[row].ID); err != nil {
			t.Fatal(err)
		}
		if err := app.Delete(ctx, jobs[row].ID); err != nil {
			t.Fatal(err)
		}
	}
	for range rows/wholeMost + 1 {
		sweep()
	}
	for _, row := range gone {
		if got := says(row); got != "cancelled (deleted)" {
			t.Errorf("row %d of a job that is gone says %q", row, got)
		}
	}
}
