package logship

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	batchRecords = 1000
	batchBytes   = 1 << 20
)

// Run ships until ctx ends, and then what waits, as long as Drain says. The app does this while it runs jobs: call it where none does, and wait for it. It is no harm if both do.
func (s *Shipper) Run(ctx context.Context) {
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(s.config.drain, end)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stop()
	tick := time.NewTicker(s.config.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.from.wake():
		case <-ctx.Done():
			s.tell(s.Flush(work))
			return
		}
		err := s.Flush(work)
		for err == nil && s.from.left() >= batchRecords && ctx.Err() == nil { // they came meanwhile, and told nobody
			err = s.Flush(work)
		}
		s.tell(err)
	}
}

func (s *Shipper) tell(err error) {
	if err != nil {
		s.say(err)
	}
}

// Flush ships all that waits now, and tries as long as ctx lasts. It is also how to ship before a crash that one sees coming: a panic, os.Exit.
func (s *Shipper) Flush(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	ctx = context.WithValue(ctx, ownKey{}, true)
	for left := s.from.left(); left > 0; {
		items, err := s.from.take(batchRecords, batchBytes)
		if err != nil || len(items) == 0 {
			return err
		}
		if err := s.deliver(ctx, items); err != nil {
			return err
		}
		left -= len(items)
	}
	return s.tellDropped(ctx)
}

// tellDropped ships a record that says how many have been dropped since the last such.
func (s *Shipper) tellDropped(ctx context.Context) error {
	dropped := s.counts.dropped.Load()
	n := dropped - s.counts.told.Load()
	if n == 0 || s.closed.Load() {
		return nil
	}
	item := s.encode.own(slog.LevelWarn, "log records were dropped", slog.Int64("dropped", n))
	if err := s.ship(ctx, []Item{item}); err != nil {
		return err
	}
	s.counts.told.Store(dropped)
	return nil
}

// deliver ships the oldest of those that wait, and marks them as done piece by piece. It returns an error only when ctx is over.
func (s *Shipper) deliver(ctx context.Context, items []Item) error {
	for len(items) > 0 {
		n := len(items)
		err := s.ship(ctx, items)
		for errors.Is(err, ErrTooLarge) && n > 1 {
			n /= 2
			err = s.ship(ctx, items[:n])
		}
		if errors.Is(err, ErrTooLarge) {
			s.counts.refused.Add(1)
			s.say(fmt.Errorf("a record of %d bytes was dropped: %w", len(items[0].Line), err))
			err = nil
		}
		if err != nil {
			return err
		}
		s.from.done(n)
		items = items[n:]
	}
	return nil
}

const (
	firstPause = 500 * time.Millisecond
	mostPause  = 30 * time.Second
	mostLater  = 5 * time.Minute // what Retry-After is believed
)

// ship ships a batch, and tries as long as it takes.
func (s *Shipper) ship(ctx context.Context, items []Item) error {
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		err := s.to.Ship(ctx, items)
		var refused *RefusedError
		var later *LaterError
		wait := pause/2 + rand.N(pause/2)
		switch {
		case err == nil:
			s.counts.shipped.Add(int64(len(items)))
			return nil
		case errors.Is(err, ErrTooLarge):
			return err
		case errors.As(err, &refused):
			n := len(items)
			if refused.Records > 0 {
				n = min(n, refused.Records)
			}
			s.counts.refused.Add(int64(n))
			s.counts.shipped.Add(int64(len(items) - n))
			s.say(fmt.Errorf("%d log %w", n, err))
			return nil
		case errors.As(err, &later):
			wait = min(max(later.After, 0), mostLater)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("ship log records: %w", err)
		}
		s.say(fmt.Errorf("log records can't be shipped just now, and wait: %w", err))
		s.counts.retries.Add(1)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("ship log records: %w", err)
		}
	}
}

// Close ships what waits, as long as Drain says, and ends the Shipper; what is logged later is dropped. It returns an error if records were not shipped. An app that has
// the Shipper as a part calls it.
func (s *Shipper) Close() (err error) {
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.config.drain)
		defer cancel()
		err = s.Flush(ctx)
		s.closed.Store(true)
		s.from.shut()
		if err == nil {
			err = s.Flush(ctx) // what was logged meanwhile
		}
		if left := s.from.left(); left > 0 && s.config.spool == "" {
			s.counts.lost.Add(int64(left))
			err = fmt.Errorf("%d log records are lost: %w", left, cmp.Or(err, errors.New("there was no time")))
		} else if left > 0 {
			err = fmt.Errorf("%d log records wait in the spool for the next process: %w", left, cmp.Or(err, errors.New("there was no time")))
		}
		err = errors.Join(err, s.from.release())
		if c, ok := s.to.(interface{ close() error }); ok {
			err = errors.Join(err, c.close())
		}
	})
	return err
}
