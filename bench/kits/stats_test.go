package kits

import (
	"database/sql"
	"path/filepath"
	"strconv"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload/kit/stats"
)

// What a call costs whoever counts: 50 ns at most, with handles kept and with all cores at it.
func BenchmarkStats(b *testing.B) {
	set := stats.New()
	orders, seconds, buyers := set.Counter("orders", "shop"), set.Observer("seconds"), set.Unique("buyers")
	berlin := orders.With("berlin")
	customers := make([]string, 100_000)
	for i := range customers {
		customers[i] = "customer-" + strconv.Itoa(i)
	}
	for name, call := range map[string]func(i int){
		"Add":        func(int) { berlin.Add(1) },
		"With+Add":   func(int) { orders.With("berlin").Add(1) },
		"Observe":    func(i int) { seconds.Observe(float64(i%1000) / 100) },
		"See/many":   func(i int) { buyers.See(customers[i%len(customers)]) },
		"See/twenty": func(i int) { buyers.See(customers[i%20]) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				call(i)
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(p *testing.PB) {
				for i := 0; p.Next(); i++ {
					call(i)
				}
			})
		})
	}
}

// A million counts with their flushes: one second of a core at most. They go to 1,000 series, as thousand each would be written every five seconds.
func BenchmarkStatsFlush(b *testing.B) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "stats.db")+"?_pragma=journal_mode(wal)&_pragma=synchronous(normal)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	set := stats.New()
	kept, err := stats.Open(b.Context(), db, set)
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	orders := set.Counter("orders", "shop")
	series := make([]*stats.Counter, 1000)
	for i := range series {
		series[i] = orders.With(strconv.Itoa(i))
	}
	for b.Loop() {
		for range 1000 {
			for _, s := range series {
				s.Add(1)
			}
		}
		if err := kept.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// A flush of many series with sketches, to which others have added: each is read, put together and written, for minute, hour and day.
func BenchmarkStatsFlushSketches(b *testing.B) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "stats.db")+"?_pragma=journal_mode(wal)&_pragma=synchronous(normal)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	set := stats.New()
	kept, err := stats.Open(b.Context(), db, set)
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	seconds, buyers := set.Observer("seconds", "shop"), set.Unique("buyers", "shop")
	for b.Loop() {
		for shop := range 100 {
			name := strconv.Itoa(shop)
			for i := range 100 {
				seconds.With(name).Observe(float64(i))
				buyers.With(name).See(strconv.Itoa(i))
			}
		}
		if err := kept.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
