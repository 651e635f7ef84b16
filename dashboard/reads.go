package dashboard

import (
	"context"
	"errors"
	"sync"
	"time"
)

// reads keeps what was read a moment ago for the pages that ask for the same now.
type reads struct {
	mu   sync.Mutex
	now  map[string]*read
	kept map[string]int // how many look at a page that stays true
}

type read struct {
	done  chan struct{} // closed when it has been read
	at    time.Time
	value any
	err   error
}

func newReads() *reads { return &reads{now: map[string]*read{}, kept: map[string]int{}} }

// shared returns what f reads, or what another page has read by the same name at most so long ago. What is read must be
// the same for everybody, and is not changed.
func shared[T any](r *request, name string, age time.Duration, f func(context.Context) (T, error)) (T, error) {
	for {
		k, mine := r.reads.take(name, age)
		if mine {
			k.value, k.err = f(r.Context())
			r.reads.put(name, k)
		}
		select {
		case <-k.done:
		case <-r.Context().Done():
			var none T
			return none, r.Context().Err()
		}
		// The one that read may have been called away: then somebody else reads.
		if !mine && (errors.Is(k.err, context.Canceled) || errors.Is(k.err, context.DeadlineExceeded)) && r.Context().Err() == nil {
			continue
		}
		value, _ := k.value.(T)
		return value, k.err
	}
}

// take returns a read that is young enough, or under way, or a new one to be done by the caller.
func (s *reads) take(name string, age time.Duration) (k *read, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.now[name]; k != nil && (k.at.IsZero() || time.Since(k.at) < age) {
		return k, false
	}
	if len(s.now) > 1000 {
		for name, k := range s.now {
			if !k.at.IsZero() {
				delete(s.now, name)
			}
		}
	}
	k = &read{done: make(chan struct{})}
	s.now[name] = k
	return k, true
}

// forget has everything read anew.
func (s *reads) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.now)
}

func (s *reads) put(name string, k *read) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.at = time.Now()
	if k.err != nil && s.now[name] == k {
		delete(s.now, name)
	}
	close(k.done)
}

// keep says that what is read by some names belongs to one who looks, until drop.
func (s *reads) keep(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.kept[name]++
	}
}

// drop forgets what nobody looks at any more: pieces of pages are large.
func (s *reads) drop(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if s.kept[name]--; s.kept[name] <= 0 {
			delete(s.kept, name)
			delete(s.now, name)
		}
	}
}
