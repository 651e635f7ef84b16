package memory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func TestAdvanceMovesAClockThatStandsStill(t *testing.T) {
	s := memory.New(memory.At(start))
	s.Advance(time.Hour)

	now, err := s.Now(t.Context())

	if err != nil || !now.Equal(start.Add(time.Hour)) {
		t.Errorf("Now = %v, %v; want an hour after %v", now, err, start)
	}
}

func TestListenInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		p := store.Process{ID: store.NewID()}
		must(t, s.Join(t.Context(), p))
		must(t, s.Sleep(t.Context(), p.ID, true))
		ctx, stop := context.WithCancel(t.Context())
		var heard []store.Wake
		ended := make(chan error)
		go func() { ended <- s.Listen(ctx, p.ID, func(w store.Wake) { heard = append(heard, w) }) }()
		synctest.Wait()

		_, err := s.Insert(t.Context(), []store.NewJob{{ID: store.NewID(), Queue: "mail", Priority: 5}})
		must(t, err)
		synctest.Wait()

		if len(heard) != 1 || heard[0] != (store.Wake{Queue: "mail", Priority: 5}) {
			t.Errorf("heard %v, want one wake for mail", heard)
		}
		stop()
		must(t, <-ended)
	})
}

func TestCloseEndsListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		ended := make(chan error)
		go func() { ended <- s.Listen(t.Context(), store.NewID(), func(store.Wake) {}) }()
		synctest.Wait()

		must(t, s.Close())

		if err := <-ended; err == nil {
			t.Error("Listen = nil after Close, want an error")
		}
		if _, err := s.Now(t.Context()); err == nil {
			t.Error("Now = nil after Close, want an error")
		}
	})
}

func TestOpenByAddress(t *testing.T) {
	s, err := store.Open(t.Context(), "memory:")
	must(t, err)
	must(t, s.Ready(t.Context()))
	must(t, s.Close())
}

func TestCommitFindsTheLeaseGone(t *testing.T) {
	s := memory.New()
	p := store.Process{ID: store.NewID()}
	must(t, s.Join(t.Context(), p))
	_, err := s.Insert(t.Context(), []store.NewJob{{ID: store.NewID(), Queue: "mail"}})
	must(t, err)
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: p.ID, Queue: "mail", Limit: 1})
	must(t, err)
	tx := s.Begin()
	w, err := s.Within(tx)
	must(t, err)
	must(t, w.Complete(t.Context(), p.ID, store.Ended{Fence: claimed[0].Fence}))
	_, err = w.Insert(t.Context(), []store.NewJob{{ID: store.NewID(), Queue: "mail"}})
	must(t, err)
	_, err = s.Reap(t.Context(), []store.Beaten{{ID: p.ID, Count: -1}})
	must(t, err)

	if err := tx.Commit(); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("Commit = %v, want an ErrLeaseLost", err)
	}
	counts, err := s.Counts(t.Context())
	must(t, err)
	if counts[store.Available] != 1 || counts[store.Completed] != 0 {
		t.Errorf("jobs are %v, want the one available again", counts)
	}
}

func TestWithinAnotherStoresTx(t *testing.T) {
	if _, err := memory.New().Within(memory.New().Begin()); !errors.Is(err, store.ErrTx) {
		t.Errorf("Within = %v, want an ErrTx", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
