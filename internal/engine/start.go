package engine

import (
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// A reserved is a slot that is kept for a new job on its way into the store as a lease.
//
// A process at rest knows that nothing waits for it: a job that is enqueued there need not go
// through due, a wake and a claim. That is one transaction instead of two before the handler
// begins, and less to write.
type reserved struct {
	s       *shift
	slots   int
	attempt *attempt
}

// reserve keeps a slot for a new job, or returns nil if it shall be claimed like others: one
// with terms must be let through first, and one of a task with Many waits for more.
func (s *shift) reserve(n *store.NewJob) *reserved {
	task := s.Tasks[n.Task]
	if task == nil || task.Many != nil || n.Terms != nil || n.Delay > 0 || !n.RunAt.IsZero() ||
		n.Queue == store.SystemQueue || s.finisher.full() {
		return nil
	}
	r := &reserved{s: s, slots: s.slotsOf(n.Queue), attempt: &attempt{}}
	r.attempt.job.Fence = store.Fence{ID: n.ID, Attempt: 1}
	r.attempt.job.Queue = n.Queue
	if !s.hand.reserve(r.attempt, r.slots) {
		return nil
	}
	return r
}

// insert stores the job and starts it, unless the store has kept it from starting.
func (r *reserved) insert(ctx context.Context, n store.NewJob) (store.Inserted, error) {
	inserted, claimed, err := r.s.Store.Start(ctx, r.attempt.process, n)
	switch {
	case err != nil:
		r.s.hand.cede(r.attempt)
		r.s.mail.tell(answerLost) // it may have been committed all the same, now or later
	case claimed == nil:
		r.s.hand.cede(r.attempt)
		r.s.mail.tell(keptBack) // a claim would start it all the same: pauses are for who looks
	default:
		r.begin(claimed)
	}
	return inserted, err
}

// begin starts the job in the slot that was kept. If the process stops meanwhile, it gives
// the lease back; if it was declared lost, others have it.
func (r *reserved) begin(job *store.Claimed) {
	r.s.prepare(r.attempt, r.attempt.process, job, time.Now())
	if !r.s.hand.begin(r.attempt, r.slots) {
		r.s.finisher.giveBack([]*attempt{r.attempt}, endRelease)
	}
}
