package postgres_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/postgres"
)

func TestOpenRefusals(t *testing.T) {
	address := testpg.URL(t)
	server := testpg.Shared(t)
	server.Exec(t, "create role locked login password 'right'")
	server.Exec(t, "create role reader login")
	server.Exec(t, "alter role reader set default_transaction_read_only = on")
	t.Cleanup(func() {
		server.Exec(t, "drop role locked")
		server.Exec(t, "drop role reader")
	})
	for _, test := range []struct {
		name, address string
		err           error
		says          string
	}{
		{"a wrong password", testpg.WithUser(t, address, "locked", "wrong"), store.ErrRefused, "password"},
		{"a database that is not there", testpg.WithDatabase(t, address, "nowhere"), store.ErrRefused, `"nowhere"`},
		{"nobody there", testpg.WithHost(t, address, testpg.FreeAddr(t)), store.ErrUnavailable, "connect"},
		{"a role that may not write", testpg.WithUser(t, address, "reader", ""), store.ErrRefused, "read-only"},
		{"a schema that is none", testpg.With(t, address, "schema", "a b"), store.ErrRefused, "schema"},
		{"a schema in capitals", testpg.With(t, address, "schema", "Offload"), store.ErrRefused, "schema"},
		{"a pooler of no kind", testpg.With(t, address, "pooler", "yes"), store.ErrRefused, "transaction, session or none"},
		{"a port that is no number", "postgres://localhost:x/y", store.ErrRefused, "postgres://"},
		{"an option that is none", testpg.With(t, address, "pool_max_conns", "many"), store.ErrRefused, "pool_max_conns"},
	} {
		s, err := store.Open(t.Context(), test.address)
		if err == nil {
			closeStore(t, s)
		}
		if !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: Open = %v, want %v that says %q", test.name, err, test.err, test.says)
		}
		if err != nil && strings.Contains(err.Error(), "wrong") && strings.Contains(err.Error(), ":wrong@") {
			t.Errorf("%s: the error shows the password: %v", test.name, err)
		}
	}
}

func TestOpenWritesSchemesInAnyCase(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, strings.Replace(address, "postgres://", "POSTGRESQL://", 1))
	if err := s.Ready(t.Context()); !errors.Is(err, store.ErrSchema) {
		t.Errorf("Ready = %v, want that it is not migrated", err)
	}
	if _, err := s.Insert(t.Context(), plain(1)); !errors.Is(err, store.ErrSchema) {
		t.Errorf("Insert = %v, want that it is not migrated", err)
	}
}

func TestServerWithoutDurability(t *testing.T) {
	server := testpg.Start(t, "fsync = off")
	s := open(t, server.Address())
	migrate(t, s)
	findings, err := s.Examine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Name == "durability" && f.Level == store.Bad && strings.Contains(f.Text, "fsync is off") {
			return
		}
	}
	t.Errorf("nothing bad is found of a server with fsync off: %+v", findings)
}

func TestStandbyIsRefused(t *testing.T) {
	server := testpg.Start(t)
	server.Stop(t, syscall.SIGINT)
	server.Standby(t)
	_, err := store.Open(t.Context(), server.Address())
	if !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), "standby") {
		t.Errorf("Open = %v, want that it is a standby", err)
	}
}

func TestPoolOfTheUserStaysOpen(t *testing.T) {
	p := pool(t, testpg.URL(t))
	s, err := postgres.New(t.Context(), p, "jobs")
	if err != nil {
		t.Fatal(err)
	}
	migrate(t, s)
	insert(t, s, plain(1)...)
	closeStore(t, s)
	closeStore(t, s) // again is nothing
	if _, err := s.Insert(t.Context(), plain(1)); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Insert into a closed store = %v, want an ErrUnavailable", err)
	}
	if err := p.Ping(t.Context()); err != nil {
		t.Errorf("the user's pool is closed: %v", err)
	}
}

