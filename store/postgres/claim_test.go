package postgres_test

import (
	"testing"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// A transaction that was the newest one when claims passed it by has a number that the snapshot
// of those claims knows nothing of.
func TestClaimFindsWhatTheNewestTransactionCommitsLate(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	process := store.NewID()
	must(t, s.Join(t.Context(), store.Process{ID: process}))
	claim := func() []store.Claimed {
		t.Helper()
		claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: 10})
		must(t, err)
		return claimed
	}
	for range 20 {
		claim()
		tx := begin(t, address)
		w, err := s.Within(tx.Value)
		must(t, err)
		_, err = w.Insert(t.Context(), plain(1))
		must(t, err)
		if claimed := claim(); len(claimed) > 0 {
			t.Fatal("a job was claimed before its transaction committed")
		}
		must(t, tx.Commit())
		if claimed := claim(); len(claimed) != 1 {
			t.Fatalf("%d jobs were claimed after the commit, want one at once", len(claimed))
		}
	}
}
