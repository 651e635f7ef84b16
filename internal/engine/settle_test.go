package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

// leave has the store know of so much that a process has left behind when it died: what waits for
// it is due when somebody settles it.
func (m *misbehaving) leave(n int) {
	m.set(func() {
		m.marks = n
		m.settle = func() error {
			_, err := m.Store.Insert(context.Background(), []store.NewJob{newJob()})
			return err
		}
	})
}

// What nobody has settled is settled within a look, all of it, and what it lets go starts at once.
func TestFlowsAreSettled(t *testing.T) {
	began := time.Time{}
	var mu sync.Mutex
	var at []time.Duration
	inBubble(t, map[string]handler{"t": func(context.Context, *store.Claimed) error {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Since(began))
		return nil
	}}, func(r *rig) {
		after(time.Minute)
		if n := r.store.count("Settle"); n != 0 {
			t.Errorf("%d calls while there is nothing to settle", n)
		}
		began = time.Now()
		r.store.leave(2500)
		after(2 * time.Second)
		if len(at) != 2500 || at[0] > 1100*time.Millisecond {
			t.Errorf("%d of 2500 jobs have run, the first after %v", len(at), at[:min(len(at), 1)])
		}
		calls := r.store.count("Settle")
		after(time.Minute)
		if n := r.store.count("Settle"); calls < 3 || calls > 4 || n != calls {
			t.Errorf("%d calls for three pages, and %d later", calls, n-calls)
		}
	})
}

// A store that can't settle is asked again, less and less often, and holds up no other chore.
func TestSettleIsTriedAgain(t *testing.T) {
	inBubble(t, map[string]handler{"t": nothing}, func(r *rig) {
		r.store.leave(1)
		fails := true
		r.store.set(func() {
			settle := r.store.settle
			r.store.settle = func() error {
				if fails {
					return errors.New("a bad mark")
				}
				return settle()
			}
		})
		after(time.Minute)
		if n := r.store.count("Settle"); n < 2 || n > 70 {
			t.Errorf("it was called %d times within a minute", n)
		}
		r.schedule("a", 0)
		after(5 * time.Second)
		if n := r.store.count("Tick"); n == 0 {
			t.Error("no tick was taken meanwhile")
		}
		r.store.set(func() { fails = false })
		after(5 * time.Second)
		r.store.mu.Lock()
		defer r.store.mu.Unlock()
		if r.store.marks != 0 {
			t.Error("it was never settled")
		}
	}, every(time.Hour))
}

// Ten processes see the same, and leave it to one.
func TestTenProcessesSettleOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := misbehave()
		for range 10 {
			r := newRig(t, s, map[string]handler{"t": nothing})
			r.start()
			defer r.stop()
			time.Sleep(70 * time.Millisecond)
		}
		for range 60 {
			s.leave(1)
			after(5 * time.Second)
		}
		if n := s.count("Settle"); n < 60 || n > 240 {
			t.Errorf("%d calls to settle 60 times", n)
		}
	})
}
