package offload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// A Tx is an Enqueuer within a transaction of the caller, who commits it.
type Tx struct {
	app *App
	tx  any
}

// Tx enqueues within the caller's transaction, a pgx.Tx or *sql.Tx of the app's database, or
// a value that embeds one. Jobs exist when it commits. Any other value is refused by the first
// call that uses it.
func (a *App) Tx(tx any) *Tx { return &Tx{app: a, tx: tx} }

// Enqueue is App.Enqueue within the transaction. Jobs that were there already come back with
// Existing set and the id of the one that is there, otherwise as they would have been. Whether
// a job has to wait for a limit is decided after the commit.
func (t *Tx) Enqueue(ctx context.Context, calls ...*Call) ([]*Job, error) {
	if t == nil {
		return nil, ErrClosed
	}
	if err := t.app.open(); err != nil {
		return nil, err
	}
	return t.app.enqueueAround(ctx, calls, t.enqueue)
}

func (t *Tx) enqueue(ctx context.Context, calls []*Call) ([]*Job, error) {
	writer, err := t.writer()
	if err != nil {
		return nil, err
	}
	p, err := t.app.plan(ctx, calls, true)
	if err != nil || len(p.news) == 0 {
		return nil, err
	}
	if err := t.app.limits.ensure(ctx, t.app.store, writer, p.used); err != nil {
		return nil, err
	}
	inserted, err := writer.Insert(ctx, storedJobs(p.news))
	if err != nil {
		return nil, txError("enqueue in the transaction", err, t.tx)
	}
	return p.answers(p.jobs(inserted, true)), nil
}

// Cancel is App.Cancel within the transaction.
func (t *Tx) Cancel(ctx context.Context, ids ...ID) error {
	writer, err := t.writer()
	if err != nil {
		return err
	}
	acted, err := writer.Act(ctx, store.Act{Verb: store.Cancel, IDs: ids})
	if err != nil {
		return txError("cancel in the transaction", err, t.tx)
	}
	return t.app.actError(ctx, store.Cancel, acted)
}

// Complete completes the running job of ctx when the transaction commits: its effect then
// happens exactly once. If the lease was lost it returns ErrLeaseLost, and the transaction
// can only be rolled back. What the handler returns after the commit changes nothing; after a
// rollback it decides as usual. Outside a handler it does nothing.
func (t *Tx) Complete(ctx context.Context) error { return t.complete(ctx, nil) }

func (t *Tx) complete(ctx context.Context, result []byte) error {
	at := attemptOf(ctx)
	if at == nil {
		return nil
	}
	if at.many {
		return errMany(at.job.Task, "Complete")
	}
	writer, err := t.writer()
	if err != nil {
		return err
	}
	process, fence, ok := engine.Fence(ctx)
	if !ok {
		return ErrLeaseLost
	}
	if result, err = at.sealResult(at.job.ID, result); err != nil {
		return err
	}
	ended := store.Ended{
		Fence: fence, Task: at.job.Task, Queue: at.job.Queue, Outcome: store.OutcomeCompleted,
		Retain: at.claimed.Retain, Waited: max(at.claimed.ClaimedAt.Sub(at.claimed.RunAt), 0),
		Ran: time.Since(at.started), Result: result, InTx: true, Terms: at.claimed.Terms,
	}
	at.mu.Lock()
	at.inTx = true // before the call: it may have happened even if the answer is lost
	at.mu.Unlock()
	if err := writer.Complete(ctx, process, ended); err != nil {
		return txError("complete in the transaction", err, t.tx)
	}
	return nil
}

func (t *Tx) writer() (store.TxWriter, error) {
	if t == nil {
		return nil, ErrClosed
	}
	if err := t.app.open(); err != nil {
		return nil, err
	}
	if t.tx == nil {
		return nil, txInput(t.tx)
	}
	writer, err := t.app.store.Within(t.tx)
	if err != nil {
		return nil, txError("Tx", err, t.tx)
	}
	return writer, nil
}

// txError says what was given where a store finds that it is no transaction of its own.
func txError(doing string, err error, tx any) error {
	if errors.Is(err, store.ErrTx) {
		return errors.Join(txInput(tx), err)
	}
	return fmt.Errorf("offload: %s: %w", doing, err)
}

func txInput(tx any) error {
	return &InputError{Field: "Tx", Got: fmt.Sprintf("%T", tx), Want: "a pgx.Tx or *sql.Tx of the app's database"}
}
