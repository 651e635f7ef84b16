package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/offloadhq/offload/internal/batch"
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
		s.mail.admit()
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
	return len(rows), len(rows) == choreMost && len(fates) > 0, s.moveInbox(ctx, fates)
}

// fatesOf asks what becomes of rows.
func (s *shift) fatesOf(ctx context.Context, rows []store.InboxRow) (fates []store.InboxFate, err error) {
	defer recoverAs(&err)
	return s.Inbox(ctx, rows)
}

// moveInbox stores what becomes of rows. Where the store refuses some, they are split until the
// bad one stands alone, which is kept with the reason.
func (s *shift) moveInbox(ctx context.Context, fates []store.InboxFate) (failed error) {
	move := func(some []store.InboxFate) error {
		if failed != nil {
			return nil // they are left for later
		}
		err := s.within(ctx, func(ctx context.Context) error { return s.Store.MoveInbox(ctx, some) })
		if store.Temporary(err) || ctx.Err() != nil {
			failed = err
			return nil
		}
		return err
	}
	batch.Split(fates, move, func(f store.InboxFate, refusal error) {
		if err := move([]store.InboxFate{{Number: f.Number, Error: refusal.Error()}}); err != nil {
			failed = err // it is not the row's fault
		}
	})
	return failed
}

// recoverAs makes a panic of the program's own code an error.
func recoverAs(err *error) {
	if value := recover(); value != nil {
		*err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
	}
}
