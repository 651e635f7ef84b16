package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// A teller tells processes that sleep of jobs that were inserted, beside those who insert:
// they need not wait for it. What comes while it is at work it tells together, so under load
// one look at who sleeps serves many inserts. What is lost the next look of each process finds.
type teller struct {
	mu      sync.Mutex // held for moments
	wakes   []store.Wake
	working bool
	closed  bool
	work    sync.WaitGroup // the goroutine that tells, while there is something to tell
}

// lastWords is how long Close waits for what is still to be told.
const lastWords = time.Second

// tell has the processes of a store told of jobs whose insert has been committed.
func (t *teller) tell(s *Store, wakes []store.Wake) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	for _, w := range wakes {
		if !slices.Contains(t.wakes, w) {
			t.wakes = append(t.wakes, w)
		}
	}
	if !t.working && len(t.wakes) > 0 {
		t.working = true
		t.work.Go(func() { t.run(s) })
	}
}

// run tells until there is nothing left.
func (t *teller) run(s *Store) {
	for wakes := t.take(); wakes != nil; wakes = t.take() {
		_ = s.onPool(context.Background(), "wake", func(ctx context.Context, conn *pgx.Conn) error {
			return s.run(ctx, conn, s.notify(wakes))
		})
	}
}

func (t *teller) take() []store.Wake {
	t.mu.Lock()
	defer t.mu.Unlock()
	wakes := t.wakes
	t.wakes, t.working = nil, wakes != nil
	return wakes
}

// close waits a moment for what is still to be told. What hangs ends with the store's life.
func (t *teller) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	told := make(chan struct{})
	go func() { // ends with the store's life at the latest, which Close ends next
		t.work.Wait()
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(lastWords):
	}
}
