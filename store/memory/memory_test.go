package memory_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
