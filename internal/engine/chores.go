package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has what the steward does. Each call is one round trip with its own deadline, or a
// few, and says how much it found and whether there may be more.

func (s *shift) admit(ctx context.Context) (moved int, more bool, err error) {
	err = s.within(ctx, func(ctx context.Context) (err error) {
		moved, more, err = s.Store.Admit(ctx, choreMost)
		return err
	})
	if moved > 0 {
		s.mail.tell(letThrough)
	}
	return moved, more, err
}

func (s *shift) expire(ctx context.Context) (expired int, more bool, err error) {
	err = s.within(ctx, func(ctx context.Context) (err error) {
		expired, err = s.Store.Expire(ctx, choreMost)
		return err
	})
	return expired, expired == choreMost, err
}

// settle brings jobs in line with what they wait for.
func (s *shift) settle(ctx context.Context) (moved int, more bool, err error) {
	err = s.within(ctx, func(ctx context.Context) (err error) {
		moved, more, err = s.Store.Settle(ctx, choreMost)
		return err
	})
	if moved > 0 {
		s.mail.tell(letThrough)
	}
	return moved, more, err
}

func (s *shift) declare(ctx context.Context) (int, bool, error) {
	return 0, false, s.within(ctx, s.Declare)
}

// takeTicks takes ticks that are due.
func (s *shift) takeTicks(ctx context.Context) (took int, more bool, err error) {
	err = s.within(ctx, func(ctx context.Context) (err error) {
		took, err = s.Store.Tick(ctx, tickMost, s.tick)
		return err
	})
	return took, took == tickMost, err
}

// tick asks what a schedule does.
func (s *shift) tick(now time.Time, c store.Schedule) (t store.Ticked, err error) {
	defer recoverAs(&err)
	return s.Tick(now, c)
}

// takeInbox makes jobs of rows of the inbox.
func (s *shift) takeInbox(ctx context.Context) (found int, more bool, err error) {
	var rows []store.InboxRow
	err = s.within(ctx, func(ctx context.Context) (err error) {
		rows, err = s.Store.InboxRows(ctx, false, choreMost)
		return err
	})
	if err != nil || len(rows) == 0 {
		return 0, false, err
	}
	var fates []store.InboxFate
	err = s.within(ctx, func(ctx context.Context) (err error) {
		fates, err = s.fatesOf(ctx, rows)
		return err
	})
	if err != nil {
		return len(rows), false, err
	}
	if len(fates) == 0 { // all are left for another process
		return 0, false, nil
	}
	return len(fates), len(rows) == choreMost, s.moveInbox(ctx, fates)
}

// fatesOf asks what becomes of rows.
func (s *shift) fatesOf(ctx context.Context, rows []store.InboxRow) (fates []store.InboxFate, err error) {
	defer recoverAs(&err)
	return s.Inbox(ctx, rows)
}

// moveInbox stores what becomes of rows: together, and where that fails each for itself. One
// that the store refuses is kept with the reason. One that has to wait, because a transaction
// has to do with its unique key, is left for later; a few in a row are an outage.
func (s *shift) moveInbox(ctx context.Context, fates []store.InboxFate) error {
	err := s.move(ctx, sharedFor, fates...)
	if err == nil || ctx.Err() != nil {
		return err
	}
	var left error
	failed := 0 // in a row
	for i := 0; i < len(fates) && failed < 3 && ctx.Err() == nil; i++ {
		err := s.move(ctx, sharedFor/4, fates[i])
		if err != nil && !store.Temporary(err) {
			err = s.move(ctx, sharedFor/4, store.InboxFate{Number: fates[i].Number, Error: err.Error()})
		}
		if failed++; err == nil {
			failed = 0
		} else {
			left = err
		}
	}
	return left
}

func (s *shift) move(ctx context.Context, within time.Duration, fates ...store.InboxFate) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return s.Store.MoveInbox(ctx, fates)
}

// recoverAs makes a panic of the program's own code an error.
func recoverAs(err *error) {
	if value := recover(); value != nil {
		*err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
	}
}
