package sqlite

import (
	"context"

	"github.com/offloadhq/offload/store"
)

// Where a lease that is given back goes.
const (
	toDue = iota - 1
	toParked
	toAlone // as a suspect
)

// Release is that of store.Worker.
func (s *Store) Release(ctx context.Context, process store.ID, fences []store.Fence) error {
	return s.giveBack(ctx, "release jobs", process, fences, toDue, "")
}

// Park is that of store.Worker.
func (s *Store) Park(ctx context.Context, process store.ID, suspect bool, fences []store.Fence) error {
	to := toParked
	if suspect {
		to = toAlone
	}
	return s.giveBack(ctx, "park jobs", process, fences, to, "")
}

// ParkFor is that of store.Worker.
func (s *Store) ParkFor(ctx context.Context, process store.ID, need string, fences []store.Fence) error {
	return s.giveBack(ctx, "park jobs", process, fences, toParked, need)
}

func (s *Store) giveBack(ctx context.Context, doing string, process store.ID, fences []store.Fence, to int, need string) error {
	if len(fences) == 0 {
		return nil
	}
	return s.write(ctx, doing, func(t *txn) error {
		number, _, err := t.process(process)
		if err != nil {
			return err
		}
		return t.release(number, fences, to, need)
	})
}

// release gives leases back that are still held.
func (t *txn) release(process int64, fences []store.Fence, to int, need string) error {
	for _, f := range fences {
		r, held, err := t.takeLease(process, f)
		if err != nil {
			return err
		}
		if held {
			r.need = need
			if err := t.putBack(&r, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// putBack ends a lease without an end of its attempt. run_at is as it was, so that the job is
// in front of what is behind it, and of those that take turns. It keeps its limits, unless it waits
// for a process that knows its task. A signal to cancel is obeyed, or it would be forgotten.
func (t *txn) putBack(r *row, to int) error {
	signalled, err := t.obeySignal(r)
	if err != nil {
		return err
	}
	if to != toParked || signalled { // who does not know its task has not begun it
		r.begin()
	}
	switch {
	case signalled:
		return t.putDone(r, stateCancelled)
	case to == toDue:
		return t.putDue(r)
	case to == toAlone:
		return t.putBlocked(r, waitsAlone)
	}
	if r.uses&usesTerms != 0 {
		a, err := t.askedOf(r)
		if err != nil {
			return err
		}
		if err := t.leaveLimits(r.id, a.limits(), true); err != nil {
			return err
		}
	}
	return t.putBlocked(r, waitsTask)
}

// WriteProgress is that of store.Worker.
func (s *Store) WriteProgress(ctx context.Context, process store.ID, progress []store.Progress) error {
	if len(progress) == 0 {
		return nil
	}
	return s.write(ctx, "write progress", func(t *txn) error {
		number, _, err := t.process(process)
		if err != nil {
			return err
		}
		for _, p := range progress {
			held, err := t.exec("UPDATE offload_lease SET uses = uses | 4 WHERE id = ?1 AND process = ?2 AND attempt = ?3", p.ID[:], number, p.Attempt)
			if err != nil {
				return err
			}
			if held == 0 {
				continue
			}
			_, err = t.exec("REPLACE INTO offload_progress (id, attempt, done, total, note, written_at, rate) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
				p.ID[:], p.Attempt, p.Done, p.Total, store.CleanText(p.Note, store.MaxErrorText), t.now, p.Rate)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
