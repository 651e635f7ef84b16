package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// Search is App.Search: jobs that f selects, as many as are found within a time.
func (o *Operator) Search(ctx context.Context, f offload.Filter, budget time.Duration) (offload.Found, error) {
	if _, err := o.store(); err != nil {
		return offload.Found{}, err
	}
	return o.app.Search(ctx, f, budget)
}

// Counts are how many jobs a filter selects. A count that has stopped is at 1,001, which means more than
// 1,000, or is in More: of such a state there may be more than were counted.
type Counts struct {
	States map[offload.State]int  `json:"states"` // whatever states the filter asks for
	Queues map[string]int         `json:"queues"` // of those it asks for that were counted
	Tasks  map[string]int         `json:"tasks"`
	Tags   map[string]int         `json:"tags"` // by "name=value"
	More   map[offload.State]bool `json:"more"`
}

// Counts counts the jobs that f selects, by state, queue, task and tag. It looks at some thousand jobs of each state
// at most, of those that have ended at the newest, and so is fast however long the history is.
// Ids and inputs can't be counted: read them with Search.
func (o *Operator) Counts(ctx context.Context, f offload.Filter) (*Counts, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	if len(f.IDs) > 0 || len(f.Input) > 0 {
		return nil, &offload.InputError{Field: "Filter", Got: "ids or inputs", Want: "none: read such jobs with Search"}
	}
	if err := inside.CheckFilter(store.Filter(f)); err != nil {
		return nil, err
	}
	c, err := s.CountUpTo(ctx, store.Filter(f), countsStop)
	if err != nil {
		return nil, fmt.Errorf("offload: count jobs: %w", err)
	}
	return &Counts{States: c.States, Queues: c.Queues, Tasks: c.Tasks, Tags: c.Tags, More: c.More}, nil
}
