package engine

import (
	"context"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

// sweepEvery is how often some process looks for leases without a live process.
const sweepEvery = 10 * time.Second

// A reaper gives the jobs of lost processes back. It has a goroutine of its own: reaping may
// take longer than a beat, and must not wait for other duties.
type reaper struct {
	s    *shift
	ring chan struct{} // holds a token while there is something to do

	mu   sync.Mutex // held for moments
	lost map[store.ID]int64
}

func newReaper(s *shift) *reaper {
	return &reaper{s: s, ring: make(chan struct{}, 1), lost: map[store.ID]int64{}}
}

// reap has processes reaped. It never blocks.
func (r *reaper) reap(lost []store.Beaten) {
	r.mu.Lock()
	for _, b := range lost {
		r.lost[b.ID] = b.Count
	}
	r.mu.Unlock()
	ring(r.ring)
}

// dead has processes reaped that are known to have ended.
func (r *reaper) dead(ids []store.ID) {
	lost := make([]store.Beaten, len(ids))
	for i, id := range ids {
		lost[i] = store.Beaten{ID: id, Count: -1}
	}
	r.reap(lost)
}

func (r *reaper) take() (lost []store.Beaten) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, count := range r.lost {
		lost = append(lost, store.Beaten{ID: id, Count: count})
	}
	clear(r.lost)
	return lost
}

// run reaps until ctx ends.
func (r *reaper) run(ctx context.Context) {
	timer := time.NewTimer(jitter(sweepEvery))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.ring:
			if lost := r.take(); len(lost) > 0 {
				r.call(ctx, lost)
			}
		case <-timer.C:
			if r.s.takeDuty(ctx, "sweep", sweepEvery) {
				r.call(ctx, nil)
			}
			timer.Reset(jitter(sweepEvery))
		}
	}
}

// call reaps, or sweeps if lost is nil. What fails is not tried again here: who is lost is
// seen again at the next beat, and a sweep follows.
func (r *reaper) call(ctx context.Context, lost []store.Beaten) {
	var reaped store.Reaped
	err := r.s.within(ctx, func(ctx context.Context) (err error) {
		reaped, err = r.s.Store.Reap(ctx, lost)
		return err
	})
	if ctx.Err() != nil {
		return
	}
	r.s.trouble.settle("reap lost processes", err)
	if reaped != (store.Reaped{}) {
		r.s.Log.Warn("offload: processes were lost; their jobs are given back", "processes", reaped.Processes,
			"released", reaped.Released, "suspects", reaped.Suspects, "discarded", reaped.Discarded, "cancelled", reaped.Cancelled)
		r.s.mail.post(store.Wake{Priority: -1}, 0) // they have waited long enough
	}
}
