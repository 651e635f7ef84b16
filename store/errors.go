package store

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrNotFound reports that no job, queue, task or process has the name or id given.
	ErrNotFound = errors.New("offload: not found")

	// ErrUnavailable reports that the database could not be reached, did not answer in time,
	// or refused for a reason that passes (a lock, a full disk, a failover). Nothing is known
	// of the change: make the same call again.
	ErrUnavailable = errors.New("offload: store is not available")

	// ErrSchema reports a database whose schema this program cannot work: not migrated yet, or
	// migrated by a release that excludes this one.
	ErrSchema = errors.New("offload: database schema")

	// ErrLeaseLost reports that the attempt now belongs to another process, and that what it
	// wanted to write was not written.
	ErrLeaseLost = errors.New("offload: lease lost")

	// ErrTx reports a value given as a transaction that this store cannot work within.
	ErrTx = errors.New("offload: not a transaction of this database")

	// ErrFull reports that a job keeps as much as it may.
	ErrFull = errors.New("offload: as much as is kept of a job")

	// ErrStale reports that a document is not what the caller has read, and that nothing was written.
	// Read it again.
	ErrStale = errors.New("offload: changed since it was read")

	// ErrRefused reports an address or database that cannot be used as it is: a read-only file,
	// a network file system, a wrong password. The text says what would be right.
	ErrRefused = errors.New("offload: database refused")
)

// Unavailable wraps err as an ErrUnavailable, saying what was being done. Both can be found
// with errors.Is and errors.As.
func Unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}

// Temporary reports whether the same call may succeed later: the error is an ErrUnavailable
// or a deadline that passed.
func Temporary(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

// A ConflictError names the job that holds a unique key, under ConflictFail.
type ConflictError struct {
	Task, Key string
	ID        ID // of the job that holds it
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("task %q: job %s holds the unique key %q", e.Task, e.ID, e.Key)
}
