package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"

	"github.com/offloadhq/offload/store"
)

// Result codes of SQLite, the same in every library.
const (
	codeError      = 1
	codeBusy       = 5
	codeLocked     = 6
	codeNoMemory   = 7
	codeReadOnly   = 8
	codeInterrupt  = 9
	codeIO         = 10
	codeCorrupt    = 11
	codeFull       = 13
	codeCannotOpen = 14
	codeProtocol   = 15
	codeNotADB     = 26
)

// codeOf returns SQLite's result code in an error of any driver, or 0. Drivers agree in
// having a code, but not in its type: a method Code with modernc and ncruces, a field with
// mattn.
func codeOf(err error) int {
	for ; err != nil; err = errors.Unwrap(err) {
		v := reflect.ValueOf(err)
		if m := v.MethodByName("Code"); m.IsValid() && m.Type().NumIn() == 0 && m.Type().NumOut() == 1 {
			if n, ok := integer(m.Call(nil)[0]); ok {
				return n & 0xff
			}
		}
		v = reflect.Indirect(v)
		if v.Kind() == reflect.Struct {
			if n, ok := integer(v.FieldByName("Code")); ok {
				return n & 0xff
			}
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				if n := codeOf(e); n != 0 {
					return n
				}
			}
		}
	}
	return 0
}

func integer(v reflect.Value) (int, bool) {
	switch {
	case !v.IsValid():
		return 0, false
	case v.CanInt():
		return int(v.Int()), true
	case v.CanUint():
		return int(v.Uint() & 0xffff), true
	}
	return 0, false
}

// busy reports whether another connection holds the database.
func busy(err error) bool {
	c := codeOf(err)
	return c == codeBusy || c == codeLocked
}

// roomless reports whether there was no room on the disk, or the disk has failed: a quota or a
// limit of the system looks like that.
func roomless(err error) bool {
	if err == nil {
		return false
	}
	c := codeOf(err)
	return c == codeFull || c == codeIO
}

// ofDisk says what is wrong with the disk, if it is that.
func ofDisk(err error) error {
	switch codeOf(err) {
	case codeFull:
		return fmt.Errorf("the disk is full, or the file as large as it may get: %w", err)
	case codeIO:
		return fmt.Errorf("the disk has failed, or a quota or limit is reached: %w", err)
	}
	return err
}

// errHeld is what a person reads who holds the lock.
var errHeld = errors.New("a transaction of this program or another holds the database: to enqueue within a transaction of yours use app.Tx, and keep transactions short")

var errClosed = errors.New("store/sqlite: the store is closed")

// ours are errors that say already how it goes on.
var ours = []error{
	store.ErrNotFound, store.ErrUnavailable, store.ErrSchema, store.ErrLeaseLost, store.ErrTx, store.ErrRefused, errClosed,
}

// explain says what was being done, and what an error of the database means for it.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range ours {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	switch codeOf(err) {
	case codeBusy, codeLocked, codeProtocol:
		return store.Unavailable(doing, fmt.Errorf("%w: %w", errHeld, err))
	case codeIO, codeFull, codeInterrupt, codeNoMemory, codeCannotOpen:
		return store.Unavailable(doing, ofDisk(err))
	case codeReadOnly:
		return fmt.Errorf("%s: %w: the file is read-only or was moved away: %w", doing, store.ErrRefused, err)
	case codeCorrupt, codeNotADB:
		return fmt.Errorf("%s: the database is damaged; stop all processes, keep a copy of the file with its -wal, and run `offload doctor`: %w", doing, err)
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, driver.ErrBadConn):
		return store.Unavailable(doing, err)
	case errors.Is(err, sql.ErrConnDone):
		return store.Unavailable(doing, fmt.Errorf("the pool was closed: %w", err))
	}
	return fmt.Errorf("%s: %w", doing, err)
}
