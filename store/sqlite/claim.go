package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"slices"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/claim.sql
	claimSQL string
	//go:embed sql/claim_lease.sql
	claimLeaseSQL string
	//go:embed sql/claim_due.sql
	claimDueSQL string
	//go:embed sql/claim_parked.sql
	claimParkedSQL string
	//go:embed sql/claim_blocked.sql
	claimBlockedSQL string
)

var allPriorities = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}

// Claim is that of store.Worker.
func (s *Store) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	priorities := req.Priorities
	if priorities == nil {
		priorities = allPriorities
	}
	return s.claim(ctx, fmt.Sprintf("claim from queue %q", req.Queue), req.Process, func(t *txn, process int64) (all []store.Claimed, err error) {
		for _, p := range priorities {
			if len(all) >= req.Limit {
				break
			}
			if all, err = t.claim(process, req.Queue, p, req.Limit-len(all), all); err != nil {
				return nil, err
			}
		}
		return all, nil
	})
}

// claim runs take for a process that is alive. Its commit need not be synced by itself: when
// the power goes, the process that holds the leases goes with it, and what it might have
// finished would have been synced after them.
func (s *Store) claim(ctx context.Context, doing string, process store.ID, take func(*txn, int64) ([]store.Claimed, error)) (claimed []store.Claimed, err error) {
	err = s.writeLax(ctx, doing, func(t *txn) error {
		number, alive, err := t.process(process)
		if err != nil {
			return err
		}
		if !alive {
			return fmt.Errorf("process %s was declared lost or is unknown: %w", process, store.ErrLeaseLost)
		}
		claimed, err = take(t, number)
		t.claimed = doubt{number, fencesOf(claimed)}
		return err
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// claim leases due jobs of one queue and priority.
func (t *txn) claim(process int64, queue string, priority, limit int, all []store.Claimed) ([]store.Claimed, error) {
	before := len(all)
	err := each(t, func(rows *sql.Rows) error {
		c := store.Claimed{Queue: queue, Priority: priority, ClaimedAt: t.time()}
		all = append(all, c)
		return scanClaimed(rows, &all[len(all)-1])
	}, claimSQL, queue, priority, t.now, limit, t.forgotten())
	if err != nil || len(all) == before {
		return all, err
	}
	last := &all[len(all)-1]
	// The id is copied: a driver may keep the slice while the statement runs.
	lane := []any{queue, priority, last.RunAt.UnixMicro(), slices.Clone(last.ID[:])}
	n, err := t.exec(claimLeaseSQL, append(lane, process, t.now)...)
	if err != nil {
		return all, err
	}
	gone, err := t.exec(claimDueSQL, lane...)
	if err == nil && (n != gone || n != int64(len(all)-before)) {
		err = fmt.Errorf("%d jobs read, %d leased, %d taken from due: offload_job and offload_due do not fit together, run `offload doctor`", len(all)-before, n, gone)
	}
	return all, err
}

// forgotten is the time before which crashes do not count any more.
func (t *txn) forgotten() int64 { return t.now - store.CrashMemory.Microseconds() }

// scanClaimed reads a row of claim.sql.
func scanClaimed(rows *sql.Rows, c *store.Claimed, before ...any) error {
	var crashes sql.NullInt64
	var large sql.NullBool
	err := rows.Scan(append(before, timeInto{&c.RunAt}, idInto{&c.ID}, &c.Attempt, &c.Failures, &crashes,
		&c.Task, timeInto{&c.CreatedAt}, &c.MaxAttempts,
		spanInto{&c.Timeout}, spanInto{&c.GiveUpAfter}, spanInto{&c.Retain}, tagsInto{&c.Tags},
		&large, &c.Input)...)
	c.Crashes, c.Large = int(crashes.Int64), large.Bool
	return err
}

// ClaimParked is that of store.Worker.
func (s *Store) ClaimParked(ctx context.Context, req store.ParkedRequest) ([]store.Claimed, error) {
	return s.claim(ctx, fmt.Sprintf("claim parked from queue %q", req.Queue), req.Process, func(t *txn, process int64) ([]store.Claimed, error) {
		ready, err := t.parked(req)
		if err != nil {
			return nil, err
		}
		for _, c := range ready {
			if _, err := t.exec(claimBlockedSQL, c.ID[:], process, t.now); err != nil {
				return nil, err
			}
			if _, err := t.exec("DELETE FROM offload_blocked WHERE id = ?1", c.ID[:]); err != nil {
				return nil, err
			}
		}
		return ready, nil
	})
}

// parked reads the blocked jobs that a request is given.
func (t *txn) parked(req store.ParkedRequest) (ready []store.Claimed, err error) {
	waits, tasks, limit := waitsTask, req.Tasks, max(req.Limit, 0)
	if req.Suspect {
		waits, tasks, limit = waitsAlone, []string{""}, min(limit, 1)
	}
	if len(tasks) > 1 { // a process may know many tasks; few have jobs here
		here, err := t.parkedTasks(req.Queue)
		if err != nil {
			return nil, err
		}
		tasks = slices.DeleteFunc(slices.Clone(tasks), func(task string) bool { return !slices.Contains(here, task) })
	}
	for _, task := range tasks {
		err := each(t, func(rows *sql.Rows) error {
			ready = append(ready, store.Claimed{Queue: req.Queue, ClaimedAt: t.time()})
			c := &ready[len(ready)-1]
			return scanClaimed(rows, c, &c.Priority)
		}, claimParkedSQL, req.Queue, waits, task, t.now, limit, t.forgotten())
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(ready, func(a, b store.Claimed) int {
		return cmp.Or(a.Priority-b.Priority, a.RunAt.Compare(b.RunAt), a.ID.Compare(b.ID))
	})
	return ready[:min(limit, len(ready))], nil
}

// Inputs is that of store.Worker.
func (s *Store) Inputs(ctx context.Context, ids []store.ID) (map[store.ID][]byte, error) {
	inputs := map[store.ID][]byte{}
	err := s.reader.view(ctx, func(t *txn) error {
		for _, id := range ids {
			var input []byte
			found, err := one(t, []any{&input}, "SELECT input FROM offload_job WHERE id = ?1 AND task <> ''", id[:])
			if err != nil {
				return err
			}
			if found {
				inputs[id] = input
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.explain(ctx, "read inputs", err)
	}
	return inputs, nil
}

func fencesOf(claimed []store.Claimed) []store.Fence {
	fences := make([]store.Fence, len(claimed))
	for i := range claimed {
		fences[i] = claimed[i].Fence
	}
	return fences
}
