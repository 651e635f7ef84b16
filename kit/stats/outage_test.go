package stats

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// The database is away for more than an hour. Memory stays bounded, nothing is lost, and minutes are right as long as there was room for them.
func TestALongOutageLosesNoFigures(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	set := New()
	orders := set.Counter("orders", "shop")
	kept, err := Open(t.Context(), db, set)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	begun := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	now := begun
	kept.now = func() time.Time { return now }
	const shops, minutes = 50, 80
	kept.most = 50 * shops
	run("ALTER TABLE offload_stats_flush RENAME TO away")
	for range minutes {
		for shop := range shops {
			orders.With(fmt.Sprint(shop)).Add(1)
		}
		if kept.Flush(t.Context()) == nil {
			t.Fatal("Flush does not say that the database is away")
		}
		if n := len(kept.waiting.amounts); n > kept.most+shops {
			t.Fatalf("%d amounts wait", n)
		}
		now = now.Add(time.Minute)
	}
	run("ALTER TABLE away RENAME TO offload_stats_flush")
	if err := kept.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer, err := kept.Query(t.Context(), Query{Name: "orders", Step: Minute, From: begun, To: now})
	if err != nil {
		t.Fatal(err)
	}
	all := answer[0].Total()
	if all.Sum != shops*minutes {
		t.Errorf("%v orders, want %d", all.Sum, shops*minutes)
	}
	for i, p := range answer[0].Points[:kept.most/shops] {
		if p.Sum != shops {
			t.Errorf("minute %d has %v, want %d", i, p.Sum, shops)
		}
	}
	if kept.waiting.coarse != 0 {
		t.Error("minutes are not counted again")
	}
}
