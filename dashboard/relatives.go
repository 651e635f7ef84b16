package dashboard

import (
	"context"
	"fmt"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// A relative is a job or a batch that another waits for, or that waits for it.
type relative struct {
	ID    offload.ID
	Name  string
	Batch bool
	State offload.State // "" is not known: it was deleted
}

const (
	relativesShown = 12
	relativesFlow  = 200 // jobs: in larger workflows nobody is looked for
)

// relatives are what a job is after, and what is after it, or after its batch.
func (d *dashboard) relatives(r *request, job *offload.Job) (before, after []relative, err error) {
	if job.Flow.IsZero() {
		return nil, nil, nil
	}
	flow, err := shared(r, "flow "+job.Flow.String(), stripAge, func(ctx context.Context) (*operate.Flow, error) {
		jobs, err := d.app.Jobs(ctx, offload.Filter{Flow: job.Flow, Max: relativesFlow})
		if err != nil || len(jobs) == relativesFlow {
			return nil, err
		}
		return r.op.Flow(ctx, job.Flow)
	})
	if err != nil || flow == nil {
		return nil, nil, err
	}
	named := map[offload.ID]relative{}
	for _, j := range flow.Jobs {
		named[j.ID] = relative{ID: j.ID, Name: j.Task, State: j.State}
	}
	for i := range flow.Batches {
		b := &flow.Batches[i]
		named[b.ID] = relative{ID: b.ID, Name: fmt.Sprintf("batch of %d", b.Members), Batch: true, State: b.State}
	}
	of := func(id offload.ID) relative {
		if found, ok := named[id]; ok {
			return found
		}
		return relative{ID: id, Name: "deleted"}
	}
	for _, e := range flow.Edges {
		switch {
		case e.Job == job.ID && len(before) < relativesShown:
			before = append(before, of(e.Upstream))
		case (e.Upstream == job.ID || !job.Batch.IsZero() && e.Upstream == job.Batch) && len(after) < relativesShown:
			after = append(after, of(e.Job))
		}
	}
	return before, after, nil
}
