package madeup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
)

// letters are mails that were sent.
func (s *Shop) letters(ctx context.Context) error {
	var all []Letter
	for i := range 40 {
		all = append(all, Letter{To: fmt.Sprintf("customer%d@example.com", i), Subject: fmt.Sprintf("Your order %d", 40_000+i), Tenant: fmt.Sprint("tenant-", i%3)})
	}
	_, err := mail.EnqueueMany(ctx, s.App, all, offload.Tag("kind", "order"))
	return err
}

// work is done, or fails, at once.
func (s *Shop) work(ctx context.Context) error {
	return s.each(ctx,
		thumb.Call(Photo{File: "cat.jpg", Width: 320}), thumb.Call(Photo{File: "dog.jpg", Width: 320}, offload.Tag("tenant", "tenant-1")),
		thumb.Call(Photo{File: Script + ".jpg"}, offload.Tag("name", Script), offload.Tag("emoji", Emoji)),
		pay.Call(Payment{Order: 40_001, Cents: 12_90, Card: "4111 1111 1111 1111"}), pay.Call(Payment{Order: 40_002, Cents: 5_00, Card: "4000 0000"}),
		pay.Call(Payment{Order: 40_003, Cents: 99_00, Card: "4111"}),
		fetch.Call(Account{ID: 7}), fetch.Call(Account{ID: 8}), fetch.Call(Account{ID: 9}, offload.Priority(1)),
		export.Call(Report{Month: "2026-09"}), export.Call(Report{Month: "2026-10"}),
		health.Call(Health{Patient: "Mrs. Example"}),
		strange.Call(map[string]any{Script: Right, "emoji": Emoji, "long": Long}, offload.Queue("mail"), offload.Tag("rtl", Right)),
		strange.Call(map[string]any{"fail": Script + " " + Right + " " + Emoji + "\n" + Long}),
		sum.Call([]int{1, 2, 3}),
	)
}

// waiting is what has not begun, and why.
func (s *Shop) waiting(ctx context.Context) error {
	err := s.each(ctx,
		report.Call(Report{Month: "2026-08"}), report.Call(Report{Month: "2026-07"}, offload.Priority(9)),
		mail.Call(Letter{To: "later@example.com", Subject: "How was it?"}, offload.Delay(26*time.Hour)),
		mail.Call(Letter{To: Right, Subject: Emoji}, offload.Delay(90*time.Second)),
		crawl.Call("https://example.com/"+Long[:200], offload.Delay(time.Hour)),
		report.Call(Report{Month: "1999-01"}, offload.Expire(time.Millisecond)),
	)
	gone := report.Call(Report{Month: "1998-01"})
	_, other := s.App.Enqueue(ctx, gone)
	if err = errors.Join(err, other); err != nil {
		return err
	}
	return s.App.Cancel(ctx, gone.ID())
}

// workflows are jobs that wait for others.
func (s *Shop) workflows(ctx context.Context) error {
	rows := offload.Batch(thumb.Call(Photo{File: "a.jpg", Width: 1}), thumb.Call(Photo{File: "b.jpg", Width: 1}), report.Call(Report{Month: "2026-06"}))
	first, second := sum.Call([]int{1}), report.Call(Report{Month: "2026-05"})
	third := mail.Call(Letter{To: "boss@example.com", Subject: "Report"}, offload.After(second, rows))
	_, err := s.App.Enqueue(ctx, first, second.With(offload.After(first)), rows, third, sum.Call([]int{4}, offload.AfterEnd(third)))
	return err
}

// each enqueues calls, each for itself.
func (s *Shop) each(ctx context.Context, calls ...*offload.Call) error {
	for _, c := range calls {
		if _, err := s.App.Enqueue(ctx, c); err != nil {
			return fmt.Errorf("enqueue %s: %w", c.Task(), err)
		}
	}
	return nil
}
