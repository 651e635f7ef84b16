package memory

import (
	"context"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// An ear is one call of Listen.
type ear struct {
	process store.ID
	heard   []store.Wake  // and not told yet; guarded by Store.mu
	ring    chan struct{} // holds one token while there is something to tell
}

// hear says that there is something to tell.
func (e *ear) hear(wakes ...store.Wake) {
	for _, w := range wakes {
		if !slices.Contains(e.heard, w) {
			e.heard = append(e.heard, w)
		}
	}
	select {
	case e.ring <- struct{}{}:
	default:
	}
}

// Sleep is that of store.Member.
func (s *Store) Sleep(ctx context.Context, process store.ID, asleep bool) error {
	return s.do(ctx, func(time.Time) error {
		if p := s.processes[process]; p != nil {
			p.asleep = asleep
		}
		return nil
	})
}

// anything is the wake that says no more than that there is something to see.
var anything = store.Wake{Priority: -1}

// wake wakes processes that sleep.
func (s *Store) wake(w store.Wake) {
	for e := range s.ears {
		if p := s.processes[e.process]; p != nil && p.asleep {
			e.hear(w)
		}
	}
}

// Listen is that of store.Member.
func (s *Store) Listen(ctx context.Context, process store.ID, wake func(store.Wake)) error {
	e := &ear{process: process, ring: make(chan struct{}, 1)}
	if err := s.open(e); err != nil {
		return err
	}
	defer s.shut(e)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.ring:
		}
		heard, err := s.heard(e)
		if err != nil {
			return err
		}
		for _, w := range heard {
			wake(w)
		}
	}
}

func (s *Store) open(e *ear) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.ears[e] = true
	return nil
}

func (s *Store) shut(e *ear) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ears, e)
}

func (s *Store) heard(e *ear) ([]store.Wake, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	heard := e.heard
	e.heard = nil
	return heard, nil
}
