package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

// How Prune works through what there is.
const (
	pruneMost  = 1000                  // jobs in a call
	pruneIdle  = 10                    // calls in a row that find nothing: one looks at a part of a long history
	prunePause = 20 * time.Millisecond // between calls, so that others get their turn
)

// Prune removes now what has had its time to be kept: ended jobs, figures, the record of acts. Processes that work
// jobs do that each half minute. It returns how many jobs it removed, also with an error.
func (o *Operator) Prune(ctx context.Context) (removed int, err error) {
	s, err := o.store()
	if err != nil {
		return 0, err
	}
	for idle := 0; idle < pruneIdle; {
		n, err := s.Prune(ctx, pruneMost)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("offload: prune: %w", err)
		}
		if idle++; n > 0 {
			idle = 0
			select {
			case <-time.After(prunePause):
			case <-ctx.Done():
				return removed, fmt.Errorf("offload: prune: %w", ctx.Err())
			}
		}
	}
	if removed == 0 {
		return 0, nil
	}
	return removed, o.record(ctx, s, store.Record{What: "prune", Jobs: removed})
}
