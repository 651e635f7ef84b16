package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/offloadhq/offload/kit/audit"
)

// An order is shipped, and that it was is written down in the same transaction.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", filepath.Join(dir, "shop.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	trail, err := audit.Open(ctx, db, audit.Keep(10*365*24*time.Hour)) // give it to offload.Open, too
	if err != nil {
		log.Fatal(err)
	}

	type order struct{ State, Password string }
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback() // does nothing after Commit
	// … change the order here
	err = trail.Write(ctx, tx, audit.Entry{
		Actor: "ada", Action: "order.ship", Entity: audit.Entity{Type: "order", ID: "7"},
		Before: order{"paid", "hunter2"}, After: order{"shipped", "hunter3"},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		log.Fatal(err)
	}

	rows, err := trail.Search(ctx, audit.Query{Type: "order", ID: "7"})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range rows[0].Changes() {
		fmt.Println(rows[0].Actor, rows[0].Action, c.Field, string(c.Before), string(c.After))
	}
	// Output:
	// ada order.ship Password "•••" "••• (changed)"
	// ada order.ship State "paid" "shipped"
}
