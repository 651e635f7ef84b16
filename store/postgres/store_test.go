package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/offloadhq/offload/internal/cutwire"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/postgres"
	"github.com/offloadhq/offload/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	var database string
	laws := 0
	storetest.Run(t, func(law *testing.T) storetest.Subject {
		if laws%lawsInOne == 0 {
			database = testpg.URL(t)
		}
		laws++
		return subject(law, database, fmt.Sprintf("law_%d", laws))
	})
}

// lawsInOne is how many laws have their schemas in one database: with more of them its catalogue is
// what most of the time goes into.
const lawsInOne = 50

// subject is a store in a schema of its own, on a clock of its own.
func subject(t *testing.T, database, schema string) storetest.Subject {
	exec(t, database, strings.ReplaceAll(fakeClock, "fake", "fake_"+schema))
	clocked := testpg.With(t, database, "search_path", "fake_"+schema+",pg_catalog,public")
	address := testpg.With(t, clocked, "schema", schema)
	s := open(t, address)
	migrate(t, s)
	return storetest.Subject{
		Store:   s,
		Begin:   func(t *testing.T) storetest.Tx { return begin(t, clocked) },
		Another: func(t *testing.T) store.Store { return open(t, address) },
		Advance: func(t *testing.T, d time.Duration) {
			exec(t, database, "update fake_"+schema+".clock set ahead = ahead + $1::interval", d)
		},
		Inbox: func(t *testing.T, task, input, options string) {
			exec(t, database, "insert into "+schema+".inbox (task, input, options) values ($1, $2, nullif($3, ''))", task, input, options)
		},
		Copied: func(t *testing.T) store.Store {
			return open(t, testpg.With(t, restored(t, database, testpg.Shared(t)), "schema", schema))
		},
		Faulty: func(t *testing.T) (store.Store, storetest.Faults) {
			p := cutwire.New(t, testpg.Host(t, address))
			return open(t, testpg.WithHost(t, address, p.Addr())), storetest.Faults{
				Arm:    func(n int, f storetest.Fault) { p.Arm(n, faults[f]) },
				Disarm: p.Disarm,
			}
		},
	}
}

var faults = map[storetest.Fault]cutwire.Fault{
	storetest.Fail:       cutwire.Fail,
	storetest.LoseAnswer: cutwire.LoseAnswer,
}

// fakeClock makes functions that stand in front of the server's own on the search path.
const fakeClock = `
create schema fake;
create table fake.clock as select interval '0' as ahead;
create function fake.now() returns timestamptz language sql stable as
	'select pg_catalog.now() + (select ahead from fake.clock)';
create function fake.clock_timestamp() returns timestamptz language sql volatile as
	'select pg_catalog.clock_timestamp() + (select ahead from fake.clock)';
`

// open opens the store at an address and closes it when the test ends.
func open(t testing.TB, address string) store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func migrate(t testing.TB, s store.Store) {
	t.Helper()
	if err := s.Migrate(t.Context(), store.Newest); err != nil {
		t.Fatal(err)
	}
}

// pool is a user's pool.
func pool(t testing.TB, address string, change ...func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(config)
	}
	p, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// newStore is a migrated store on a pool.
func newStore(t testing.TB, p *pgxpool.Pool) store.Store {
	t.Helper()
	s, err := postgres.New(t.Context(), p, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	migrate(t, s)
	return s
}

// exec runs statements beside the store.
func exec(t testing.TB, address, sql string, args ...any) {
	t.Helper()
	ctx := context.Background() // of clean-ups too
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql, args...); err != nil {
		t.Fatal(err)
	}
}

// begin begins a transaction of the caller's on a connection of its own.
func begin(t *testing.T, address string) storetest.Tx {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(ctx) })
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return storetest.Tx{
		Value:    tx,
		Commit:   func() error { return tx.Commit(ctx) },
		Rollback: func() error { return tx.Rollback(ctx) },
	}
}
