package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

// longestRead is how long one snapshot is held: the log cannot be cut while one is.
const longestRead = time.Second

// A reader is a connection kept for the questions of the engine, which must not wait for
// those of people, or for handlers that hold the user's pool.
type reader struct {
	pool *sql.DB

	mu     sync.Mutex // held for a question
	c      *session   // nil until it is needed, and after an error
	closed bool
}

// view runs f within one snapshot.
func (r *reader) view(ctx context.Context, f func(*txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errClosed
	}
	if r.c == nil {
		c, err := hold(ctx, r.pool, reading)
		if err != nil {
			return err
		}
		r.c = c
	}
	err := r.c.view(f)
	if err != nil {
		r.c.drop()
		r.c = nil
	}
	return err
}

func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.c != nil {
		r.c.drop()
		r.c = nil
	}
}

// view runs f within one snapshot. After an error the connection must be dropped.
func (c *session) view(f func(*txn) error) error {
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	if err := f(&txn{database: c, now: time.Now().UnixMicro()}); err != nil {
		return err
	}
	_, err := c.exec("COMMIT")
	return err
}

// snapshots asks questions of people, on a connection of the pool. One that takes long asks in
// pieces, and calls renew between them.
type snapshots struct {
	c     *session
	since time.Time
	*txn
}

// ask runs f on a connection of the pool.
func (s *Store) ask(ctx context.Context, doing string, f func(*snapshots) error) error {
	return s.explain(ctx, doing, s.ask1(ctx, f))
}

func (s *Store) ask1(ctx context.Context, f func(*snapshots) error) (err error) {
	select {
	case <-s.closed:
		return errClosed
	default:
	}
	c, err := hold(ctx, s.read, nil)
	if err != nil {
		return err
	}
	q := &snapshots{c: c}
	defer func() {
		if err != nil {
			c.drop()
			return
		}
		err = c.giveBack()
	}()
	if err := q.begin(); err != nil {
		return err
	}
	if err := f(q); err != nil {
		return err
	}
	return q.end()
}

func (q *snapshots) begin() error {
	q.since = time.Now()
	q.txn = &txn{database: q.c, now: q.since.UnixMicro()}
	_, err := q.c.exec("BEGIN")
	return err
}

func (q *snapshots) end() error {
	_, err := q.c.exec("COMMIT")
	return err
}

// renew takes a new snapshot if this one has been held for long.
func (q *snapshots) renew(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if time.Since(q.since) < longestRead/2 {
		return nil
	}
	if err := q.end(); err != nil {
		return err
	}
	return q.begin()
}

// giveBack returns the connection to its pool, as it was.
func (c *session) giveBack() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}
