package offload_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store/memory"
)

// A transaction is one of the program's own.
type transaction interface {
	Commit() error
	Rollback() error
}

// onOwnTransactions runs a test with an app of parts on a store of each kind, and transactions
// of the program's own on its database.
func onOwnTransactions(t *testing.T, parts func() []offload.Part, test func(t *testing.T, app *offload.App, begin func() transaction)) {
	t.Parallel()
	inSQL := func(driver, source, address string) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			app := open(t, address, parts()...)
			db, err := sql.Open(driver, source)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			test(t, app, func() transaction { return begin(t, db) })
		}
	}
	file := filepath.Join(t.TempDir(), "offload.db")
	t.Run("sqlite", inSQL("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_txlock=immediate", file))
	t.Run("postgres", func(t *testing.T) {
		address := testpg.URL(t)
		inSQL("pgx", address, address)(t)
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		s := memory.New()
		app, err := offload.New(t.Context(), s, append(parts(), quiet)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { app.Close() })
		test(t, app, func() transaction { return s.Begin() })
	})
}

// What is enqueued in a transaction is a flow when that commits.
func TestAFlowInATransaction(t *testing.T) {
	c := newCourse()
	onOwnTransactions(t, func() []offload.Part { return []offload.Part{c.step} }, func(t *testing.T, app *offload.App, begin func() transaction) {
		begun(t, app)
		upstream := enqueue(t, app, c.step.Task, "stored")
		batch := offload.Batch(c.step.Call("a"), c.step.Call("b"))
		chain := offload.Chain(c.step.Call("first", offload.After(upstream)), batch, c.step.Call("last"))
		tx := begin()
		if job := enqueueAll(t, app.Tx(tx), chain)[0]; job.State != offload.Blocked {
			t.Errorf("within the transaction the last job is %s", job.State)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, app, chain.ID(), offload.Completed)

		dropped := offload.Chain(c.step.Call("x"), c.step.Call("y"))
		tx = begin()
		enqueueAll(t, app.Tx(tx), dropped)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Job(t.Context(), dropped.ID()); !errors.Is(err, offload.ErrNotFound) {
			t.Errorf("a job of a transaction that was rolled back: %v", err)
		}
		tx = begin()
		_, err := app.Tx(tx).Enqueue(t.Context(), c.step.Call("x", offload.After(dropped)))
		if !errors.Is(err, offload.ErrUpstream) {
			t.Errorf("after a job that is not stored, in a transaction: %v", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	})
}
