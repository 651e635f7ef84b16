package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A Tx is a transaction on a Store, as a caller would have one of its database. What is done
// within it happens at Commit, all or none, and is seen by nobody before. It is for one
// goroutine.
type Tx struct {
	s        *Store
	ended    bool
	over     chan struct{}          // closed when it has ended
	waits    *Tx                    // whose unique key it waits for; guarded by s.mu
	broken   error                  // why it cannot be committed
	inserted map[store.ID]bool      // pending
	keys     map[uniqueKey]store.ID // that its jobs take; others wait for it
	leases   map[store.ID]closing   // to complete at Commit
	draft    *draft
	adds     map[store.ID]bool // to batches, which do not end meanwhile
	changes  []func(now time.Time)
}

// A closing is a lease that a transaction completes.
type closing struct {
	process store.ID
	ended   store.Ended
}

var errTxEnded = errors.New("the transaction has ended")

// Begin begins a transaction, to be ended with Commit or Rollback.
func (s *Store) Begin() *Tx {
	return &Tx{
		s: s, over: make(chan struct{}), inserted: map[store.ID]bool{},
		keys: map[uniqueKey]store.ID{}, leases: map[store.ID]closing{}, draft: s.draft(), adds: map[store.ID]bool{},
	}
}

// Commit does what was done within the transaction. It does nothing, and returns an
// ErrLeaseLost, if a lease that was to be completed is gone.
func (t *Tx) Commit() error {
	return t.s.do(context.Background(), func(now time.Time) error {
		if t.ended {
			return fmt.Errorf("commit: %w", errTxEnded)
		}
		t.end()
		if t.broken != nil {
			return fmt.Errorf("commit: %w", t.broken)
		}
		for id, c := range t.leases {
			if t.s.held(c.process, c.ended.Fence) == nil {
				return fmt.Errorf("commit: complete job %s: %w", id, store.ErrLeaseLost)
			}
		}
		for _, c := range t.leases {
			t.s.finish(t.s.leases[c.ended.ID], c.ended, now)
		}
		for _, change := range t.changes {
			change(now)
		}
		return nil
	})
}

// Rollback forgets what was done within the transaction. After its end it does nothing.
func (t *Tx) Rollback() error {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.end()
	t.s.heed(t.s.now())
	return nil
}

// end ends the transaction: those that wait for its keys go on when the mutex is free.
func (t *Tx) end() {
	if t.ended {
		return
	}
	t.ended = true
	for k := range t.keys {
		delete(t.s.reservations, k)
	}
	for id := range t.adds {
		if t.s.adding[id]--; t.s.adding[id] == 0 {
			delete(t.s.adding, id)
			t.s.mark(id)
		}
	}
	close(t.over)
}

// Within is that of store.Store: tx is a *Tx of this store.
func (s *Store) Within(tx any) (store.TxWriter, error) {
	t, ok := tx.(*Tx)
	if !ok {
		return nil, fmt.Errorf("%w: got %T, want *memory.Tx", store.ErrTx, tx)
	}
	if t == nil || t.s != s {
		return nil, fmt.Errorf("%w: the *memory.Tx is not of this store: want one of its Begin", store.ErrTx)
	}
	return t, nil
}

// do calls f alone, unless the transaction has ended or is broken.
func (t *Tx) do(ctx context.Context, f func(now time.Time) error) error {
	return t.s.await(ctx, t, func(now time.Time) error {
		t.waits = nil
		if t.ended {
			return fmt.Errorf("%w: %w", store.ErrTx, errTxEnded)
		}
		if t.broken != nil {
			return t.broken
		}
		return f(now)
	})
}

