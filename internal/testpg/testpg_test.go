package testpg_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
)

func ask(t *testing.T, address, sql string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestDatabasesAreApartAndDurable(t *testing.T) {
	a, b := testpg.URL(t), testpg.URL(t)
	if nameA, nameB := ask(t, a, "select current_database()"), ask(t, b, "select current_database()"); nameA == nameB {
		t.Errorf("both databases are %s", nameA)
	}
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		if on := ask(t, a, "show "+setting); on != "on" {
			t.Errorf("%s is %s, want on", setting, on)
		}
	}
}

func TestServerStartsAgain(t *testing.T) {
	s := testpg.Start(t)
	s.Exec(t, "create table kept as select 7 as n")
	s.Stop(t, syscall.SIGQUIT)
	s.Start(t)
	if n := ask(t, s.Address(), "select n::text from kept"); n != "7" {
		t.Errorf("n is %s, want 7", n)
	}
}

func TestReplicaIsPromoted(t *testing.T) {
	primary := testpg.Start(t)
	address := primary.Database(t)
	replica := primary.Replica(t)
	primary.Exec(t, "create table kept as select 7 as n")
	for ask(t, replica.Address(), "select count(*)::text from pg_class where relname = 'kept'") != "1" {
		if t.Context().Err() != nil {
			t.Fatal("the replica never followed")
		}
	}
	replica.Promote(t)
	replica.Exec(t, "insert into kept values (8)")
	primary.ReadOnly(t, true)
	if is := ask(t, address, "select current_setting('transaction_read_only')"); is != "on" {
		t.Errorf("transaction_read_only is %s, want on", is)
	}
}

func TestServerOutlivesABackend(t *testing.T) {
	s := testpg.Start(t)
	address := s.Database(t)
	if s.KillBackend(t, address) {
		t.Error("a process was killed on a database that nobody uses")
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if !s.KillBackend(t, address) {
		t.Error("no process was killed")
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("Ping on a connection that was killed = nil")
	}
	for {
		conn, err := pgx.Connect(t.Context(), address)
		if err == nil {
			conn.Close(t.Context())
			break
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestClockIsMoved(t *testing.T) {
	s, clock := testpg.StartWithClock(t)
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		clock.Set(t, ahead, 1)
		for {
			var now time.Time
			conn, err := pgx.Connect(t.Context(), s.Address())
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.QueryRow(t.Context(), "select clock_timestamp()").Scan(&now); err != nil {
				t.Fatal(err)
			}
			conn.Close(t.Context())
			if off := time.Until(now) - ahead; off.Abs() < time.Minute {
				break
			}
		}
	}
}

func TestPoolerAnswers(t *testing.T) {
	address := testpg.URL(t)
	through := testpg.Pooler(t, address)
	if a, b := ask(t, through, "select current_database()"), ask(t, address, "select current_database()"); a != b {
		t.Errorf("the pooler leads to %s, want %s", a, b)
	}
}
