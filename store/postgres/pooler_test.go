package postgres_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/cutwire"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/storetest"
)

// All laws hold behind a pooler that lends a connection for a transaction, and knows nothing of
// prepared statements. The store finds out by itself.
func TestStoreBehindPooler(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole suite once more")
	}
	pooler := testpg.Pooler(t, testpg.URL(t))
	few(t)
	without := []string{"Faults", "History", "Batch", "Reopen", "CopyFlow"}
	if flag.Lookup("storetest.everyfault").Value.String() == "false" { // make laws has the time for these
		without = append(without, "Memos", "Origin", "Flow", "Find", "Search", "Errors", "Figures", "CountUpTo", "Reap", "Turn", "Rate")
	}
	var database, through string
	laws, parent := 0, t
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		if laws%lawsInOne == 0 {
			database = testpg.URL(parent)
			through = testpg.WithDatabase(parent, pooler, nameOf(parent, database))
		}
		laws++
		address := testpg.With(t, through, "schema", fmt.Sprintf("law_%d", laws))
		s := open(t, address)
		migrate(t, s)
		return storetest.Subject{
			Store:   s,
			Begin:   func(t *testing.T) storetest.Tx { return begin(t, database) },
			Another: func(t *testing.T) store.Store { return open(t, address) },
			Faulty: func(t *testing.T) (store.Store, storetest.Faults) {
				p := cutwire.New(t, testpg.Host(t, address))
				return open(t, testpg.WithHost(t, address, p.Addr())), storetest.Faults{
					Arm:    func(n int, f storetest.Fault) { p.Arm(n, faults[f]) },
					Disarm: p.Disarm,
				}
			},
		}
	}, without...)
}

// nameOf is the name of the database at an address.
func nameOf(t *testing.T, address string) string {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	return config.Database
}

// few lets the suite play fewer random histories, for as long as the test takes.
func few(t *testing.T) {
	t.Helper()
	const name = "storetest.histories"
	old := flag.Lookup(name).Value.String()
	if err := flag.Set(name, "2"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, old); err != nil {
			t.Error(err)
		}
	})
}

// A pool that keeps statements prepared is of no use behind such a pooler to its owner. The
// store does not use it so.
func TestPoolOfTheUserBehindPooler(t *testing.T) {
	through := testpg.Pooler(t, testpg.URL(t))
	stores := []store.Store{newStore(t, pool(t, through)), newStore(t, pool(t, through))}
	if ran := run(t, stores[0], 100); ran != 100 {
		t.Errorf("%d jobs ran, want 100", ran)
	}
	for range 20 { // by turns, on the few connections of the pooler
		for _, s := range stores {
			must(t, s.Control(t.Context(), store.Control{PauseQueue: "mail", Who: "ada"}))
			must(t, s.RegisterTasks(t.Context(), []store.Task{{Name: "send", Queue: "mail"}}))
			jobs := plain(600)
			insert(t, s, jobs...)
			acted, err := s.Act(t.Context(), store.Act{Verb: store.Cancel, IDs: []store.ID{jobs[0].ID, jobs[599].ID}})
			if err != nil || acted[0].Effect != store.Done || acted[1].Effect != store.Done {
				t.Errorf("cancel gave %+v, %v", acted, err)
			}
		}
	}
}
