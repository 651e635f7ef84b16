package sqlite

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/offloadhq/offload/store"
)

// As sqlx and bun have them.
type (
	embedsPointer struct {
		*sql.Tx
		name string
	}
	embedsDeep   struct{ embedsPointer }
	hidesOne     struct{ tx *sql.Tx }
	namesOne     struct{ Tx *sql.Tx }
	embedsString struct{ string }
)

func TestValuesThatAreTransactions(t *testing.T) {
	s := openTest(t)
	tx, err := openPool(t, s.path).Begin()
	must(t, err)
	defer func() { must(t, tx.Rollback()) }()
	for _, v := range []any{tx, embedsPointer{Tx: tx}, &embedsPointer{Tx: tx}, embedsDeep{embedsPointer{tx, "a"}}} {
		within, err := s.Within(v)
		if err != nil {
			t.Errorf("%T: %v", v, err)
			continue
		}
		if _, err := within.Insert(t.Context(), someJobs(1)); err != nil {
			t.Errorf("insert within %T: %v", v, err)
		}
	}
	for _, v := range []any{
		nil, (*sql.Tx)(nil),
		embedsPointer{},
		(*embedsPointer)(nil),
		hidesOne{tx},
		namesOne{tx},
		embedsString{"tx"},
		&sql.DB{}, &sql.Conn{}, 7, "tx",
		[]*sql.Tx{tx},
	} {
		if _, err := s.Within(v); !errors.Is(err, store.ErrTx) || !strings.Contains(err.Error(), "*sql.Tx") {
			t.Errorf("%T: %v; want an ErrTx that says what is wanted", v, err)
		}
	}
}

func TestATransactionOfAnotherDatabase(t *testing.T) {
	s := openTest(t)
	other := openTest(t)
	bare := openFile(t, t.TempDir()+"/bare.db")
	for name, path := range map[string]string{"another file of jobs": other.path, "a file without tables": bare.path} {
		tx, err := openPool(t, path).Begin()
		must(t, err)
		within, err := s.Within(tx)
		must(t, err)
		if _, err := within.Insert(t.Context(), someJobs(1)); !errors.Is(err, store.ErrTx) {
			t.Errorf("%s: %v, want an ErrTx", name, err)
		}
		must(t, tx.Rollback())
		if _, err := within.Insert(t.Context(), someJobs(1)); !errors.Is(err, store.ErrTx) {
			t.Errorf("a transaction that has ended: %v, want an ErrTx", err)
		}
	}
}

func TestCompleteOfALostLeaseEndsTheTransaction(t *testing.T) {
	s := openTest(t)
	me, err := joinAs(t.Context(), s)
	must(t, err)
	_, err = s.Insert(t.Context(), someJobs(1))
	must(t, err)
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: me, Queue: "mail", Limit: 1})
	must(t, err)
	must(t, s.Release(t.Context(), me, fencesOf(claimed)))
	pool := openPool(t, s.path)
	_, err = pool.Exec("CREATE TABLE letter (id INTEGER)")
	must(t, err)
	tx, err := pool.Begin()
	must(t, err)
	_, err = tx.Exec("INSERT INTO letter VALUES (1)")
	must(t, err)
	within, err := s.Within(tx)
	must(t, err)

	err = within.Complete(t.Context(), me, store.Ended{Fence: claimed[0].Fence})

	if !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("Complete = %v, want an ErrLeaseLost", err)
	}
	if err := tx.Commit(); !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("Commit = %v, want that the transaction has ended", err)
	}
	var letters int
	must(t, pool.QueryRow("SELECT count(*) FROM letter").Scan(&letters))
	if letters != 0 {
		t.Errorf("%d letters are stored, want none", letters)
	}
}
