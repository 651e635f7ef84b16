package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/offloadhq/offload/store"
)

var errClosed = errors.New("store/postgres: the store is closed")

// errAgain ends a transaction that has found things otherwise than it took for granted.
var errAgain = errors.New("store/postgres: others were in the way")

// A badCall is an error of what was asked, not of the way there: the same call fails again.
type badCall struct{ err error }

func (e badCall) Error() string { return e.err.Error() }
func (e badCall) Unwrap() error { return e.err }

// Codes of errors that the store knows by name.
const (
	codeDivision    = "22012" // what statements raise whose count is not as expected
	codeDuplicate   = "23505"
	codeReadOnly    = "25006"
	codeNoStatement = "26000"
	codeStalePlan   = "0A000"
	codeLeaseLost   = "OF001" // ours
	codeSerialize   = "40001"
	codeDeadlock    = "40P01"
	codeLockTimeout = "55P03"
	codeNoRight     = "42501"
)

// sqlState is what errors of PostgreSQL drivers have.
type sqlState interface{ SQLState() string }

// codeOf returns the code of a server's error, or "".
func codeOf(err error) string {
	var s sqlState
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return ""
}

// passes reports whether an error of the server may pass by itself: a lock, a full disk, a
// shutdown, a failover.
func passes(code string) bool {
	if len(code) != 5 {
		return false
	}
	return slices.Contains([]string{"08", "40", "53", "57", "58"}, code[:2]) ||
		slices.Contains([]string{codeReadOnly, codeLockTimeout, "25P02", "25P03", "55006"}, code)
}

// unmigrated reports whether a code is that of a missing table, column or function.
func unmigrated(code string) bool {
	return slices.Contains([]string{"42P01", "42703", "42883", "3F000"}, code)
}

// fail says what was being done, and makes an error of the way there an ErrUnavailable.
func (s *Store) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(s.life); cause != nil {
		return store.Unavailable(doing, errors.Join(cause, err))
	}
	for _, known := range []error{store.ErrLeaseLost, store.ErrNotFound, store.ErrSchema, store.ErrTx, store.ErrUnavailable} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	var connecting *pgconn.ConnectError
	var bad badCall
	code := codeOf(err)
	switch {
	case errors.As(err, &connecting):
		return store.Unavailable(doing, err)
	case unmigrated(code):
		return fmt.Errorf("%s: %w: schema %q has not what this program needs; migrate it: %w", doing, store.ErrSchema, s.schema, err)
	case code == codeNoRight:
		return fmt.Errorf("%s: %w: user %q lacks a right; want USAGE on schema %q and SELECT, INSERT, UPDATE and DELETE on its tables, to migrate also CREATE: %w",
			doing, store.ErrRefused, s.pool.Config().ConnConfig.User, s.schema, err)
	case code != "" && !passes(code), errors.As(err, &bad):
		return fmt.Errorf("%s: %w", doing, err)
	}
	return store.Unavailable(doing, err)
}

// breaks reports whether a connection is of no use after an error: its server is shutting
// down, or has become one that cannot write.
func breaks(err error) bool {
	code := codeOf(err)
	return code == codeReadOnly || len(code) == 5 && (code[:4] == "57P0" || code[:2] == "08")
}

// again reports whether the same call shall be made at once: another transaction was in the
// way, or a prepared statement has gone stale.
func again(err error) bool {
	return errors.Is(err, errAgain) || slices.Contains([]string{codeSerialize, codeDeadlock, codeNoStatement, codeStalePlan}, codeOf(err))
}

// pause waits before the n-th repetition.
func pause(ctx context.Context, n int) {
	wait := time.Duration(1<<min(n, 5)) * time.Millisecond
	timer := time.NewTimer(wait/2 + rand.N(wait))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
