package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// Embedding is a transaction as sqlx and bun have theirs.
type Embedding struct {
	*sql.Tx
	name string
}

// A kind is one of the kinds of transactions that people have.
type kind struct {
	name  string
	begin func(t *testing.T, p connections) (value any, commit, rollback func() error)
}

// connections is a database as pgx and as database/sql know it.
type connections struct {
	conn *pgx.Conn
	db   *sql.DB
}

var kinds = []kind{
	{"pgx.Tx", func(t *testing.T, d connections) (any, func() error, func() error) {
		tx, err := d.conn.Begin(t.Context())
		must(t, err)
		return tx, func() error { return tx.Commit(t.Context()) }, func() error { return tx.Rollback(t.Context()) }
	}},
	{"pgx.Tx within another", func(t *testing.T, d connections) (any, func() error, func() error) {
		outer, err := d.conn.Begin(t.Context())
		must(t, err)
		tx, err := outer.Begin(t.Context())
		must(t, err)
		commit := func() error { return errors.Join(tx.Commit(t.Context()), outer.Commit(t.Context())) }
		return tx, commit, func() error { return outer.Rollback(t.Context()) }
	}},
	{"*sql.Tx", func(t *testing.T, d connections) (any, func() error, func() error) {
		tx, err := d.db.BeginTx(t.Context(), nil)
		must(t, err)
		return tx, tx.Commit, tx.Rollback
	}},
	{"a pointer to a struct that embeds a *sql.Tx", func(t *testing.T, d connections) (any, func() error, func() error) {
		tx, err := d.db.BeginTx(t.Context(), nil)
		must(t, err)
		return &Embedding{tx, "a"}, tx.Commit, tx.Rollback
	}},
	{"a struct that embeds a serializable *sql.Tx", func(t *testing.T, d connections) (any, func() error, func() error) {
		tx, err := d.db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable})
		must(t, err)
		return Embedding{tx, "a"}, tx.Commit, tx.Rollback
	}},
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTransactionsOfAllKinds(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	defer conn.Close(context.Background())
	db := stdlib.OpenDB(*conn.Config())
	defer db.Close()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { insertCompleteCancel(t, s, k, connections{conn, db}) })
	}
}

// insertCompleteCancel does in one transaction all that can be done in one, and rolls it back,
// and does it again and commits it.
func insertCompleteCancel(t *testing.T, s store.Store, k kind, d connections) {
	process := store.NewID()
	must(t, s.Join(t.Context(), store.Process{ID: process}))
	running, waiting := plain(1)[0], plain(1)[0]
	waiting.Delay = time.Hour
	insert(t, s, running, waiting)
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: 1})
	must(t, err)
	fresh := plain(300) // more than one statement
	fresh[7].Tags = map[string]string{"tenant": "7"}
	fresh[8].RunAt = time.Now().Add(time.Hour)
	fresh[9].Input = []byte("\x00\xff")
	for i := range fresh {
		fresh[i].Queue = "new"
	}
	ended := store.Ended{Fence: claimed[0].Fence, Task: "send", Queue: "mail", Result: []byte("ok")}

	for _, commits := range []bool{false, true} {
		tx, commit, rollback := k.begin(t, d)
		w, err := s.Within(tx)
		must(t, err)
		inserted, err := w.Insert(t.Context(), append(fresh, running, fresh[0]))
		must(t, err)
		for i, in := range inserted {
			if in.Existing != (i >= len(fresh)) {
				t.Fatalf("answer %d is %+v", i, in)
			}
		}
		acted, err := w.Act(t.Context(), store.Act{Verb: store.Cancel, IDs: []store.ID{waiting.ID}})
		must(t, err)
		if acted[0].Effect != store.Done || acted[0].State != store.Scheduled {
			t.Errorf("cancel gave %+v", acted)
		}
		must(t, w.Complete(t.Context(), process, ended))
		if commits {
			must(t, commit())
		} else {
			must(t, rollback())
		}
		wantState(t, s, running.ID, map[bool]store.State{false: store.Running, true: store.Completed}[commits])
		wantState(t, s, waiting.ID, map[bool]store.State{false: store.Scheduled, true: store.Cancelled}[commits])
		found, err := s.Find(t.Context(), store.Filter{Queues: []string{"new"}, States: []store.State{store.Available, store.Scheduled}, Max: 1000})
		must(t, err)
		if want := map[bool]int{false: 0, true: 300}[commits]; len(found) != want {
			t.Errorf("%d new jobs are stored, want %d", len(found), want)
		}
	}
	for i := range fresh {
		_, err := s.Act(t.Context(), store.Act{Verb: store.Cancel, IDs: []store.ID{fresh[i].ID}})
		must(t, err)
	}

	tx, commit, rollback := k.begin(t, d)
	w, err := s.Within(tx)
	must(t, err)
	err = w.Complete(t.Context(), process, ended)
	if !errors.Is(err, store.ErrLeaseLost) || !strings.Contains(err.Error(), "cannot commit") {
		t.Errorf("Complete without a lease = %v, want an ErrLeaseLost", err)
	}
	if err := commit(); err == nil {
		t.Error("a transaction that completed what was not its own was committed")
	}
	_ = rollback() // of an outer one; else it is over
}

func wantState(t *testing.T, s store.Store, id store.ID, want store.State) {
	t.Helper()
	found, err := s.Find(t.Context(), store.Filter{IDs: []store.ID{id}})
	must(t, err)
	if len(found) != 1 || found[0].State != want {
		t.Errorf("job is %+v, want it %s", found, want)
	}
}

func TestNoTransactions(t *testing.T) {
	s := open(t, testpg.URL(t))
	var none *sql.Tx
	for _, tx := range []any{nil, none, 7, "tx", struct{ *sql.Tx }{}, &sql.DB{}, struct{ tx *sql.Tx }{}} {
		if _, err := s.Within(tx); !errors.Is(err, store.ErrTx) {
			t.Errorf("Within(%T) = %v, want an ErrTx", tx, err)
		}
	}
}

func TestTransactionOfAnotherDatabase(t *testing.T) {
	s := open(t, testpg.URL(t))
	migrate(t, s)
	elsewhere := begin(t, testpg.URL(t))
	w, err := s.Within(elsewhere.Value)
	must(t, err)
	if _, err := w.Insert(t.Context(), plain(1)); !errors.Is(err, store.ErrTx) {
		t.Errorf("Insert = %v, want an ErrTx that says what is missing", err)
	}
	must(t, elsewhere.Rollback())
}