// What the engine needs goes on while handlers hold every connection of the user's pool.
func TestEngineDoesNotWaitForThePool(t *testing.T) {
	p := pool(t, testpg.URL(t), func(c *pgxpool.Config) { c.MaxConns = 4 })
	s := newStore(t, p)
	me := store.Process{ID: store.NewID()}
	if err := s.Join(t.Context(), me); err != nil {
		t.Fatal(err)
	}
	insert(t, s, plain(3)...)
	for range 4 {
		conn, err := p.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: me.ID, Queue: "mail", Limit: 3})
	if err != nil || len(claimed) != 3 {
		t.Fatalf("Claim = %d jobs, %v", len(claimed), err)
	}
	finish(t, s, me.ID, claimed[0])
	if err := s.Release(t.Context(), me.ID, []store.Fence{claimed[1].Fence}); err != nil {
		t.Error(err)
	}
	if err := s.Park(t.Context(), me.ID, false, []store.Fence{claimed[2].Fence}); err != nil {
		t.Error(err)
	}
	if _, err := s.Beat(t.Context(), me); err != nil {
		t.Error(err)
	}
	if v, err := s.Look(t.Context(), me.ID); err != nil || len(v.Lanes) != 1 || len(v.Parked) != 1 {
		t.Errorf("Look = %+v, %v", v, err)
	}
	if err := s.Leave(t.Context(), me.ID); err != nil {
		t.Error(err)
	}
}

// A role may be set in ways that would break promises. Ours hold all the same.
func TestSettingsOfTheRole(t *testing.T) {
	server := testpg.Shared(t)
	server.Exec(t, "create role odd superuser login")
	t.Cleanup(func() { server.Exec(t, "drop role odd") })
	address := testpg.URL(t)
	for _, setting := range []string{
		"default_transaction_isolation = 'serializable'", "synchronous_commit = off", "lock_timeout = '10ms'",
		"statement_timeout = '1s'", "work_mem = '64kB'", "enable_indexscan = off", "timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'",
		"intervalstyle = 'sql_standard'", "search_path = 'pg_temp'", "bytea_output = 'escape'", "extra_float_digits = -15",
	} {
		server.Exec(t, "alter role odd set "+setting)
	}
	s := open(t, testpg.WithUser(t, address, "odd", ""))
	migrate(t, s)
	ran := run(t, s, 200)
	counts, err := s.Counts(t.Context())
	if err != nil || counts[store.Completed] != 200 || ran != 200 {
		t.Errorf("ran %d, counts are %v, %v; want 200 completed", ran, counts, err)
	}
	if _, err := s.Prune(t.Context(), 10); err != nil {
		t.Error(err)
	}
}

// A role that lacks rights is told which, by each call that needs them.
func TestMissingRightsAreNamed(t *testing.T) {
	server := testpg.Shared(t)
	address := testpg.URL(t)
	migrate(t, open(t, address))
	server.Exec(t, "create role onlooker login")
	exec(t, address, "grant usage on schema offload to onlooker; grant select on all tables in schema offload to onlooker")
	t.Cleanup(func() {
		exec(t, address, "drop owned by onlooker")
		server.Exec(t, "drop role onlooker")
	})
	s := open(t, testpg.WithUser(t, address, "onlooker", ""))
	if _, err := s.Counts(t.Context()); err != nil {
		t.Errorf("Counts = %v", err)
	}
	_, inserting := s.Insert(t.Context(), plain(1))
	for call, err := range map[string]error{
		"Insert":        inserting,
		"RegisterTasks": s.RegisterTasks(t.Context(), []store.Task{{Name: "send", Queue: "mail"}}),
		"Migrate":       s.Migrate(t.Context(), 0),
	} {
		if !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), `user "onlooker" lacks a right; want USAGE on schema "offload"`) {
			t.Errorf("%s = %v, want an ErrRefused that names the rights", call, err)
		}
	}
}

// run inserts jobs, lets three processes run them at once, and returns how many they finished.
func run(t *testing.T, s store.Store, n int) (ran int) {
	t.Helper()
	done := make(chan int)
	var inserted atomic.Bool // until then nothing due is no end
	for range 3 {
		go func() {
			me := store.Process{ID: store.NewID()}
			if err := s.Join(t.Context(), me); err != nil {
				t.Error(err)
			}
			mine := 0
			for empty := 0; empty < 50 && !t.Failed(); {
				claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: me.ID, Queue: "mail", Limit: 7})
				if err != nil {
					t.Error(err)
				}
				if len(claimed) == 0 {
					if inserted.Load() {
						empty++
					}
					continue
				}
				var ended []store.Ended
				for _, c := range claimed {
					ended = append(ended, store.Ended{Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: store.OutcomeCompleted})
				}
				lost, err := s.Finish(t.Context(), me.ID, ended)
				if err != nil || len(lost) > 0 {
					t.Errorf("Finish lost %v, %v", lost, err)
				}
				mine += len(claimed)
			}
			done <- mine
		}()
	}
	for range n / 10 {
		insert(t, s, plain(10)...)
	}
	inserted.Store(true)
	for range 3 {
		ran += <-done
	}
	return ran
}
