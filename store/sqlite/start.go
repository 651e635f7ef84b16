package sqlite

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/offloadhq/offload/store"
)

//go:embed sql/start.sql
var startSQL string

// Start is that of store.Worker.
func (s *Store) Start(ctx context.Context, process store.ID, n store.NewJob) (inserted store.Inserted, claimed *store.Claimed, err error) {
	err = s.write(ctx, "start a job", func(t *txn) (err error) {
		away, err := s.away(t)
		if err != nil {
			return err
		}
		inserted, claimed, err = t.start(process, n, !away)
		return err
	})
	if err != nil {
		return store.Inserted{}, nil, err
	}
	return inserted, claimed, nil
}

func (t *txn) start(process store.ID, n store.NewJob, may bool) (inserted store.Inserted, claimed *store.Claimed, err error) {
	inserted.ID = n.ID
	if !plain(&n) || !may { // it may have to wait
		all, err := t.insert([]store.NewJob{n})
		if err == nil {
			inserted = all[0]
		}
		return inserted, nil, err
	}
	number, _, err := t.process(process)
	if err != nil {
		return inserted, nil, err
	}
	args, err := t.jobArgs(nil, &n)
	if err != nil {
		return inserted, nil, err
	}
	stored, err := t.exec(insertJobs[1], args...)
	if inserted.Existing = err == nil && stored == 0; err != nil || inserted.Existing {
		return inserted, nil, err
	}
	leased, err := t.exec(startSQL, n.ID[:], number, t.now, systemBit(n.Queue), n.Queue, n.Task)
	if err != nil {
		return inserted, nil, fmt.Errorf("lease the job: %w", err)
	}
	if leased == 0 {
		return inserted, nil, t.insertDue([]store.NewJob{n})
	}
	claimed = n.Started(t.time())
	t.claimed = doubt{number, []store.Fence{claimed.Fence}}
	return inserted, claimed, nil
}
