package offload

import (
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// A plan is what calls make: the jobs to store, in an order in which they can be.
type plan struct {
	news []newJob
	used []usedLimit // limits of the jobs
	of   []int       // for each call which of news is its job; nil if they stand in the calls' order
}

// plan resolves and checks calls. The same call twice is refused. Within a transaction of the
// caller's the store is not asked what the calls are after: that would take another connection.
func (a *App) plan(ctx context.Context, calls []*Call, inTx bool) (*plan, error) {
	for _, c := range calls {
		if c != nil && c.linked {
			return a.planFlow(ctx, calls, !inTx)
		}
	}
	p := &plan{news: make([]newJob, len(calls))}
	for i, c := range calls {
		job, limits, _, err := a.newJob(ctx, c)
		if err != nil {
			return nil, err
		}
		p.news[i], p.used = job, append(p.used, limits...)
	}
	if len(calls) > 1 {
		seen := make(map[ID]bool, len(calls))
		for _, c := range calls {
			if seen[c.id] {
				return nil, errTwice(c)
			}
			seen[c.id] = true
		}
	}
	return p, nil
}

func errTwice(c *Call) error {
	return &InputError{Task: c.task, Field: "calls", Got: "the id " + c.id.String() + " twice", Want: "each call once"}
}

// jobs returns all jobs of an insert, as far as that tells: of one that was there already, and of
// one that is after others which were, no more than its id. Within a transaction of the caller's
// such a job waits until that has committed, at least.
func (p *plan) jobs(inserted []store.Inserted, inTx bool) []*Job {
	now := time.Now()
	jobs := make([]*Job, len(p.news))
	open := p.open(inserted)
	for i, in := range inserted {
		n := &p.news[i]
		job := n.job(now)
		job.Existing, job.Replaced = in.Existing, in.Replaced
		switch state := in.State; {
		case state.Ended():
			job.State, job.FinishedAt = state, now
		case !waits(&n.NewJob) && state == Blocked:
			job.State, job.Waits = Blocked, store.WaitsLimit
		case waits(&n.NewJob) && (state == Blocked || inTx || open[n.ID]):
			job.State, job.Waits = Blocked, store.WaitsAfter
		case waits(&n.NewJob):
			job.State = ""
		}
		if in.ID != job.ID {
			job.ID, job.State, job.Waits = in.ID, "", ""
		}
		jobs[i] = job
	}
	return jobs
}

// waits reports whether a job may have to wait for others.
func waits(n *store.NewJob) bool { return len(n.After) > 0 || n.Task == store.BatchTask }

// open returns the jobs and batches that wait, since there is a new job that they wait for.
func (p *plan) open(inserted []store.Inserted) map[ID]bool {
	if p.of == nil {
		return nil
	}
	fresh, open, outer := map[ID]bool{}, map[ID]bool{}, map[ID]ID{}
	for i := range p.news {
		n := &p.news[i]
		if n.Task == store.BatchTask {
			outer[n.ID] = n.Terms.Batch
			continue
		}
		if inserted[i].Existing || inserted[i].State.Ended() {
			continue
		}
		fresh[n.ID] = true
		for _, e := range n.After {
			open[n.ID] = open[n.ID] || fresh[e.Upstream] || open[e.Upstream] // what is new has not ended
		}
		if n.Terms == nil {
			continue
		}
		for batch := n.Terms.Batch; !batch.IsZero(); batch = outer[batch] {
			open[batch] = true
		}
	}
	return open
}

// newOf is the job of a call.
func (p *plan) newOf(call int) *newJob {
	if p.of != nil {
		call = p.of[call]
	}
	return &p.news[call]
}

// answers picks the jobs of the calls, in their order.
func (p *plan) answers(jobs []*Job) []*Job {
	if p.of == nil {
		return jobs
	}
	answers := make([]*Job, len(p.of))
	for i, at := range p.of {
		answers[i] = jobs[at]
	}
	return answers
}
