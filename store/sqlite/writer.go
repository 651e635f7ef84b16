package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	patience = 5 * time.Second
	mostCut  = 256 // calls that share a commit
)

// A writer runs all write operations of a Store on one connection, several in one commit.
//
// There is no goroutine of its own and no timer: a caller that finds nobody at work leads. It
// takes the lock, cuts what has queued up by then, runs it, commits, answers all, and hands
// the lead to the first of those who came meanwhile. A commit takes so long as an fsync: it
// is what makes the next batch.
type writer struct {
	pool     *sql.DB
	patience time.Duration // how long a call waits for the lock

	mu      sync.Mutex // held for moments
	queue   []*call    // not cut yet; the first leads if led
	led     bool
	closed  bool
	crowded bool          // the last cut had company: it pays to wait for others
	drained chan struct{} // closed when the writer is closed and nobody leads

	// Of whoever leads.
	c       *session // nil until it is needed, and after an error that leaves doubt
	lax     bool     // commits are not synced at present
	doubts  []doubt  // given back first in the next transaction
	cramped bool     // the last transaction found no room on the disk
	terms   termsRead
}

// A doubt is leases of which nobody knows whether they were taken: the answer to COMMIT was
// an error. Their process does not run them, and would hold them for ever.
type doubt struct {
	process int64
	fences  []store.Fence
}

// A call is one write operation.
type call struct {
	f     func(*txn) error
	lax   bool // that a loss of power undoes it does no harm
	since time.Time
	lead  chan struct{} // closed when it is this call's turn to lead
	done  chan struct{} // closed when err is set
	cut   bool          // it runs: its context is not looked at any more; guarded by writer.mu

	t   *txn
	err error
}

func newWriter(pool *sql.DB) *writer {
	return &writer{pool: pool, patience: patience, drained: make(chan struct{}), terms: termsRead{}}
}

// do runs f in a transaction and returns when it is committed. f must have no effect but
// through its txn, and what it sets must not be used when do returns an error. If ctx ends
// while f waits, it is not run; once it runs, it is committed.
func (w *writer) do(ctx context.Context, f func(*txn) error) (*txn, error) {
	return w.submit(ctx, &call{f: f})
}

// doLax is do for what a loss of power may undo: unless others share its commit, that is not
// synced to the disk, but only with the next one that is. A process that is killed undoes
// nothing.
func (w *writer) doLax(ctx context.Context, f func(*txn) error) (*txn, error) {
	return w.submit(ctx, &call{f: f, lax: true})
}

func (w *writer) submit(ctx context.Context, c *call) (*txn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.since, c.lead, c.done = time.Now(), make(chan struct{}), make(chan struct{})
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil, errClosed
	}
	w.queue = append(w.queue, c)
	if !w.led {
		w.led = true
		close(c.lead)
	}
	w.mu.Unlock()

	select {
	case <-c.lead:
		w.work(ctx, c)
	case <-c.done:
	case <-ctx.Done():
		w.leave(ctx, c)
	}
	return c.t, c.err
}

// leave takes a call whose context has ended out of the queue, or waits for its end.
func (w *writer) leave(ctx context.Context, c *call) {
	w.mu.Lock()
	select {
	case <-c.lead:
		w.mu.Unlock()
		w.work(ctx, c)
		return
	default:
	}
	if c.cut {
		w.mu.Unlock()
		<-c.done
		return
	}
	w.remove(c)
	c.err = ctx.Err()
	w.mu.Unlock()
}

func (w *writer) remove(c *call) {
	for i, other := range w.queue {
		if other == c {
			w.queue = append(w.queue[:i:i], w.queue[i+1:]...)
			return
		}
	}
}

// work leads: it runs c with those that have queued up, and hands the lead on.
func (w *writer) work(ctx context.Context, c *call) {
	defer w.handOn()
	if w.crowded {
		runtime.Gosched() // those just answered are about to come again
	}
	if err := w.begin(ctx, c.since); err != nil {
		w.mu.Lock()
		w.remove(c)
		w.mu.Unlock()
		c.err = err
		return
	}
	calls := w.take()
	w.run(calls)
	w.cramped = slices.ContainsFunc(calls, func(c *call) bool { return roomless(c.err) })
	for _, done := range calls {
		if done != c {
			close(done.done)
		}
	}
}

// take cuts the queue; before a commit that is not synced, up to the first call that must last.
func (w *writer) take() []*call {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for n < min(len(w.queue), mostCut) && (w.queue[n].lax || !w.lax) {
		n++
	}
	calls := w.queue[:n:n]
	w.queue = w.queue[n:]
	for _, c := range calls {
		c.cut = true
	}
	w.crowded = n > 1
	return calls
}

// handOn gives the lead to the first in the queue, or ends it.
func (w *writer) handOn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) > 0 {
		close(w.queue[0].lead)
		return
	}
	w.led = false
	if w.closed {
		close(w.drained)
	}
}

// begin takes the lock of the database, trying again until the call has waited long enough.
func (w *writer) begin(ctx context.Context, since time.Time) error {
	for try := 0; ; try++ {
		err := w.tryBegin(ctx)
		if err == nil || !busy(err) || time.Since(since) > w.patience {
			return err
		}
		if err := cmp.Or(ctx.Err(), w.ended()); err != nil {
			return err
		}
		pause(try)
	}
}

