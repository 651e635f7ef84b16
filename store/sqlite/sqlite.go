package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

// A Store keeps jobs in a SQLite file.
type Store struct {
	path    string  // of the file, absolute, without links
	file    *held   // what all Stores of this process on that file share
	read    *sql.DB // connections for questions of people
	close   func() error
	writer  *writer
	reader  *reader // the connection for questions of the engine
	members members
	ears    ears
	gauge   gauge
	name    atomic.Value // of the database, a string, once it was read
	here    birth        // of the file

	once   sync.Once
	closed chan struct{}
}

// New returns a store on a pool of the user's, of any SQLite driver. All its connections come
// from that pool and use its library, so that the user's transactions and the store's can
// share a file. The pool must allow at least three connections, and open them with
// synchronous=FULL. Close leaves the pool open.
func New(ctx context.Context, db *sql.DB) (store.Store, error) {
	if db == nil {
		return nil, fmt.Errorf("%w: the *sql.DB is nil", store.ErrRefused)
	}
	if n := db.Stats().MaxOpenConnections; n > 0 && n < leastConns {
		return nil, fmt.Errorf("%w: the pool allows %d connections, want at least %d (SetMaxOpenConns): offload holds one to write and one to look, and the program needs one",
			store.ErrRefused, n, leastConns)
	}
	path, err := examinePool(ctx, db)
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, path, db, db, func() error { return nil })
	if err != nil {
		return nil, err // and no typed nil, which would be no nil
	}
	return s, nil
}

// leastConns is how many connections a pool must allow.
const leastConns = 3

// start makes a Store on a file that exists.
func start(ctx context.Context, path string, write, read *sql.DB, closePools func() error) (*Store, error) {
	file, err := hold1(path, libraryOf(write))
	if err != nil {
		return nil, err
	}
	s := &Store{
		path: path, file: file, read: read, close: closePools,
		writer: newWriter(write), reader: &reader{pool: read},
		here: birthOf(path), closed: make(chan struct{}),
	}
	if err := s.tryOut(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	// Taken now, while the user's transactions cannot hold all of their pool.
	if err := s.reader.view(ctx, func(*txn) error { return nil }); err != nil {
		return nil, errors.Join(explain("open "+path, err), s.Close())
	}
	file.join(s)
	return s, nil
}

// tryOut finds what would refuse the first job, before there is one.
func (s *Store) tryOut(ctx context.Context) error {
	_, err := s.writer.do(ctx, func(t *txn) error {
		var version string
		if _, err := one(t, []any{&version}, "SELECT sqlite_version()"); err != nil {
			return err
		}
		return checkLibrary(version)
	})
	switch codeOf(err) {
	case codeReadOnly, codeCannotOpen:
		return fmt.Errorf("%w: %s cannot be written, or its directory cannot (SQLite keeps %[2]s-wal beside it): %w", store.ErrRefused, s.path, err)
	case codeNotADB:
		return fmt.Errorf("%w: %s is no SQLite database: %w", store.ErrRefused, s.path, err)
	}
	return explain("open "+s.path, err)
}

// Close ends the connections that the store holds, and lets go of the locks of processes that
// have not left: others see then that they are gone.
func (s *Store) Close() (err error) {
	s.once.Do(func() {
		close(s.closed)
		s.file.leave(s)
		s.writer.close()
		s.reader.close()
		err = errors.Join(s.members.close(), s.close())
		s.file.release()
	})
	return err
}

// A txn is a transaction, and what is to happen after its commit.
type txn struct {
	database
	now     int64 // in microseconds since 1970
	wakes   []store.Wake
	claimed doubt
	termsRead
	gates
	turns
	flows
}

func (t *txn) time() time.Time { return timeOf(t.now) }

// wake says that jobs have become due.
func (t *txn) wake(queue string, priority int) {
	w := store.Wake{Queue: queue, Priority: priority}
	if n := len(t.wakes); n == 0 || t.wakes[n-1] != w { // neighbours are mostly alike
		t.wakes = append(t.wakes, w)
	}
}

// wakeToLook says that there is something that Look shows and a claim does not find.
func (t *txn) wakeToLook() { t.wake("", -1) }

// write runs f in a transaction, with those of other callers, and wakes who sleeps.
func (s *Store) write(ctx context.Context, doing string, f func(*txn) error) error {
	t, err := s.writer.do(ctx, settled(f))
	return s.written(ctx, doing, t, err)
}

// writeLax is write for what a loss of power may undo.
func (s *Store) writeLax(ctx context.Context, doing string, f func(*txn) error) error {
	t, err := s.writer.doLax(ctx, settled(f))
	return s.written(ctx, doing, t, err)
}

// settled is f, and what follows for those who wait.
func settled(f func(*txn) error) func(*txn) error {
	return func(t *txn) error {
		if err := f(t); err != nil {
			return err
		}
		return t.settle()
	}
}

// written explains an error, or wakes who sleeps.
func (s *Store) written(ctx context.Context, doing string, t *txn, err error) error {
	if err != nil {
		return s.explain(ctx, doing, err)
	}
	if len(t.wakes) > 0 {
		s.file.wake(t.wakes)
	}
	return nil
}

// explain is the package's explain, with a look at the schema where a table is missing.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-s.closed:
		return fmt.Errorf("%s: %w", doing, errClosed)
	default:
	}
	if codeOf(err) == codeError {
		if wrong := s.Ready(ctx); errors.Is(wrong, store.ErrSchema) {
			return fmt.Errorf("%s: %w", doing, wrong)
		}
	}
	return explain(doing, err)
}

// Now returns the time of this machine, which is the store's.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, store.Unavailable("read the time", err)
	}
	return timeOf(time.Now().UnixMicro()), nil
}
