package memory

import (
	"bytes"
	"context"
	"maps"
	"time"

	"github.com/offloadhq/offload/store"
)

// Start is that of store.Worker.
func (s *Store) Start(ctx context.Context, process store.ID, n store.NewJob) (inserted store.Inserted, claimed *store.Claimed, err error) {
	err = s.do(ctx, func(now time.Time) error {
		p := s.processes[process]
		if s.move != nil || s.jobs[n.ID] != nil || p == nil || p.Quiet || p.Stop || s.pausedQueues[n.Queue] || s.pausedTasks[n.Task] {
			all, err := s.insertAll([]store.NewJob{n}, now)
			inserted = all[0]
			return err
		}
		inserted.ID = n.ID
		c := s.lend(s.add(n, now, now), process, now)
		c.Input, c.Large, c.Tags = bytes.Clone(n.Input), false, maps.Clone(n.Tags)
		claimed = &c
		return nil
	})
	return inserted, claimed, err
}