func (w *writer) ended() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errClosed
	}
	return nil
}

func (w *writer) tryBegin(ctx context.Context) error {
	if w.c == nil {
		c, err := hold(ctx, w.pool, writing)
		if err != nil {
			return err
		}
		w.c, w.lax = c, false
	}
	if w.cramped {
		w.cramped = false
		_ = w.c.fold() // what it cannot do the transaction will tell
	}
	err := w.relax()
	if err == nil {
		_, err = w.c.exec("BEGIN IMMEDIATE")
	}
	if err != nil && !busy(err) {
		w.drop()
	}
	return err
}

// relax has commits synced, or not if all calls that wait are lax. It must be called outside of
// a transaction.
func (w *writer) relax() error {
	w.mu.Lock()
	lax := !slices.ContainsFunc(w.queue, func(c *call) bool { return !c.lax })
	w.mu.Unlock()
	if lax == w.lax {
		return nil
	}
	setting := "PRAGMA synchronous = FULL"
	if lax {
		setting = "PRAGMA synchronous = NORMAL"
	}
	if err := w.c.script(setting); err != nil {
		return err
	}
	w.lax = lax
	return nil
}

// pause waits before the next try for a lock: 0.3 ms at first, since most transactions are
// over by then, and never long, since others that write without a pause leave short gaps.
// SQLite's own waits reach 100 ms.
func pause(try int) {
	switch {
	case try < 30:
		time.Sleep(300 * time.Microsecond)
	case try < 1000:
		time.Sleep(time.Millisecond)
	default:
		time.Sleep(3 * time.Millisecond)
	}
}

// run runs calls within the transaction that has begun, and ends it.
func (w *writer) run(calls []*call) {
	now := time.Now().UnixMicro()
	if err := w.settle(now); err != nil {
		w.fail(calls, err)
		return
	}
	for _, c := range calls {
		c.t = &txn{database: w.c, now: now, termsRead: w.terms}
		if len(calls) == 1 {
			c.err = c.f(c.t)
			break
		}
		if err := w.runAmong(c); err != nil { // the transaction is gone, and all of them with it
			w.fail(calls, err)
			return
		}
	}
	if len(calls) == 1 && calls[0].err != nil {
		w.rollback()
		return
	}
	if _, err := w.c.exec("COMMIT"); err != nil {
		w.doubt(calls)
		w.fail(calls, store.Unavailable("commit", ofDisk(err)))
		return
	}
	w.doubts = nil
}

// settle gives back the leases that are in doubt.
func (w *writer) settle(now int64) error {
	t := &txn{database: w.c, now: now}
	for _, d := range w.doubts {
		if err := t.release(d.process, d.fences, toDue, ""); err != nil {
			return err
		}
	}
	return t.settle()
}

// doubt keeps the leases that calls may have taken.
func (w *writer) doubt(calls []*call) {
	for _, c := range calls {
		if c.err == nil && len(c.t.claimed.fences) > 0 {
			w.doubts = append(w.doubts, c.t.claimed)
		}
	}
}

// runAmong runs a call that must not hurt the others. Its error means that the transaction
// as a whole is lost.
func (w *writer) runAmong(c *call) error {
	if _, err := w.c.exec("SAVEPOINT offload_call"); err != nil {
		return err
	}
	if c.err = c.f(c.t); c.err != nil {
		if _, err := w.c.exec("ROLLBACK TO offload_call"); err != nil {
			return c.err // such errors as a full disk end a transaction
		}
	}
	_, err := w.c.exec("RELEASE offload_call")
	return err
}

// fail answers calls whose transaction is lost, or in doubt. Those that had an error of
// their own keep it.
func (w *writer) fail(calls []*call, err error) {
	if !errors.Is(err, store.ErrUnavailable) {
		err = store.Unavailable("share a commit", err)
	}
	for _, c := range calls {
		if c.err == nil {
			c.err = err
		}
	}
	w.rollback()
}

// rollback ends the transaction, if need be with its connection.
func (w *writer) rollback() {
	if _, err := w.c.exec("ROLLBACK"); err != nil {
		w.drop()
	}
}

func (w *writer) drop() {
	w.c.drop()
	w.c = nil
}

// glance runs f on the writing connection outside of a transaction, unless somebody is at
// work there.
func (w *writer) glance(f func(database) error) error {
	w.mu.Lock()
	if w.led || w.closed || w.c == nil {
		w.mu.Unlock()
		return nil
	}
	w.led = true
	w.mu.Unlock()
	defer w.handOn()
	return f(w.c)
}

// close waits for who is at work, and ends the connection. Calls that wait get an error.
func (w *writer) close() {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	w.closed = true
	var leads []*call
	for _, c := range w.queue {
		select {
		case <-c.lead: // it is looking for the lock, and will see
			leads = append(leads, c)
		default:
			c.err, c.cut = errClosed, true
			close(c.done)
		}
	}
	w.queue = leads
	if !w.led {
		close(w.drained)
	}
	w.mu.Unlock()

	<-w.drained
	if w.c != nil {
		w.drop()
	}
}