// Insert is that of store.Writer, at Commit. What unique keys make of the jobs is decided now,
// and holds, since others that want the same keys wait.
func (t *Tx) Insert(ctx context.Context, jobs []store.NewJob) (inserted []store.Inserted, err error) {
	err = t.do(ctx, func(now time.Time) error {
		if err := t.s.reserved(t, uniqueKeys(jobs)...); err != nil {
			return err
		}
		verdicts, err := judge(jobs, t.exists, t.ownerAt(now), func(id store.ID) bool { return t.inserted[id] || t.s.waiting(id) })
		if err != nil {
			t.broken = err
			return err
		}
		for i, n := range jobs {
			if err := t.draft.check(n, verdicts[i]); err != nil {
				t.broken = err
				return err
			}
		}
		for i, n := range jobs {
			inserted = append(inserted, t.insert(n, verdicts[i], now))
		}
		return nil
	})
	return inserted, err
}

func (t *Tx) exists(id store.ID) bool { return t.s.exists(id) || t.inserted[id] }

// ownerAt says who will hold a unique key when the transaction has committed.
func (t *Tx) ownerAt(now time.Time) func(uniqueKey) store.ID {
	others := t.s.ownerAt(now)
	return func(k uniqueKey) store.ID {
		if mine, ok := t.keys[k]; ok {
			return mine
		}
		return others(k)
	}
}

func (t *Tx) insert(n store.NewJob, v verdict, now time.Time) store.Inserted {
	in := store.Inserted{ID: n.ID}
	if !v.old.IsZero() {
		in = store.Inserted{ID: v.old, Existing: true, Replaced: v.replaced}
		if !v.replaced {
			return in
		}
	}
	t.inserted[in.ID] = true
	if k, u := uniqueOf(n.Task, n.Terms); u != nil {
		t.keys[k], t.s.reservations[k] = in.ID, t
	}
	n.Input, n.Tags, n.Terms = bytes.Clone(n.Input), maps.Clone(n.Tags), cloneTerms(n.Task, n.Terms)
	n.After = slices.Clone(n.After)
	if b := batchOf(n); !b.IsZero() && !t.adds[b] {
		t.adds[b] = true
		t.s.adding[b]++
	}
	runAt := firstRun(n, now) // it waits from now, though nobody sees it before Commit
	t.changes = append(t.changes, func(now time.Time) { t.draft.enter(n, v, runAt, now) })
	return in
}

// PutLimits is that of store.TxWriter: at once, beside the transaction.
func (t *Tx) PutLimits(ctx context.Context, limits []store.Limit) error {
	return t.s.PutLimits(ctx, limits)
}

// Act is that of store.TxWriter, at Commit. The answer says how things stand before it.
func (t *Tx) Act(ctx context.Context, act store.Act) (acted []store.Acted, err error) {
	if act.Verb != store.Cancel {
		return nil, fmt.Errorf("act: %q cannot be done within a transaction, only %q", act.Verb, store.Cancel)
	}
	act.IDs = slices.Clone(act.IDs)
	err = t.do(ctx, func(now time.Time) error {
		for _, id := range act.IDs {
			acted = append(acted, t.foresee(id, now))
		}
		t.changes = append(t.changes, func(now time.Time) { t.s.act(act, now) })
		return nil
	})
	return acted, err
}

// foresee says what will become of a job that is cancelled.
func (t *Tx) foresee(id store.ID, now time.Time) store.Acted {
	if t.inserted[id] {
		return store.Acted{ID: id, Effect: store.Done, State: store.Available}
	}
	j := t.s.known(id)
	if j == nil {
		return store.Acted{ID: id, Effect: store.NotStored}
	}
	a := store.Acted{ID: id, Effect: store.Done, State: j.stateAt(now)}
	if a.State.Ended() || j.cancel && a.State == store.Running {
		a.Effect = store.Nothing
	}
	return a
}

// Complete is that of store.TxWriter, at Commit.
func (t *Tx) Complete(ctx context.Context, process store.ID, ended store.Ended) error {
	return t.do(ctx, func(time.Time) error {
		_, twice := t.leases[ended.ID]
		if twice || t.s.held(process, ended.Fence) == nil {
			t.broken = fmt.Errorf("complete job %s: %w", ended.ID, store.ErrLeaseLost)
			return t.broken
		}
		ended.Outcome, ended.Failure = store.OutcomeCompleted, nil
		ended.Result = bytes.Clone(ended.Result)
		t.leases[ended.ID] = closing{process, ended}
		return nil
	})
}
