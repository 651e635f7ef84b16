package postgres_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

var update = flag.Bool("update", false, "renew schema.sql")

func TestMigrationsAtOnceUpDownUp(t *testing.T) {
	address := testpg.URL(t)
	stores := make([]store.Store, 6)
	for i := range stores {
		stores[i] = open(t, address)
	}
	for _, to := range []int{store.Newest, 0, store.Newest, 0, store.Newest} {
		var all sync.WaitGroup
		for _, s := range stores {
			all.Go(func() {
				if err := s.Migrate(t.Context(), to); err != nil {
					t.Errorf("Migrate(%d) = %v", to, err)
				}
			})
		}
		all.Wait()
		if err := stores[0].Ready(t.Context()); (err == nil) != (to == store.Newest) {
			t.Errorf("Ready after Migrate(%d) = %v", to, err)
		}
	}
}

func TestMigrationInASchemaThatIsThere(t *testing.T) {
	server := testpg.Shared(t)
	server.Exec(t, "create role plain login")
	t.Cleanup(func() { server.Exec(t, "drop role plain") })
	address := testpg.URL(t)
	exec(t, address, "create schema offload authorization plain; revoke create on database "+database(t, address)+" from public; create table offload.mine (n int)")
	s := open(t, testpg.WithUser(t, address, "plain", ""))
	migrate(t, s)
	if got := run(t, s, 20); got != 20 {
		t.Errorf("%d jobs ran, want 20", got)
	}
	if err := s.Migrate(t.Context(), 0); err != nil {
		t.Errorf("Migrate(0) = %v", err)
	}
	exec(t, address, "insert into offload.mine values (1)") // what is not ours has stayed
}

// What waited for others must not run before them once nobody knows what it waited for.
func TestMigrateBackEndsWhatWaits(t *testing.T) {
	s := open(t, testpg.URL(t))
	migrate(t, s)
	job := func(upstreams ...store.Edge) store.NewJob {
		n := store.NewJob{ID: store.NewID(), Task: "send", Queue: "mail", Input: []byte("{}"), After: upstreams}
		if len(upstreams) > 0 {
			n.Terms = &store.Terms{Flow: n.ID}
		}
		return n
	}
	after := func(upstream store.NewJob, on store.On, otherwise store.Else) store.NewJob {
		return job(store.Edge{Upstream: upstream.ID, On: on, Else: otherwise})
	}
	first, failing, batch, member := job(), job(), job(), job()
	batch.Task, batch.Queue, batch.Input = store.BatchTask, store.SystemQueue, nil
	member.Terms = &store.Terms{Batch: batch.ID}
	waits, cut := after(first, store.OnCompleted, store.ElseCancel), after(failing, store.OnCompleted, store.ElseCancel)
	held := after(failing, store.OnCompleted, store.ElseHold)
	insert := func(jobs ...store.NewJob) {
		t.Helper()
		if _, err := s.Insert(t.Context(), jobs); err != nil {
			t.Fatal(err)
		}
	}
	want := func(state store.State, jobs ...store.NewJob) {
		t.Helper()
		for _, n := range jobs {
			found, err := s.Find(t.Context(), store.Filter{IDs: []store.ID{n.ID}, Max: 1})
			if err != nil || len(found) != 1 || found[0].State != state {
				t.Errorf("job %s is %+v, %v; want it %s", n.ID, found, err, state)
			}
		}
	}
	insert(first, failing, batch, member, waits, cut, held)
	if _, err := s.Act(t.Context(), store.Act{Verb: store.Cancel, IDs: []store.ID{failing.ID}}); err != nil {
		t.Fatal(err)
	}
	want(store.Blocked, batch, waits, held)
	for _, to := range []int{3, store.Newest} {
		if err := s.Migrate(t.Context(), to); err != nil {
			t.Fatal(err)
		}
	}
	want(store.Cancelled, failing, batch, waits, cut, held)
	want(store.Available, first, member)
	next := after(cut, store.OnEnded, store.ElseCancel)
	insert(next)
	if _, _, err := s.Settle(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	want(store.Cancelled, cut) // though its edge is forgotten
	want(store.Available, next)
}

func database(t *testing.T, address string) string {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	return config.Database
}

func TestNewerSchemas(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	exec(t, address, "insert into offload.migration (version, name, needs) values (9998, 'harmless', 1)")
	if err := errors.Join(s.Ready(t.Context()), s.Migrate(t.Context(), store.Newest)); err != nil {
		t.Errorf("a schema that is merely newer is refused: %v", err)
	}
	exec(t, address, "insert into offload.migration (version, name, needs) values (9999, 'exclusive', 9999)")
	for doing, err := range map[string]error{
		"Ready": s.Ready(t.Context()), "Migrate": s.Migrate(t.Context(), store.Newest),
	} {
		if !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "9999") {
			t.Errorf("%s = %v, want an ErrSchema that names the version", doing, err)
		}
	}
}

func TestMigrationSQLIsWhatMigrateDoes(t *testing.T) {
	byHand, byCall := testpg.URL(t), testpg.URL(t)
	s := open(t, byCall)
	migrate(t, s)
	script, err := s.MigrationSQL(0, store.Newest)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, byHand, script)
	if a, b := dump(t, byHand), dump(t, byCall); a != b {
		t.Errorf("by hand:\n%s\nby call:\n%s", a, b)
	}
	if err := open(t, byHand).Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
}

// schema.sql is the newest schema, for people to read.
func TestSchemaFile(t *testing.T) {
	address := testpg.URL(t)
	migrate(t, open(t, address))
	got := dump(t, address)
	if *update {
		if err := os.WriteFile("schema.sql", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil || string(want) != got {
		t.Errorf("schema.sql is not what the migrations make; renew it with -update: %v", err)
	}
}

// dump writes down what is in the schema, in the same way for every version of PostgreSQL.
func dump(t *testing.T, address string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	text, err := os.ReadFile("testdata/dump.sql")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), string(text))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return "-- The tables as the migrations make them, for reading. Made by: go test -run TestSchemaFile -update\n\n" + strings.Join(parts, "\n\n") + "\n"
}
