package logship

import (
	"context"
	"sync"
)

// A queue keeps records in memory, in order.
type queue struct {
	ship *Shipper
	many chan struct{}

	mu     sync.Mutex
	ring   []entry
	first  int
	n      int
	taken  int // of the first, written down and in items
	bytes  int
	items  []Item
	room   chan struct{} // closed when there is some; nil: nobody waits
	signal int           // how many wait when many is told
	ended  bool
}

func newQueue(s *Shipper) *queue {
	return &queue{ship: s, many: make(chan struct{}, 1), ring: make([]entry, min(s.config.records, 256)), signal: min(batchRecords, max(s.config.records/2, 1))}
}

func (q *queue) put(ctx context.Context, e entry) bool {
	q.mu.Lock()
	for q.ended || q.n == q.ship.config.records || q.bytes+e.size > q.ship.config.bytes && q.n > 0 {
		if !q.ship.config.block || q.ended {
			q.mu.Unlock()
			return false
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		q.tell()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
		q.mu.Lock()
	}
	if q.n == len(q.ring) {
		q.grow()
	}
	at := q.first + q.n
	if at >= len(q.ring) {
		at -= len(q.ring)
	}
	q.ring[at] = e
	q.n++
	q.bytes += e.size
	tell := q.n == q.signal
	q.mu.Unlock()
	if tell {
		q.tell()
	}
	return true
}

func (q *queue) tell() {
	select {
	case q.many <- struct{}{}:
	default:
	}
}

// grow doubles the ring, up to as many as may wait. mu is held.
func (q *queue) grow() {
	wide := make([]entry, min(2*len(q.ring), q.ship.config.records))
	n := copy(wide, q.ring[q.first:])
	copy(wide[n:], q.ring[:q.first])
	q.ring, q.first = wide, 0
}

// take writes down the oldest. Only who has the turn calls it.
func (q *queue) take(most, bytes int) ([]Item, error) {
	size := 0
	for i := range q.items {
		size += len(q.items[i].Line)
	}
	for len(q.items) < most && size < bytes {
		q.mu.Lock()
		if q.taken == q.n {
			q.mu.Unlock()
			break
		}
		e := q.ring[(q.first+q.taken)%len(q.ring)]
		q.taken++
		q.mu.Unlock()
		item := q.ship.encode.item(&e)
		q.items = append(q.items, item)
		size += len(item.Line)
	}
	return q.items[:min(len(q.items), most)], nil
}

func (q *queue) done(n int) {
	q.items = append(q.items[:0:0], q.items[n:]...)
	q.mu.Lock()
	defer q.mu.Unlock()
	for range n {
		q.bytes -= q.ring[q.first].size
		q.ring[q.first] = entry{}
		q.first = (q.first + 1) % len(q.ring)
	}
	q.n -= n
	q.taken -= n
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

func (q *queue) left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

func (q *queue) wake() <-chan struct{} { return q.many }

func (q *queue) shut() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

func (q *queue) release() error { return nil }
