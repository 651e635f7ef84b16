package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"errors"
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

// allLanes are the lanes of a queue in the order in which they are claimed.
var allLanes = func() (lanes []int) {
	for p := range store.FairLane {
		lanes = append(lanes, p, store.FairLane+p)
	}
	return lanes
}()

// Claim is that of store.Worker.
func (s *Store) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	lanes := req.Priorities
	if lanes == nil {
		lanes = allLanes
	}
	return s.claim(ctx, fmt.Sprintf("claim from queue %q", req.Queue), req.Process, func(t *txn, process int64) (all []store.Claimed, err error) {
		c := claim{t: t, process: process, queue: req.Queue, decide: decideAtATime}
		for _, c.lane = range lanes {
			if len(c.all) >= req.Limit {
				break
			}
			if err := c.run(req.Limit); err != nil {
				return nil, err
			}
		}
		return c.all, nil
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
		if away, err := s.away(t); err != nil || away {
			return err
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

// decideAtATime is how many jobs a claim comes upon and decides, at most.
const decideAtATime = 1000

// A claim leases due jobs of one queue.
type claim struct {
	t       *txn
	process int64
	queue   string
	lane    int
	decide  int // so many jobs more may be decided
	all     []store.Claimed
	keyed   []keyed // of all, those not leased yet that have terms
}

// A keyed is a job with terms that is about to be claimed.
type keyed struct {
	at   int // in the list of those that are
	uses int
}

// errUndecided ends the reading of a claim at a job that is to be decided first.
var errUndecided = errors.New("a job is not decided yet")

// run leases the due jobs of one lane until there are limit in all.
func (c *claim) run(limit int) error {
	for len(c.all) < limit {
		before := len(c.all)
		undecided, err := c.read(limit - before)
		if err != nil {
			return err
		}
		barred, err := c.start(before)
		if err != nil {
			return err
		}
		if len(c.all) > before {
			if err := c.lease(before); err != nil {
				return err
			}
		}
		if c.decide -= barred; barred == 0 && !undecided {
			return nil
		}
		if c.decide <= 0 {
			c.t.wake(c.queue, c.lane) // there is more
			return nil
		}
		if undecided {
			n, err := c.t.decideDue(c.queue, c.lane, min(max(limit-before, 100), decideAtATime))
			if err != nil {
				return err
			}
			c.decide -= n
		}
	}
	return nil
}

// read reads the jobs that come next, up to one that is not decided.
func (c *claim) read(limit int) (undecided bool, err error) {
	t, priority := c.t, c.lane%store.FairLane
	c.keyed = c.keyed[:0]
	r := rare{read: t.termsRead}
	err = each(t, func(rows *sql.Rows) error {
		c.all = append(c.all, store.Claimed{Queue: c.queue, Priority: priority, ClaimedAt: t.time()})
		job := &c.all[len(c.all)-1]
		err := scanClaimed(rows, job, &r)
		if err != nil || r.uses&usesTerms == 0 {
			return err
		}
		if r.uses&usesUndecided != 0 {
			c.all = c.all[:len(c.all)-1]
			return errUndecided
		}
		c.keyed = append(c.keyed, keyed{len(c.all) - 1, r.uses})
		if r.dueAt != 0 {
			job.RunAt = timeOf(r.dueAt)
		}
		return nil
	}, claimSQL, c.queue, c.lane, t.now, limit, t.forgotten())
	if errors.Is(err, errUndecided) {
		return true, nil
	}
	return false, err
}

// start takes those out that may not start now, and counts the starts of the others.
func (c *claim) start(from int) (barred int, err error) {
	if len(c.keyed) == 0 {
		return 0, nil
	}
	s := starts{t: c.t}
	err = s.prepare(len(c.keyed), func(i int) (*store.Claimed, int) { return &c.all[c.keyed[i].at], c.keyed[i].uses })
	if err != nil {
		return 0, err
	}
	kept := c.all[:from]
	next := 0
	for i := from; i < len(c.all); i++ {
		if next < len(c.keyed) && c.keyed[next].at == i {
			uses := c.keyed[next].uses
			next++
			at, err := s.start(&c.all[i], uses)
			if err != nil {
				return 0, err
			}
			if at != "" {
				barred++
				s.barred = append(s.barred, bar{c.all[i].ID, at})
				continue
			}
		}
		kept = append(kept, c.all[i])
	}
	c.all = kept
	return barred, s.write()
}

// lease moves the jobs that were read, from one on, from due into leases.
func (c *claim) lease(from int) error {
	t := c.t
	last := &c.all[len(c.all)-1]
	// The id is copied: a driver may keep the slice while the statement runs.
	id, order := slices.Clone(last.ID[:]), last.RunAt.UnixMicro()
	if c.lane >= store.FairLane {
		if _, err := one(t, []any{&order}, "SELECT run_at FROM offload_due WHERE id = ?1", id); err != nil {
			return err
		}
	}
	lane := []any{c.queue, c.lane, order, id}
	n, err := t.exec(claimLeaseSQL, append(lane, c.process, t.now)...)
	if err != nil {
		return err
	}
	gone, err := t.exec(claimDueSQL, lane...)
	if err == nil && (n != gone || n != int64(len(c.all)-from)) {
		err = fmt.Errorf("%d jobs read, %d leased, %d taken from due: offload_job and offload_due do not fit together, run `offload doctor`", len(c.all)-from, n, gone)
	}
	return err
}

// forgotten is the time before which crashes do not count any more.
func (t *txn) forgotten() int64 { return t.now - store.CrashMemory.Microseconds() }

// scanClaimed reads a row of claim.sql, and r with it.
func scanClaimed(rows *sql.Rows, c *store.Claimed, r *rare, before ...any) error {
	var large sql.NullBool
	err := rows.Scan(append(before, timeInto{&c.RunAt}, idInto{&c.ID}, &c.Attempt, &c.Failures, r,
		&c.Task, timeInto{&c.CreatedAt}, &c.MaxAttempts,
		spanInto{&c.Timeout}, spanInto{&c.GiveUpAfter}, spanInto{&c.Retain}, tagsInto{&c.Tags},
		&large, &c.Input)...)
	c.Crashes, c.Terms, c.Large = r.crashes, r.terms, large.Bool
	ofTask(c.Terms, c.Task)
	return err
}

// ClaimParked is that of store.Worker.
func (s *Store) ClaimParked(ctx context.Context, req store.ParkedRequest) ([]store.Claimed, error) {
	return s.claim(ctx, fmt.Sprintf("claim parked from queue %q", req.Queue), req.Process, func(t *txn, process int64) (claimed []store.Claimed, err error) {
		limit := max(req.Limit, 0)
		if req.Suspect {
			limit = min(limit, 1)
		}
		for moved := true; moved && len(claimed) < limit; {
			ready, err := t.parked(req, limit-len(claimed))
			if err != nil {
				return nil, err
			}
			if ready, moved, err = t.startParked(ready, req.Suspect); err != nil {
				return nil, err
			}
			for _, c := range ready[:min(limit-len(claimed), len(ready))] {
				if _, err := t.exec(claimBlockedSQL, c.ID[:], process, t.now); err != nil {
					return nil, err
				}
				if _, err := t.exec("DELETE FROM offload_blocked WHERE id = ?1", c.ID[:]); err != nil {
					return nil, err
				}
				claimed = append(claimed, c.Claimed)
			}
		}
		return claimed, nil
	})
}

// A parkedJob is a blocked job, and its uses if it has terms.
type parkedJob struct {
	store.Claimed
	uses int
}

// startParked takes out those that may not start now: they go on to wait for their limit, but
// suspects where they are, since they are to be run alone. It reports whether others may be read then.
func (t *txn) startParked(ready []parkedJob, suspects bool) (may []parkedJob, moved bool, err error) {
	s := starts{t: t, parked: true}
	if err := s.prepare(len(ready), func(i int) (*store.Claimed, int) { return &ready[i].Claimed, ready[i].uses }); err != nil {
		return nil, false, err
	}
	for _, c := range ready {
		at, err := s.start(&c.Claimed, c.uses)
		switch {
		case err != nil:
			return nil, false, err
		case at == "":
			may = append(may, c)
		case !suspects:
			s.barred = append(s.barred, bar{c.ID, at})
			moved = true
		}
		if suspects && at == "" {
			break
		}
	}
	return may, moved, s.write()
}

// parkedAlone is how many suspects are looked at to find one that may start.
const parkedAlone = 100

// parked reads the blocked jobs that a request is given.
func (t *txn) parked(req store.ParkedRequest, limit int) (ready []parkedJob, err error) {
	waits, tasks := waitsTask, req.Tasks
	if req.Suspect {
		waits, tasks, limit = waitsAlone, []string{""}, parkedAlone
	}
	if len(tasks) > 1 { // a process may know many tasks; few have jobs here
		here, err := t.parkedTasks(req.Queue)
		if err != nil {
			return nil, err
		}
		tasks = slices.DeleteFunc(slices.Clone(tasks), func(task string) bool { return !slices.Contains(here, task) })
	}
	for _, task := range tasks {
		r := rare{read: t.termsRead}
		err := each(t, func(rows *sql.Rows) error {
			ready = append(ready, parkedJob{Claimed: store.Claimed{Queue: req.Queue, ClaimedAt: t.time()}})
			c := &ready[len(ready)-1]
			err := scanClaimed(rows, &c.Claimed, &r, &c.Priority)
			c.uses = r.uses
			return err
		}, claimParkedSQL, req.Queue, waits, task, t.now, limit, t.forgotten())
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(ready, func(a, b parkedJob) int {
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
