package postgres_test

import (
	"fmt"
	"github.com/jackc/pgx/v5"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
	"os"
	"strings"
	"testing"
	"time"
)

func TestZZ(t *testing.T) {
	server := testpg.Start(t, "shared_preload_libraries = 'pg_stat_statements'", "pg_stat_statements.track = all", "max_wal_size=4GB", "track_io_timing=off")
	address := server.Database(t)
	exec(t, address, "create extension pg_stat_statements")
	s := open(t, address)
	migrate(t, s)
	process := store.NewID()
	must(t, s.Join(t.Context(), store.Process{ID: process}))
	must(t, s.PutLimits(t.Context(), []store.Limit{{Name: "crm", Max: 1}}))
	var with func(*store.NewJob)
	switch os.Getenv("KIND") {
	case "limit":
		with = ofKeys(1000, limited)
	case "turn":
		with = ofKeys(1000, turned)
	case "unique":
		with = ofKeys(1000000, unique)
	default:
		with = func(*store.NewJob) {}
	}
	N := 20000
	ins := time.Now()
	if os.Getenv("WHAT") == "insert" {
		exec(t, address, "select pg_stat_statements_reset()")
	}
	for n := 0; n < N; n += 1000 {
		some := plain(1000)
		for i := range some {
			with(&some[i])
		}
		insert(t, s, some...)
	}
	fmt.Println("insert µs/job", float64(time.Since(ins).Microseconds())/float64(N))
	if os.Getenv("WHAT") != "insert" {
		exec(t, address, "select pg_stat_statements_reset()")
		var tc, tf time.Duration
		nc, nf := 0, 0
		began := time.Now()
		for done := 0; done < N; {
			t0 := time.Now()
			claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: 2000})
			must(t, err)
			tc += time.Since(t0)
			nc++
			if len(claimed) == 0 {
				t.Fatal("nothing", done)
			}
			t0 = time.Now()
			for len(claimed) > 0 {
				some := claimed[:min(1000, len(claimed))]
				claimed = claimed[len(some):]
				finish(t, s, process, some...)
				done += len(some)
				nf++
			}
			tf += time.Since(t0)
		}
		fmt.Printf("total %v/job claim %v/job (%d) finish %v/job (%d)\n", time.Since(began)/time.Duration(N), tc/time.Duration(N), nc, tf/time.Duration(N), nf)
	}
	conn, _ := pgx.Connect(t.Context(), address)
	rows, err := conn.Query(t.Context(), "select calls, total_exec_time*1000/$1, wal_bytes/$1, shared_blks_hit/$1, left(regexp_replace(query, '\\s+', ' ', 'g'), 110) from pg_stat_statements where toplevel order by total_exec_time desc limit 16", N)
	must(t, err)
	for rows.Next() {
		var c int64
		var us, wal, hit float64
		var q string
		must(t, rows.Scan(&c, &us, &wal, &hit, &q))
		fmt.Printf("%6d %7.2f µs/job %7.0f wal %6.1f hits  %s\n", c, us, wal, hit, strings.ReplaceAll(q, "\n", " "))
	}
	conn.Close(t.Context())
}
